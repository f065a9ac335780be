-- /// query
-- title = "x"
-- question = "y"
-- [columns]
-- a = "one"
-- b = "two"
-- ///
select 1 as a order by 1
-- expect 6:8: the column b is declared but not given; it gives a
