-- /// query
-- title = "x"
-- question = "y"
-- [params."a b"]
-- type = "text"
-- ///
select 1 as a order by 1
-- expect 4:5: 'a b' is no name for a parameter
