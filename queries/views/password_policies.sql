-- /// view
-- title = "Password policies"
-- question = "What did each imported password policy ask of the console passwords of IAM users?"
-- [columns]
-- snapshot_id = "the snapshot the policy came with"
-- taken_at = "when it was taken (UTC)"
-- account_id = "account"
-- is_set = "whether the account has a policy of its own; without one AWS's default holds"
-- minimum_length = "characters a password needs"
-- reuse_prevention = "earlier passwords that may not be taken again; null for none"
-- max_age = "days after which a password must be changed; null for never"
-- ///
-- AWS's default asks for 8 characters and forbids no earlier password (AWS: "Set an account password policy for IAM
-- users").
select
    snapshot_id, taken_at, account_id,
    coalesce(json_type(item -> 'PasswordPolicy') = 'OBJECT', false) as is_set,
    coalesce(try_cast(item ->> '$.PasswordPolicy.MinimumPasswordLength' as integer), 8) as minimum_length,
    try_cast(item ->> '$.PasswordPolicy.PasswordReusePrevention' as integer) as reuse_prevention,
    try_cast(item ->> '$.PasswordPolicy.MaxPasswordAge' as integer) as max_age
from lake.iam_snapshots
where kind = 'password_policy'
