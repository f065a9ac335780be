-- /// view
-- title = "x"
-- ///
select * from cycle_b
-- expect 1:1: views read each other
