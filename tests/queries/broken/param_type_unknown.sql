-- /// query
-- title = "x"
-- question = "y"
-- [columns]
-- a = "one"
-- [params.since]
-- type = "date"
-- ///
select $since as a order by 1
-- expect 7:11: parameter since: type 'date' is unknown
