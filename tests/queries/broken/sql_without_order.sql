-- /// query
-- title = "x"
-- question = "y"
-- [columns]
-- a = "one"
-- ///
select a from (select 1 as a order by 1)
-- expect 6:1: the rows come in no order; end the statement with order by
