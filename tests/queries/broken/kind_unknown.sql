-- /// report
-- title = "x"
-- ///
select 1 as a order by 1
-- expect 1:8: a header of kind 'report' is unknown
