-- /// query
-- title = "x"
-- question = "y"
-- ///
drop view events
-- expect 5:1: the statement is DROP, not SELECT
