"""People behind one role of IAM Identity Center: each has habits of its own, and is told with the role.

The role's ARN and the session's name: "Referencing permission sets in resource policies, Amazon EKS, and AWS KMS" and
"Logging IAM Identity Center API calls" (IAM Identity Center guide).
"""

from __future__ import annotations

from datetime import timedelta

import pytest

from pipeline.detect.baselines.habits import role_of
from tests.detect.life import (
    NEW_NET,
    NOW,
    SHARED_ROLE,
    USER,
    Records,
    at,
    change,
    examined,
    habits,
    person,
    points,
    role,
)

ANNA, BEN = person("anna"), person("ben")
DELETES = {"eventName": "DeleteTags", "readOnly": False}
MINUTE = timedelta(minutes=1)


def taken_over() -> Records:
    """Anna's session used from elsewhere for what she never did, while ben works as ever."""
    home = [*habits(userIdentity=ANNA), *habits(userIdentity=BEN), at(NOW, userIdentity=BEN)]
    names = ("CreateUser", "AttachUserPolicy", "DeleteUser")
    return [*home, *(change(each, NOW + MINUTE, userIdentity=ANNA, **NEW_NET) for each in names)]


def test_what_one_did_every_day_is_new_of_another_in_the_same_role() -> None:
    known = [*habits(userIdentity=ANNA), *habits(userIdentity=BEN, **DELETES)]
    given = points(examined([*known, at(NOW, userIdentity=ANNA, **DELETES)]))
    assert given["first_sensitive_call"] > 0
    assert points(examined([*known, at(NOW, userIdentity=BEN, **DELETES)])) == {}


def test_a_place_is_known_of_a_person_and_not_of_the_role() -> None:
    known = [*habits(userIdentity=ANNA), *habits(userIdentity=BEN, **NEW_NET)]
    assert points(examined([*known, at(NOW, userIdentity=ANNA, **NEW_NET)]))["new_network"] > 0


def test_a_person_is_told_with_the_role_and_only_by_own_events() -> None:
    records = taken_over()
    (found,) = examined(records).findings
    assert found["principal_arn"] == SHARED_ROLE
    assert found["evidence"][0] == "person: anna@corp.example"
    assert set(found["event_ids"]) == {each["eventID"] for each in records[-3:]}


def test_a_person_that_widens_the_role_is_told() -> None:
    attach = {"eventSource": "iam.amazonaws.com", "eventName": "AttachRolePolicy", "readOnly": False}
    asked = {"requestParameters": {"roleName": SHARED_ROLE.rpartition("/")[2], "policyArn": "p"}}
    change_of_own = at(NOW, userIdentity=ANNA, **attach, **asked)
    (found,) = examined([*habits(userIdentity=ANNA), change_of_own]).findings
    assert (found["principal_arn"], found["event_ids"]) == (SHARED_ROLE, [change_of_own["eventID"]])


def test_machines_that_a_person_starts_in_a_new_region_are_told_as_such() -> None:
    run = change("RunInstances", userIdentity=ANNA, awsRegion="ap-south-1")
    parts = [each for stretch in examined([*habits(userIdentity=ANNA), run]).stretches for each in stretch.parts]
    assert any("ap-south-1 to start machines" in each.unusual for each in parts)


def test_who_is_new_in_the_role_is_not_judged_by_the_habits_of_others() -> None:
    found = examined([*habits(userIdentity=BEN), change("CreateUser", userIdentity=ANNA)])
    assert found.findings == []
    assert f"{SHARED_ROLE}/anna@corp.example" in [who for _, who, _ in found.unjudged]


def test_sessions_of_any_other_role_are_its_own() -> None:
    known = habits(userIdentity=role("worker", "one@corp.example"), **DELETES)
    assert points(examined([*known, at(NOW, userIdentity=role("worker", "two@corp.example"), **DELETES)])) == {}


@pytest.mark.parametrize(
    ("principal", "expected"),
    [
        (f"{SHARED_ROLE}/anna@corp.example", SHARED_ROLE),
        (SHARED_ROLE, SHARED_ROLE),
        (f"{SHARED_ROLE}/a/AWSReservedSSO_x/b\n", SHARED_ROLE),
        (f"{SHARED_ROLE.replace('/eu-west-1', '')}/anna", SHARED_ROLE.replace("/eu-west-1", "")),
        (USER["arn"], USER["arn"]),
        ("arn:aws:iam::111122223333:role/AWSReservedSSO_x/y", "arn:aws:iam::111122223333:role/AWSReservedSSO_x/y"),
        ("", ""),
    ],
)
def test_the_role_of_a_person(principal: str, expected: str) -> None:
    assert role_of(principal) == expected
