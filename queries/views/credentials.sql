-- /// view
-- title = "Credentials"
-- question = "Which passwords, keys and MFA devices does each user have, by each account's newest credential report?"
-- ///
select credential_reports.*
from credential_reports
join iam_reports
    on iam_reports.snapshot_id = credential_reports.snapshot_id
    and iam_reports.account_id is not distinct from credential_reports.account_id
where iam_reports.report = 'credential_report'
  and iam_reports.newest
