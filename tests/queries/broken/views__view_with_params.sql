-- /// view
-- title = "x"
-- [params.a]
-- type = "text"
-- ///
select 1 as a
-- expect 3:5: the header key 'params' is unknown
