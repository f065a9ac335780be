"""Each snapshot control: rows of the credential report and of the authorization details that it must and must not name.

Columns and values are those of AWS's page "Generate credential reports for your AWS account": true, false, a time,
N/A, no_information and, for the root user, not_supported. TAKEN, the report's time, is 2026-03-06.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from pipeline.catalog import Catalog
from tests.evidence.made import (
    ACCOUNT,
    OTHER,
    TAKEN,
    ask,
    attached,
    credential,
    detail,
    engine,
    good_root,
    policy,
    snapshot,
    statement,
)

ROOT = "<root_account>"
ADMIN = "arn:aws:iam::aws:policy/AdministratorAccess"


def days_before(days: float) -> str:
    return (TAKEN - timedelta(days=days)).isoformat()


def key(number: int = 1, rotated: str = "N/A", used: str = "N/A", active: str = "true") -> dict[str, str]:
    return {
        f"access_key_{number}_active": active,
        f"access_key_{number}_last_rotated": rotated,
        f"access_key_{number}_last_used_date": used,
    }


CREDENTIALS: list[tuple[str, str | None, dict[str, Any]]] = [
    ("root_access_keys", "violation", credential(ROOT, **key(1, days_before(9)))),
    ("root_access_keys", "violation", credential(ROOT, **key(2, days_before(9)))),
    ("root_access_keys", None, credential(ROOT)),
    ("root_access_keys", None, credential("alice", **key(1, days_before(9)))),
    ("root_mfa", "violation", credential(ROOT, password_enabled="true")),
    ("root_mfa", "violation", credential(ROOT, password_enabled="not_supported")),
    ("root_mfa", None, credential(ROOT, password_enabled="not_supported", mfa_active="true")),
    ("root_mfa", None, credential(ROOT, password_enabled="false")),
    ("root_mfa", None, credential("alice", password_enabled="true")),
    ("root_mfa", "review", credential(ROOT, password_enabled="true", mfa_active="")),
    ("root_hardware_mfa", "violation", credential(ROOT, password_enabled="true")),
    ("root_hardware_mfa", None, good_root()),
    ("root_credentials_used", "violation", credential(ROOT, password_last_used="2026-03-02T00:00:00+00:00")),
    ("root_credentials_used", "violation", credential(ROOT, **key(2, days_before(9), days_before(1)))),
    ("root_credentials_used", None, credential(ROOT, password_last_used="2026-02-28T23:59:59+00:00")),
    ("root_credentials_used", "review", credential(ROOT, password_last_used="2026-03-08T00:00:01+00:00")),
    ("root_credentials_used", None, credential(ROOT, password_last_used="no_information")),
    ("root_credentials_used", None, credential("alice", password_last_used="2026-03-02T00:00:00+00:00")),
    ("console_users_without_mfa", "violation", credential("alice", password_enabled="true")),
    ("console_users_without_mfa", "violation", credential("alice", password_enabled="TRUE", mfa_active="FALSE")),
    ("console_users_without_mfa", None, credential("alice", password_enabled="true", mfa_active="true")),
    ("console_users_without_mfa", None, credential("alice", password_enabled="false")),
    ("console_users_without_mfa", None, credential(ROOT, password_enabled="true")),
    ("console_users_without_mfa", "review", credential("alice", password_enabled="no_information")),
    (
        "access_keys_made_with_user",
        "violation",
        credential("alice", password_enabled="true", **key(1, "2025-01-01T00:00:02+00:00")),
    ),
    ("access_keys_made_with_user", "review", credential("alice", password_enabled="true", **key(2, days_before(1)))),
    (
        "access_keys_made_with_user",
        None,
        credential("alice", password_enabled="true", **key(1, "2025-01-01T00:00:02+00:00", days_before(1))),
    ),
    ("access_keys_made_with_user", None, credential("alice", **key(1, "2025-01-01T00:00:02+00:00"))),
    ("unused_access_keys", "violation", credential("alice", **key(1, days_before(400), days_before(45)))),
    ("unused_access_keys", None, credential("alice", **key(1, days_before(400), days_before(44.9)))),
    ("unused_access_keys", "violation", credential("alice", **key(2, days_before(46)))),
    ("unused_access_keys", None, credential("alice", **key(2, days_before(10)))),
    ("unused_access_keys", None, credential("alice", **key(1, days_before(400), days_before(90), "false"))),
    ("unused_access_keys", "review", credential("alice", **key(1))),
    ("unused_access_keys", None, credential(ROOT, **key(1, days_before(400)))),
    ("unused_passwords", "violation", credential("alice", password_enabled="true", password_last_used=days_before(45))),
    ("unused_passwords", None, credential("alice", password_enabled="true", password_last_used=days_before(44))),
    (
        "unused_passwords",
        "violation",
        credential(
            "alice", password_enabled="true", password_last_used="no_information", password_last_changed=days_before(60)
        ),
    ),
    (
        "unused_passwords",
        None,
        credential("alice", password_enabled="true", password_last_used="N/A", password_last_changed=days_before(5)),
    ),
    ("unused_passwords", None, credential("alice", password_last_used=days_before(400))),
    ("unused_passwords", "review", credential("alice", password_enabled="true")),
    ("access_keys_not_rotated", "violation", credential("alice", **key(1, days_before(91), days_before(1)))),
    ("access_keys_not_rotated", None, credential("alice", **key(1, days_before(90), days_before(1)))),
    ("access_keys_not_rotated", None, credential("alice", **key(1, days_before(91), active="false"))),
    ("access_keys_not_rotated", "review", credential("alice", **key(2))),
]


@pytest.mark.parametrize(("control", "judgement", "row"), CREDENTIALS)
def test_credential_report(control: str, judgement: str | None, row: dict[str, Any], catalog: Catalog) -> None:
    rows = ask(engine(None, snapshot(row)), catalog, f"compliance/{control}")
    assert [each["judgement"] for each in rows] == ([judgement] if judgement else [])


@pytest.mark.parametrize(
    ("second", "found"), [(key(2, days_before(1)), 1), (key(2, days_before(1), active="false"), 0), ({}, 0)]
)
def test_two_active_keys(second: dict[str, str], found: int, catalog: Catalog) -> None:
    row = credential("alice", **key(1, days_before(1)), **second)
    assert len(ask(engine(None, snapshot(row)), catalog, "compliance/two_active_access_keys")) == found


# "Set an account password policy for IAM users": without a policy 8 characters and no memory, PasswordReusePrevention
# from 1 to 24, absent where switched off.
@pytest.mark.parametrize(
    ("given", "short", "again"),
    [
        (None, True, True),
        ({"MinimumPasswordLength": 13, "PasswordReusePrevention": 23}, True, True),
        ({"MinimumPasswordLength": 14, "PasswordReusePrevention": 24}, False, False),
        ({"MinimumPasswordLength": 20}, False, True),
        ({"PasswordReusePrevention": 24}, True, False),
    ],
)
def test_password_policy(given: dict[str, int] | None, short: bool, again: bool, catalog: Catalog) -> None:
    item = {"kind": "password_policy", "account_id": ACCOUNT, "arn": None, "name": "password policy"}
    made = engine(None, snapshot({**item, "item": {"PasswordPolicy": given}}))
    assert bool(ask(made, catalog, "compliance/short_passwords_allowed")) is short
    made = engine(None, snapshot({**item, "item": {"PasswordPolicy": given}}))
    assert bool(ask(made, catalog, "compliance/passwords_used_again")) is again


USER_POLICY = [{"PolicyName": "own", "PolicyDocument": {"Statement": []}}]
OWN = f"arn:aws:iam::{ACCOUNT}:policy/everything"
ALICE = f"arn:aws:iam::{ACCOUNT}:user/alice"
DETAILS: list[tuple[str, bool, list[dict[str, Any]]]] = [
    ("user_permissions_outside_groups", True, [detail("user", "alice", UserPolicyList=USER_POLICY)]),
    ("user_permissions_outside_groups", True, [detail("user", "alice", AttachedManagedPolicies=attached(OWN))]),
    (
        "user_permissions_outside_groups",
        False,
        [detail("user", "alice", GroupList=["admins"], AttachedManagedPolicies=[])],
    ),
    ("user_permissions_outside_groups", False, [detail("role", "ci", AttachedManagedPolicies=attached(OWN))]),
    ("administrator_access_attached", True, [detail("role", "ci", AttachedManagedPolicies=attached(ADMIN))]),
    (
        "administrator_access_attached",
        True,
        [detail("role", "ci", AttachedManagedPolicies=attached("arn:aws-cn:iam::aws:policy/AdministratorAccess"))],
    ),
    (
        "administrator_access_attached",
        False,
        [detail("role", "ci", AttachedManagedPolicies=attached("arn:aws:iam::aws:policy/ReadOnlyAccess"))],
    ),
    (
        "administrator_access_attached",
        False,
        [detail("role", "ci", AttachedManagedPolicies=attached(f"arn:aws:iam::{ACCOUNT}:policy/AdministratorAccess"))],
    ),
    ("no_support_role", True, [detail("role", "ci")]),
    (
        "no_support_role",
        True,
        [detail("user", "alice", AttachedManagedPolicies=attached("arn:aws:iam::aws:policy/AWSSupportAccess"))],
    ),
    (
        "no_support_role",
        False,
        [detail("role", "help", AttachedManagedPolicies=attached("arn:aws:iam::aws:policy/AWSSupportAccess"))],
    ),
    (
        "cloudshell_full_access_attached",
        True,
        [detail("group", "all", AttachedManagedPolicies=attached("arn:aws:iam::aws:policy/AWSCloudShellFullAccess"))],
    ),
    ("cloudshell_full_access_attached", False, [detail("group", "all", AttachedManagedPolicies=attached(ADMIN))]),
]


@pytest.mark.parametrize(("control", "named", "items"), DETAILS)
def test_authorization_details(control: str, named: bool, items: list[dict[str, Any]], catalog: Catalog) -> None:
    assert bool(ask(engine(None, snapshot(*items)), catalog, f"compliance/{control}")) is named


STATEMENTS = [
    (True, statement()),
    (True, statement(["s3:Get*", "*"], ["arn:aws:s3:::b", "*"])),
    (True, statement("*:*")),
    (True, statement(Condition={"Bool": {"aws:MultiFactorAuthPresent": "true"}})),
    (False, statement("s3:*")),
    (False, statement("*", "arn:aws:s3:::b/*")),
    (False, statement(effect="Deny")),
    (False, {"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}),
]


@pytest.mark.parametrize(("full", "given"), STATEMENTS)
@pytest.mark.parametrize("single", [True, False])
def test_full_administration(full: bool, given: dict[str, Any], single: bool, catalog: Catalog) -> None:
    made = policy("everything", *([] if single else [statement("s3:GetObject")]), given, arn=OWN)
    if single:
        made["item"]["PolicyVersionList"][1]["Document"]["Statement"] = given
    inline = [{"PolicyName": "own", "PolicyDocument": made["item"]["PolicyVersionList"][1]["Document"]}]
    items = [
        made,
        detail("user", "alice", AttachedManagedPolicies=attached(OWN)),
        detail("role", "ci", RolePolicyList=inline),
    ]
    rows = ask(engine(None, snapshot(*items)), catalog, "compliance/full_admin_policies_attached")
    assert [row["holder_arn"] for row in rows] == ([ALICE] if full else [])
    assert all(row["conditional"] is ("Condition" in given) for row in rows)
    rows = ask(engine(None, snapshot(*items)), catalog, "compliance/full_admin_inline_policies")
    assert [row["holder_arn"] for row in rows] == ([f"arn:aws:iam::{ACCOUNT}:role/ci"] if full else [])


def test_a_policy_attached_to_nobody_or_whose_old_version_allowed_all_is_not_named(catalog: Catalog) -> None:
    past = policy("past", statement("s3:GetObject"), arn=f"arn:aws:iam::{ACCOUNT}:policy/past")
    past["item"]["PolicyVersionList"][0]["Document"]["Statement"] = [statement()]
    items = [
        policy("everything", statement(), arn=OWN),
        past,
        detail("user", "alice", AttachedManagedPolicies=attached(past["arn"])),
    ]
    assert not ask(engine(None, snapshot(*items)), catalog, "compliance/full_admin_policies_attached")


@pytest.mark.parametrize(
    ("taken_until", "names"), [(None, ["new"]), (TAKEN, ["new"]), (TAKEN - timedelta(days=1), ["old"])]
)
def test_the_newest_report_taken_by_then_counts(
    taken_until: datetime | None, names: list[str], catalog: Catalog
) -> None:
    old = snapshot(credential("old", password_enabled="true"), taken_at=TAKEN - timedelta(days=9), name="a")
    new = snapshot(credential("new", password_enabled="true"), name="b")
    given = {"taken_until": taken_until.isoformat()} if taken_until else {}
    rows = ask(engine(None, new, old), catalog, "compliance/console_users_without_mfa", **given)
    assert [row["user_name"] for row in rows] == names


def test_a_newer_snapshot_without_policies_hides_those_of_an_older_one(catalog: Catalog) -> None:
    old = snapshot(
        policy("everything", statement(), arn=OWN),
        detail("user", "alice", AttachedManagedPolicies=attached(OWN)),
        taken_at=TAKEN - timedelta(days=9),
        name="a",
    )
    new = snapshot(detail("user", "alice", AttachedManagedPolicies=[]), name="b")
    assert not ask(engine(None, old, new), catalog, "compliance/full_admin_policies_attached")


def test_each_account_has_its_own_newest_report_and_each_report_its_own_snapshot(catalog: Catalog) -> None:
    first = snapshot(credential("alice", password_enabled="true"), taken_at=TAKEN - timedelta(days=9), name="a")
    second = snapshot(credential("bob", OTHER, password_enabled="true"), name="b")
    third = snapshot(detail("user", "alice"), name="c")
    rows = ask(engine(None, first, second, third), catalog, "compliance/console_users_without_mfa")
    assert [(row["account_id"], row["user_name"]) for row in rows] == [(ACCOUNT, "alice"), (OTHER, "bob")]
