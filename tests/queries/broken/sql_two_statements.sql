-- /// query
-- title = "x"
-- question = "y"
-- ///
select 1 as a order by 1; -- and
 select 2 as b
-- expect 6:2: holds 2 statements
