-- /// query
-- title = "x"
-- question = "y"
-- controls = "CT-02"
-- ///
select 1 as a order by 1
-- expect 4:15: controls is no list of texts
