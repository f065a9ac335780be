-- /// query
-- title = "x"
-- question = "y"
-- [columns]
-- a = "one"
-- ///
select
    eventNam as a
from events
order by 1
-- expect 8:5: Binder Error: Referenced column "eventNam" not found
