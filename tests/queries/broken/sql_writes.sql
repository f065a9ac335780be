-- /// query
-- title = "x"
-- question = "y"
-- [columns]
-- a = "one"
-- ///
with x as (copy (select 1) to '/tmp/x') select 1 as a order by 1
-- expect 7:12: COPY inside a SELECT is not allowed
