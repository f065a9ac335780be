-- /// query
-- title = "Ein schöner Titel"
-- question = "y"
-- [columns]
-- a = "one"
-- ///
select 1 as a
from events wher eventName = 'X'
order by 1
-- expect 8:18: Parser Error: syntax error at or near "eventName"
