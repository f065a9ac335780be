-- /// query
-- title = "x"
-- question = "y"
-- [columns]
-- content = "one"
-- ///
select content
from read_text('/etc/hostname')
order by 1
-- expect 8:6: the table function read_text is not allowed
