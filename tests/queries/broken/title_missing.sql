-- /// query
-- question = "y"
-- ///
select 1 as a order by 1
-- expect 1:1: the header has no title
