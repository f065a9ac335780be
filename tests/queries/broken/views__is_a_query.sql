-- /// query
-- title = "x"
-- question = "y"
-- ///
select 1 as a
-- expect 1:1: a query stands where a view belongs
