"""Ways to more permissions a principal has, and whether the log shows them used; worked out by hand."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pipeline.access.escalating import ways
from pipeline.access.ground import survey
from pipeline.cli import main
from tests.access.worlds import END, START, allow, arn, call, daily, deny, engine, managed, policy, role, scp, user

Items = list[dict[str, Any]]
MFA = {"Bool": {"aws:MultiFactorAuthPresent": "true"}}


def rows(items: Items, usage: Items | None = None) -> dict[str, dict[str, Any]]:
    """The ways of the one principal by how they go."""
    with engine(items, [*daily(), *(usage or [])]) as made:
        ground = survey(made, START, END)
        found = ways(ground, ground.library.principals()).to_pylist()
    return {each["how"]: each for each in found}


ATTACH = "a managed policy attached to a user"
FUNCTION = "a function with the role, invoked"
KEY = "an access key made for another user"


def test_one_action_is_a_way() -> None:
    found = rows([role("r", policy(allow("iam:AttachUserPolicy")))])
    assert list(found) == [ATTACH]
    one = found[ATTACH]
    assert (one["decision"], one["gain"], one["actions"]) == ("allowed", "policy", ["iam:AttachUserPolicy"])
    assert (one["scopes"], one["granted_by"], one["use"]) == (
        ["iam:AttachUserPolicy on *"],
        "inline policy p0",
        "unused",
    )


def test_a_way_needs_all_of_its_actions() -> None:
    parts = ["lambda:CreateFunction", "lambda:InvokeFunction"]
    assert FUNCTION not in rows([role("r", policy(allow(parts)))])
    found = rows([role("r", policy(allow(parts)), policy(allow("iam:PassRole", arn("role", "app"))))])
    assert f"iam:PassRole on {arn('role', 'app')}" in found[FUNCTION]["scopes"]


def test_what_a_boundary_or_an_scp_takes_is_no_way() -> None:
    edge = managed("edge", ("2020-01-01T00:00:00Z", policy(allow("s3:*"))))
    bounded = role("r", policy(allow("*")), PermissionsBoundary={"PermissionsBoundaryArn": arn("policy", "edge")})
    assert rows([edge, bounded]) == {}
    assert ATTACH not in rows([role("r", policy(allow("*"))), scp("s", policy(allow("*"), deny("iam:Attach*")))])


def test_conditions_are_named() -> None:
    one = rows([role("r", policy(allow("iam:AttachUserPolicy", Condition=MFA)))])[ATTACH]
    assert (one["decision"], one["conditions"]) == ("conditional", ["aws:MultiFactorAuthPresent"])


@pytest.mark.parametrize(
    ("scope", "found"),
    [("*", True), (arn("user", "bob"), True), (arn("user", "ann"), False), (arn("user", "${aws:username}"), False),
     ([arn("user", "ann"), arn("user", "bob")], True)],
)  # fmt: skip
def test_a_key_of_ones_own_is_no_way(scope: object, found: bool) -> None:
    assert (KEY in rows([user("ann", policy(allow("iam:CreateAccessKey", scope)))])) is found


def test_use_is_told_by_the_log() -> None:
    one = rows([role("r", policy(allow("iam:AttachUserPolicy")))], [call("role/r", "iam", "AttachUserPolicy")])[ATTACH]
    assert (one["use"], one["last_used"]) == ("used", call("role/r", "iam", "AttachUserPolicy")["last_seen"])


def test_a_way_is_used_only_where_each_of_its_actions_was() -> None:
    granted = policy(allow(["iam:PassRole", "lambda:CreateFunction", "lambda:InvokeFunction"]))
    made = call("role/r", "lambda", "CreateFunction20150331", request={"roleArn": arn("role", "app")})
    # Invocations are data events, of which this log has none.
    assert rows([role("r", granted)], [made])[FUNCTION]["use"] == "not_observable"
    assert rows([role("r", granted)])[FUNCTION]["use"] == "unused"


def test_a_role_made_to_trust_oneself_needs_no_other_trust() -> None:
    found = rows([role("r", policy(allow(["iam:UpdateAssumeRolePolicy", "sts:AssumeRole"])))])
    one = found["a role made to trust oneself, then assumed"]
    assert (one["decision"], one["conditions"]) == ("allowed", [])


def test_the_command(tmp_path: Any, sample_lake: Any, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--lake", str(sample_lake), "iam", "escalation", "--lookback", "28d", "-o", "json"])
    assert not caught.value.code
    found = json.loads(capfd.readouterr()[0])
    exporter = [each for each in found if each["principal_arn"].endswith("user/service/report-exporter")]
    # The planted incident: a policy attached to itself, a key made for itself with what that gave.
    assert {each["how"] for each in exporter if each["use"] == "used"} >= {ATTACH}
    assert not [each for each in found if ":role/aws-service-role/" in each["principal_arn"]]
