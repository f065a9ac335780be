-- /// query
-- title = "x"
-- question = "y"
-- severty = "high"
-- ///
select 1 as a order by 1
-- expect 4:14: the header key 'severty' is unknown; did you mean severity?
