"""The points by which the ranked list weighs permissions: data that names real actions and adds up."""

from __future__ import annotations

import math
import tomllib
from importlib import resources
from typing import Any

import pytest

from pipeline.access.ground import survey
from pipeline.access.rightsize.worklist import worklist
from tests.access import worlds
from tests.access.rightsized import CATALOGUE
from tests.access.worlds import END, START, allow, arn, call, daily, group, managed, policy, role, user

GIVEN: dict[str, Any] = tomllib.loads(
    resources.files("pipeline.access.rightsize").joinpath("risk.toml").read_text("utf-8")
)


def test_every_action_is_one_of_the_catalogue_in_its_spelling() -> None:
    named = [action for kind in GIVEN["kinds"] for action in kind["actions"].split()]
    assert [action for action in named if CATALOGUE.canonical(action) != action] == []


def test_every_kind_has_its_source() -> None:
    assert {kind["source"] for kind in GIVEN["kinds"]} == set(GIVEN["sources"])


def test_points_make_a_hundred() -> None:
    most = max(GIVEN["escalation"].values()) + GIVEN["breadth"]["points"]
    assert most + sum(kind["points"] for kind in GIVEN["kinds"]) == 100


def ranked(items: list[dict[str, Any]], usage: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Rows of the list by the principal's name."""
    with worlds.engine(items, [*daily(), *usage]) as engine:
        rows = worklist(survey(engine, START, END)).to_pylist()
    return {row["principal_arn"].split("/")[-1]: row for row in rows}


def test_a_score_by_hand() -> None:
    """Ninety days, all of it sure, one own policy: 40 points for a way to write policies, and breadth for two."""
    (row,) = ranked([role("r", policy(allow(["iam:CreatePolicyVersion", "ec2:StopInstances"])))], []).values()
    breadth = 15 * math.log(3) / math.log(1 + len(CATALOGUE.actions))
    assert (row["risk_escalation"], row["risk_access"], row["confidence"], row["effort"]) == (40, 0, 1, 1)
    assert row["risk"] == round(40 + breadth, 1) and row["score"] == round((40 + breadth) / 1.05, 1)
    assert (row["rank"], row["unused"], row["services_unused"]) == (1, 2, 2)
    assert row["escalations"] == ["iam:CreatePolicyVersion: a new default version of a policy that is attached already"]


def test_a_way_that_stays_open_is_no_gain() -> None:
    """Passing a role is never seen; with RunInstances in use the way stays, without it trimming closes it."""
    items = [role("r", policy(allow(["iam:PassRole", "ec2:RunInstances", "ec2:StopInstances"])))]
    used = ranked(items, [call("role/r", "ec2", "RunInstances")])["r"]
    assert used["risk_escalation"] == 0 and used["escalations"] == []
    idle = ranked(items, [])["r"]
    assert idle["risk_escalation"] == 30 and len(idle["escalations"]) == 1
    assert idle["kept_not_observable"] == 1 and idle["confidence"] == round(2 / 3, 2)


def test_what_is_blocked_only_makes_a_policy_longer() -> None:
    """Of the kinds of calls and ways to more permissions none is open; two actions of some 20,000 would go."""
    edge = managed("edge", ("2020-01-01T00:00:00Z", policy(allow("ec2:*"))))
    boundary = {"PermissionsBoundary": {"PermissionsBoundaryArn": arn("policy", "edge")}}
    row = ranked([edge, role("r", policy(allow(["iam:CreatePolicyVersion", "kms:Decrypt"])), **boundary)], [])["r"]
    assert (row["blocked"], row["unused"], row["risk_escalation"], row["risk_access"]) == (2, 0, 0, 0)
    assert (
        row["risk"]
        == row["risk_breadth"]
        == pytest.approx(15 * math.log(3) / math.log1p(len(CATALOGUE.actions)), abs=0.06)
    )


def test_effort_counts_whom_a_change_would_reach() -> None:
    document = policy(allow("ec2:StopInstances"))
    shared = managed("shared", ("2020-01-01T00:00:00Z", document))
    attached = {"AttachedManagedPolicies": [{"PolicyName": "shared", "PolicyArn": shared["arn"]}]}
    center = role("c", document, path="/aws-reserved/sso.amazonaws.com/")
    linked = role("l", document, path="/aws-service-role/x.amazonaws.com/")
    items = [shared, role("a", **attached), role("b", **attached), center, linked, group("g", document)]
    items += [user("u", document, GroupList=["g"])]
    rows = ranked(items, [])
    assert {name: row["effort"] for name, row in rows.items()} == {"a": 2, "b": 2, "c": 5, "u": 4}
