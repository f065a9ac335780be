select 1 as a order by 1
-- expect 1:1: SQL stands before the header
