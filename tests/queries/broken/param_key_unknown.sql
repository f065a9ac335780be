-- /// query
-- title = "x"
-- question = "y"
-- [params.since]
-- type = "timestamp"
-- choices = ["a"]
-- ///
select $since as a order by 1
-- expect 6:14: parameter since: choices is unknown
