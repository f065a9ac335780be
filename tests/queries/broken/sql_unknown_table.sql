-- /// query
-- title = "x"
-- question = "y"
-- [columns]
-- a = "one"
-- ///
select eventName as a
from event
order by 1
-- expect 8:6: Catalog Error: Table with name event does not exist
