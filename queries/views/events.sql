-- /// view
-- title = "Events"
-- question = "What happened, one row an event?"
-- ///
-- Columns keep CloudTrail's names; those in snake_case are worked out at ingest. JSON members that the lake keeps as
-- text may hold what DuckDB's JSON reader refuses (an unpaired surrogate): write try(requestParameters ->> '$.name').
select *
from lake.events
