-- /// query
-- title = "x"
-- question = "y"
-- severity = "urgent"
-- [columns]
-- a = "one"
-- ///
select 1 as a order by 1
-- expect 4:15: severity 'urgent' is unknown; write one of critical, high, medium, low, informational
