-- /// view
-- title = "Credential reports"
-- question = "What did each imported credential report say of each user?"
-- [columns]
-- snapshot_id = "the snapshot the report came with"
-- taken_at = "when the report was taken (UTC)"
-- account_id = "account"
-- user_name = "the user; <root_account> for the root user"
-- arn = "the user's ARN"
-- is_root = "whether it is the root user"
-- user_created = "when the user was made"
-- password_enabled = "whether there is a password; null where the report does not say (not_supported)"
-- password_last_used = "last sign-in; null for never, or for none since AWS began to record it"
-- password_last_changed = "when the password was set"
-- password_next_rotation = "when it must be changed"
-- mfa_active = "whether an MFA device is active; of what kind the report does not say"
-- key_1_active = "whether the first access key is active"
-- key_1_rotated = "when it was made or last changed"
-- key_1_last_used = "its last use; null for never"
-- key_1_last_used_service = "service it last called"
-- key_2_active = "the same of the second key"
-- key_2_rotated = "the same of the second key"
-- key_2_last_used = "the same of the second key"
-- key_2_last_used_service = "the same of the second key"
-- certificate_active = "whether a signing certificate is active"
-- ///
-- AWS writes true, false, a time, or one of N/A, no_information and not_supported, which all become null here (AWS:
-- "Generate credential reports for your AWS account").
select
    snapshot_id, taken_at, account_id,
    coalesce(item ->> 'user', name) as user_name,
    coalesce(item ->> 'arn', arn) as arn,
    coalesce(item ->> 'user' = '<root_account>' or item ->> 'arn' like 'arn:%:iam::%:root', false) as is_root,
    try_cast(item ->> 'user_creation_time' as timestamptz) as user_created,
    try_cast(item ->> 'password_enabled' as boolean) as password_enabled,
    try_cast(item ->> 'password_last_used' as timestamptz) as password_last_used,
    try_cast(item ->> 'password_last_changed' as timestamptz) as password_last_changed,
    try_cast(item ->> 'password_next_rotation' as timestamptz) as password_next_rotation,
    try_cast(item ->> 'mfa_active' as boolean) as mfa_active,
    try_cast(item ->> 'access_key_1_active' as boolean) as key_1_active,
    try_cast(item ->> 'access_key_1_last_rotated' as timestamptz) as key_1_rotated,
    try_cast(item ->> 'access_key_1_last_used_date' as timestamptz) as key_1_last_used,
    nullif(item ->> 'access_key_1_last_used_service', 'N/A') as key_1_last_used_service,
    try_cast(item ->> 'access_key_2_active' as boolean) as key_2_active,
    try_cast(item ->> 'access_key_2_last_rotated' as timestamptz) as key_2_rotated,
    try_cast(item ->> 'access_key_2_last_used_date' as timestamptz) as key_2_last_used,
    nullif(item ->> 'access_key_2_last_used_service', 'N/A') as key_2_last_used_service,
    coalesce(try_cast(item ->> 'cert_1_active' as boolean), false)
        or coalesce(try_cast(item ->> 'cert_2_active' as boolean), false) as certificate_active
from lake.iam_snapshots
where kind = 'credential'
