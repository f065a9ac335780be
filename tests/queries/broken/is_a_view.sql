-- /// view
-- title = "x"
-- ///
select 1 as a
-- expect 1:1: a view stands where a query belongs
