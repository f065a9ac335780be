-- /// query
-- title = "x"
-- question = "y"
-- [params.since]
-- type = "timestamp"
-- default = "last week"
-- ///
select $since as a order by 1
-- expect 6:14: parameter since: 'last week' is no time
