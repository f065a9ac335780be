-- /// query
-- title = "x"
-- question = "y"
-- [params.since]
-- default = "-7d"
-- ///
select $since as a order by 1
-- expect 4:5: parameter since: type None is unknown
