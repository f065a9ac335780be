-- /// query
-- title = "x"
-- question = "y"
-- [columns]
-- a = "one"
-- ///
select 1 as a, 2 as b order by 1
-- expect 4:5: the column b is not declared; add b = "…" to [columns]
