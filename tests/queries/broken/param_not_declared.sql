-- /// query
-- title = "x"
-- question = "y"
-- [columns]
-- a = "one"
-- ///
select '$since' as é, -- $since
    $since as a
order by 1
-- expect 8:5: the parameter since is not declared; add [params.since]
