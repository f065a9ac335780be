-- /// query
--title = "x"
-- ///
select 1 as a order by 1
-- expect 2:1: a line of the header lacks its '-- '
