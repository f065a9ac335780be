-- /// query
-- title = "x"
-- question = "y"
-- [columns]
-- a = 1
-- ///
select 1 as a order by 1
-- expect 5:8: column a: its meaning is no text
