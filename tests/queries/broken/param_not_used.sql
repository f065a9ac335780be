-- /// query
-- title = "x"
-- question = "y"
-- [columns]
-- a = "one"
-- [params.sinse]
-- type = "timestamp"
-- ///
select '$sinse' as a -- $sinse
order by 1
-- expect 6:5: the parameter sinse is declared but not used
