"""Verdicts, each from a world of a few lines whose answer can be told by hand from the design's section 6."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from pipeline.access.folded import folded, services
from tests.access.worlds import (
    ACCOUNT,
    END,
    START,
    allow,
    arn,
    call,
    daily,
    deny,
    group,
    judged,
    managed,
    policy,
    report,
    role,
    scp,
    user,
)


def verdict(
    items: list[dict[str, Any]], usage: list[dict[str, Any]], action: str, name: str = "r", **window: Any
) -> tuple[str, str]:
    row = judged(items, usage, **window)[(name, action, "*")]
    return row["verdict"], row["reason"]


ROLE = role("r", policy(allow(["ec2:RunInstances", "ec2:DescribeInstances"])))


def test_used_with_its_first_and_last_use() -> None:
    early, late = datetime(2026, 8, 3, 4, tzinfo=UTC), datetime(2026, 10, 1, tzinfo=UTC)
    calls = [call("role/r", "ec2", "RunInstances", at=at, count=2) for at in (late, early)]
    row = judged([ROLE], [*daily(), *calls])[("r", "ec2:RunInstances", "*")]
    assert row["verdict"] == "used" and row["count"] == 4
    assert (row["first_used"], row["last_used"]) == (early, late)
    assert (
        row["principal_arn"] == arn("role", "r") and row["service"] == "ec2" and row["granted_by"] == "inline policy p0"
    )
    assert (row["window_start"], row["window_end"]) == (START, END)


def test_unused_where_the_log_would_have_shown_it() -> None:
    row = judged([ROLE], daily())[("r", "ec2:RunInstances", "*")]
    assert row["verdict"] == "unused" and row["count"] == 0 and row["first_used"] is None and row["last_used"] is None


def test_denied_calls_are_never_use() -> None:
    found, reason = verdict(
        [ROLE], [*daily(), call("role/r", "ec2", "RunInstances", outcome="denied", count=7)], "ec2:RunInstances"
    )
    assert found == "denied_only" and "7" in reason


def test_other_errors_are_weak_use() -> None:
    found, reason = verdict(
        [ROLE], [*daily(), call("role/r", "ec2", "RunInstances", outcome="error")], "ec2:RunInstances"
    )
    assert found == "used" and reason.startswith("weak")


def test_a_call_through_a_service_says_so() -> None:
    through = call("role/r", "ec2", "RunInstances", via_service="cloudformation.amazonaws.com")
    found, reason = verdict([ROLE], [*daily(), through], "ec2:RunInstances")
    assert found == "used" and "cloudformation.amazonaws.com" in reason


def test_used_outside_the_window_only_is_not_used() -> None:
    before = call("role/r", "ec2", "RunInstances", at=START - timedelta(days=3))
    assert verdict([ROLE], [*daily(), before], "ec2:RunInstances")[0] == "unused"


def test_a_namesake_that_was_deleted_is_somebody_else() -> None:
    before = call("role/r", "ec2", "RunInstances", principal_id="AROAFORMER")
    assert verdict([ROLE], [*daily(), before], "ec2:RunInstances")[0] == "unused"


def test_a_role_is_found_whatever_path_the_record_knew() -> None:
    items = [role("r", policy(allow("ec2:RunInstances")), path="/team/")]
    assert verdict(items, [*daily(), call("role/r", "ec2", "RunInstances")], "ec2:RunInstances")[0] == "used"


@pytest.mark.parametrize(
    "action", ["iam:PassRole", "s3:BypassGovernanceRetention", "execute-api:Invoke", "s3:ReplicateObject"]
)
def test_no_such_event_exists(action: str) -> None:
    found, reason = verdict([role("r", policy(allow(action)))], daily(), action)
    assert found == "not_observable" and reason.startswith("no such event exists")


def test_pass_role_is_used_when_a_request_shows_it() -> None:
    items = [role("r", policy(allow(["lambda:CreateFunction", "iam:PassRole"])))]
    request = {"functionName": "f", "roleArn": arn("role", "worker")}
    made = call("role/r", "lambda", "CreateFunction20150331", request=request)
    found, reason = verdict(items, [*daily(), made], "iam:PassRole")
    assert found == "used" and "passed a role" in reason


def test_pass_role_of_one_role_is_no_use_of_a_grant_for_another() -> None:
    statements = [allow("iam:PassRole", arn("role", "worker")), allow("iam:PassRole", arn("role", "admin"))]
    items = [role("r", policy(allow("lambda:CreateFunction"), *statements))]
    request = {"functionName": "f", "roleArn": arn("role", "worker")}
    found = judged(items, [*daily(), call("role/r", "lambda", "CreateFunction20150331", request=request)])
    assert found[("r", "iam:PassRole", arn("role", "worker"))]["verdict"] == "used"
    assert found[("r", "iam:PassRole", arn("role", "admin"))]["verdict"] == "not_observable"


def test_a_role_passed_by_its_name_is_that_role_under_any_path() -> None:
    worker, admin = arn("role", "worker", "/app/"), arn("role", "admin")
    items = [
        role(
            "r",
            policy(allow("iam:AddRoleToInstanceProfile"), *(allow("iam:PassRole", each) for each in (worker, admin))),
        )
    ]
    request = {"instanceProfile": "p", "roleArn": "worker"}
    found = judged(items, [*daily(), call("role/r", "iam", "AddRoleToInstanceProfile", request=request)])
    assert found[("r", "iam:PassRole", worker)]["verdict"] == "used"
    assert found[("r", "iam:PassRole", admin)]["verdict"] == "not_observable"


def test_tags_set_on_creation_use_the_tagging_action() -> None:
    items = [role("r", policy(allow(["iam:CreateRole", "iam:TagRole"])))]
    tagged = call("role/r", "iam", "CreateRole", request={"tags": True})
    assert verdict(items, [*daily(), tagged], "iam:TagRole")[0] == "used"
    assert verdict(items, [*daily(), call("role/r", "iam", "CreateRole")], "iam:TagRole")[0] == "unused"


def test_a_denied_call_says_nothing_of_the_role_it_would_have_passed() -> None:
    items = [role("r", policy(allow(["lambda:CreateFunction", "iam:PassRole"])))]
    request = {"functionName": "f", "roleArn": arn("role", "worker")}
    rows = [*daily(), call("role/r", "lambda", "CreateFunction20150331", request=request, outcome="denied")]
    assert verdict(items, rows, "iam:PassRole")[0] == "not_observable"
    assert verdict(items, rows, "lambda:CreateFunction")[0] == "denied_only"


def test_data_events_off() -> None:
    items = [role("r", policy(allow(["s3:GetObject", "s3:GetBucketAcl"])))]
    found, reason = verdict(items, daily(), "s3:GetObject")
    assert found == "not_observable" and reason.startswith("data events off")
    assert verdict(items, daily(), "s3:GetBucketAcl")[0] == "unused"


def data(who: str, name: str, bucket: str, **more: Any) -> dict[str, Any]:
    return call(who, "s3", name, eventCategory="Data", request={"bucketName": bucket}, **more)


def test_data_events_seen_for_a_bucket_vouch_for_that_bucket() -> None:
    ours, theirs = "arn:aws:s3:::ours/*", "arn:aws:s3:::theirs/*"
    items = [role("r", policy(allow("s3:PutObject", ours), allow("s3:PutObject", theirs), allow("s3:PutObject")))]
    found = judged(items, [*daily(), data("role/other", "PutObject", "ours")])
    assert found[("r", "s3:PutObject", ours)]["verdict"] == "unused"
    assert found[("r", "s3:PutObject", theirs)]["verdict"] == "not_observable"
    assert found[("r", "s3:PutObject", "*")]["verdict"] == "unused_low_confidence"


def test_a_trail_may_select_data_events_of_one_class() -> None:
    ours = "arn:aws:s3:::ours/*"
    found = judged(
        [role("r", policy(allow(["s3:GetObject", "s3:DeleteObject"], ours)))],
        [*daily(), data("role/other", "PutObject", "ours")],
    )
    assert found[("r", "s3:DeleteObject", ours)]["verdict"] == "unused"
    read = found[("r", "s3:GetObject", ours)]
    assert read["verdict"] == "not_observable" and read["reason"].startswith("data events off: no read event")


def test_a_use_counts_for_the_scopes_it_may_have_needed() -> None:
    ours, theirs = "arn:aws:s3:::ours/*", "arn:aws:s3:::theirs/*"
    items = [role("r", policy(allow("s3:GetObject", ours), allow("s3:GetObject", theirs)))]
    calls = [data("role/r", "GetObject", "ours"), data("role/other", "GetObject", "theirs")]
    found = judged(items, [*daily(), *calls])
    assert found[("r", "s3:GetObject", ours)]["verdict"] == "used"
    other = found[("r", "s3:GetObject", theirs)]
    assert other["verdict"] == "unused" and "on others" in other["reason"] and other["count"] == 0


def test_read_events_off() -> None:
    rows = [row for row in daily() if not row["readOnly"]]
    found, reason = verdict([ROLE], rows, "ec2:DescribeInstances")
    assert found == "not_observable" and reason.startswith("read events off")
    assert verdict([ROLE], rows, "ec2:RunInstances")[0] == "unused"


def test_an_excluded_source() -> None:
    items = [role("r", policy(allow("kms:Decrypt")))]
    rows = [row for row in daily() if row["eventSource"] != "kms.amazonaws.com"]
    found, reason = verdict(items, rows, "kms:Decrypt")
    assert found == "not_observable" and reason.startswith("source excluded")
    assert verdict(items, daily(), "kms:Decrypt")[0] == "unused"


def test_global_services_need_their_region() -> None:
    items = [role("r", policy(allow(["iam:CreateUser", "ec2:RunInstances"])))]
    rows = [row | {"awsRegion": "eu-west-1"} for row in daily()]
    found, reason = verdict(items, rows, "iam:CreateUser")
    assert found == "not_observable" and reason.startswith("region missing")
    assert verdict(items, rows, "ec2:RunInstances")[0] == "unused"


def test_an_account_the_log_never_saw() -> None:
    rows = daily(account="999999999999")
    found, reason = verdict([ROLE], rows, "ec2:RunInstances")
    assert found == "not_observable" and reason.startswith("account missing")


def test_an_action_the_catalogue_does_not_know() -> None:
    found, reason = verdict([role("r", policy(allow("s3:FlyToTheMoon")))], daily(), "s3:FlyToTheMoon")
    assert found == "not_observable" and reason.startswith("unknown action")


def test_unmapped_events_in_a_service_blind_that_service_for_that_principal() -> None:
    items = [ROLE, role("q", policy(allow("ec2:RunInstances")))]
    rows = [*daily(), call("role/r", "ec2", "NobodyKnowsThis")]
    found, reason = verdict(items, rows, "ec2:RunInstances")
    assert found == "not_observable" and reason.startswith("unmapped events in that service")
    assert verdict(items, rows, "ec2:RunInstances", name="q")[0] == "unused"


def test_the_log_is_shorter_than_the_window() -> None:
    found, reason = verdict([ROLE], daily(START + timedelta(days=60)), "ec2:RunInstances")
    assert found == "unused_low_confidence" and reason.startswith("short window")


def test_days_without_events() -> None:
    missing = (START + timedelta(days=20)).date()
    found, reason = verdict([ROLE], [row for row in daily() if row["day"] != missing], "ec2:RunInstances")
    assert found == "unused_low_confidence" and reason.startswith("gap") and str(missing) in reason


def test_under_a_day_proves_little() -> None:
    found, _ = verdict([ROLE], daily(), "ec2:RunInstances", start=END - timedelta(hours=2))
    assert found == "unused_low_confidence"


def test_a_principal_newer_than_the_window() -> None:
    items = [role("r", policy(allow("ec2:RunInstances")), CreateDate="2026-09-01T00:00:00Z")]
    found, reason = verdict(items, daily(), "ec2:RunInstances")
    assert found == "unused_low_confidence" and reason.startswith("newer than the window")


def test_only_what_a_new_policy_version_added_is_new() -> None:
    attached = {"AttachedManagedPolicies": [{"PolicyName": "m", "PolicyArn": arn("policy", "m")}]}
    versions = [
        (OLD := "2021-01-01T00:00:00Z", policy(allow("ec2:RunInstances"))),
        ("2026-09-09T00:00:00Z", policy(allow(["ec2:RunInstances", "ec2:StopInstances"]))),
    ]
    assert OLD
    items = [role("r", **attached), managed("m", *versions)]
    assert verdict(items, daily(), "ec2:RunInstances")[0] == "unused"
    found, reason = verdict(items, daily(), "ec2:StopInstances")
    assert found == "unused_low_confidence" and "2026-09-09" in reason


def test_what_a_used_call_may_also_need_is_doubtful() -> None:
    """The reference lists ec2:CreateTags for ec2:RunInstances, and the roll-up does not keep tags."""
    items = [role("r", policy(allow(["ec2:RunInstances", "ec2:CreateTags"])))]
    found, reason = verdict(items, [*daily(), call("role/r", "ec2", "RunInstances")], "ec2:CreateTags")
    assert found == "unused_low_confidence" and "ec2:RunInstances" in reason
    assert verdict(items, daily(), "ec2:CreateTags")[0] == "unused"


def test_a_boundary_blocks() -> None:
    boundary = {"PermissionsBoundary": {"PermissionsBoundaryArn": arn("policy", "edge")}}
    items = [role("r", policy(allow(["ec2:RunInstances", "s3:GetBucketAcl"])), **boundary),
             managed("edge", ("2020-01-01T00:00:00Z", policy(allow("s3:*"))))]  # fmt: skip
    found, reason = verdict(items, daily(), "ec2:RunInstances")
    assert found == "blocked" and arn("policy", "edge") in reason
    assert verdict(items, daily(), "s3:GetBucketAcl")[0] == "unused"


def test_a_boundary_that_is_not_in_the_snapshot_blocks_nothing_and_is_told() -> None:
    boundary = {"PermissionsBoundary": {"PermissionsBoundaryArn": arn("policy", "gone")}}
    found = report([role("r", policy(allow("ec2:RunInstances")), **boundary)], daily())
    assert found.verdicts() == {"unused": 1} and any("gone" in note for note in found.notes)


def test_scps() -> None:
    full = scp("FullAWSAccess", policy(allow("*")))
    no_ec2 = scp("NoEc2", policy(deny("ec2:Run*")))
    found, reason = verdict([ROLE, full, no_ec2], daily(), "ec2:RunInstances")
    assert found == "blocked" and "NoEc2" in reason
    assert verdict([ROLE, full, no_ec2], daily(), "ec2:DescribeInstances")[0] == "unused"
    conditional = scp("Region", policy(deny("*", Condition={"StringNotEquals": {"aws:RequestedRegion": "eu-west-1"}})))
    assert verdict([ROLE, full, conditional], daily(), "ec2:RunInstances")[0] == "unused"
    assert verdict([ROLE, scp("OnlyS3", policy(allow("s3:*")))], daily(), "ec2:RunInstances")[0] == "blocked"
    # Deny-lists alone, without the list they subtract from, say nothing about the rest.
    assert verdict([ROLE, no_ec2], daily(), "ec2:DescribeInstances")[0] == "unused"


def test_an_scp_for_another_account_does_not_bind() -> None:
    elsewhere = scp("NoEc2", policy(deny("ec2:*")), targets=[{"TargetId": "999999999999"}])
    here = scp("NoEc2", policy(deny("ec2:*")), targets=[{"TargetId": ACCOUNT}])
    assert verdict([ROLE, elsewhere], daily(), "ec2:RunInstances")[0] == "unused"
    assert verdict([ROLE, here], daily(), "ec2:RunInstances")[0] == "blocked"


def test_an_explicit_deny_blocks_its_own_grant() -> None:
    items = [role("r", policy(allow("ec2:*"), deny("ec2:Run*")))]
    found, reason = verdict(items, daily(), "ec2:RunInstances")
    assert found == "blocked" and "inline policy p0 denies it" in reason
    assert verdict(items, daily(), "ec2:StopInstances")[0] == "unused"


def test_what_is_blocked_now_and_was_used_is_used() -> None:
    items = [ROLE, scp("FullAWSAccess", policy(allow("*"))), scp("NoEc2", policy(deny("ec2:Run*")))]
    found, reason = verdict(items, [*daily(), call("role/r", "ec2", "RunInstances")], "ec2:RunInstances")
    assert found == "used" and "NoEc2" in reason


def test_through_groups_and_by_several_policies() -> None:
    attached = {"AttachedManagedPolicies": [{"PolicyName": "m", "PolicyArn": arn("policy", "m")}]}
    items = [
        user("ann", policy(allow("s3:GetBucketAcl")), GroupList=["ops"]),
        group("ops", policy(allow(["s3:GetBucketAcl", "ec2:RunInstances"])), **attached),
        managed("m", ("2020-01-01T00:00:00Z", policy(allow("s3:GetBucketAcl", "arn:aws:s3:::b")))),
    ]
    found = judged(items, daily())
    assert found[("ann", "s3:GetBucketAcl", "*")]["granted_by"] == "inline policy p0; inline policy g0 via group ops"
    assert found[("ann", "ec2:RunInstances", "*")]["granted_by"] == "inline policy g0 via group ops"
    assert found[("ann", "s3:GetBucketAcl", "arn:aws:s3:::b")]["granted_by"] == f"{arn('policy', 'm')} via group ops"


def test_wildcards_and_not_action_are_expanded() -> None:
    found = judged(
        [role("r", policy(allow("iam:get?ser"), {"Effect": "Allow", "NotAction": ["iam:*"], "Resource": "*"}))], daily()
    )
    actions = {action for _, action, _ in found}
    assert {action for action in actions if action.startswith("iam:")} == {"iam:GetUser"}
    assert "ec2:RunInstances" in actions and len(actions) > 15_000


def test_a_long_report_folds_for_reading_and_loses_no_action() -> None:
    rows = report([role("r", policy(allow("*")))], [*daily(), call("role/r", "ec2", "RunInstances")]).rows
    short = folded(rows)
    assert short.column_names == ["verdict", "permissions", "which", "resource_scope", "reason"]
    assert short.num_rows < 150 and sum(short["permissions"].to_pylist()) == rows.num_rows
    few = folded(rows.slice(0, 3))
    assert few.num_rows == 3 and "action" in few.column_names


def test_service_linked_roles_are_left_out_unless_named() -> None:
    linked = role("AWSServiceRoleForX", policy(allow("ec2:RunInstances")), path="/aws-service-role/x.amazonaws.com/")
    found = report([ROLE, linked], daily())
    assert {row["principal_arn"] for row in found.rows.to_pylist()} == {arn("role", "r")}
    assert any("service-linked" in note for note in found.notes)


def test_used_rows_are_left_out_by_default() -> None:
    from pipeline.access.unused import unused
    from tests.access.worlds import engine

    with engine([ROLE], [*daily(), call("role/r", "ec2", "RunInstances")]) as made:
        rows = unused(made, START, END).rows.to_pylist()
    assert [row["action"] for row in rows] == ["ec2:DescribeInstances"]


def test_services_sum_their_permissions_up() -> None:
    late = datetime(2026, 10, 10, tzinfo=UTC)
    granted = policy(
        allow(["ec2:StopInstances", "ec2:StartInstances", "sqs:CreateQueue", "sns:CreateTopic", "s3:GetObject"])
    )
    usage = [
        *daily(),
        call("role/r", "ec2", "StopInstances", at=late),
        call("role/r", "sns", "CreateTopic", outcome="denied"),
    ]
    rows = services(report([role("r", granted)], usage).rows).to_pylist()
    assert {each["service"]: (each["state"], each["used"], each["unused"], each["last_used"]) for each in rows} == {
        "ec2": ("used", 1, 1, late),
        "s3": ("not_sure", 0, 0, None),  # a data event
        "sns": ("denied_only", 0, 0, None),
        "sqs": ("unused", 0, 1, None),
    }
