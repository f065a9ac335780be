-- /// query
-- title = "x
-- ///
select 1 as a order by 1
-- expect 2:14: the header is no TOML
