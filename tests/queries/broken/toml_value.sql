-- A note may stand before the header.
-- /// query
-- title = "x"
-- question = why
-- ///
select 1 as a order by 1
-- expect 4:15: the header is no TOML: Invalid value
