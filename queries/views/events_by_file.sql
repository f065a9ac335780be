-- /// view
-- title = "Events and their files"
-- question = "What happened, one row an event, and which data file of the lake has it?"
-- ///
-- For questions that first find out where their rows are, and then read only there. `row` counts the rows of a file
-- from 0; `file` is null without a lake.
select *
from lake.events_by_file
