-- /// query
-- title = "x"
-- question = "y"
-- ///
select 1 as a order by 1
-- expect 4:1: the column a is not declared
