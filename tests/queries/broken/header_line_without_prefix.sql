-- /// query
-- title = "x"
question = "y"
-- ///
select 1 as a order by 1
-- expect 3:1: a line of the header lacks its '-- '
