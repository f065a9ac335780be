"""IAM's last-accessed data beside the log ("Refine permissions in AWS using last accessed information")."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.access.worlds import END, START, allow, arn, call, daily, judged, policy, role

AT = "2026-10-30T06:00:00+00:00"
INSIDE = "2026-09-10T12:00:00+00:00"
BEFORE = "2026-01-10T12:00:00+00:00"


def accessed(*services: dict[str, Any], at: str = AT) -> dict[str, Any]:
    item = {
        "Arn": arn("role", "r"),
        "JobCompletionDate": at,
        "JobType": "ACTION_LEVEL",
        "ServicesLastAccessed": list(services),
    }
    return {"kind": "last_accessed", "arn": item["Arn"], "name": "r", "item": item}


def service(prefix: str, last: str | None = None, **actions: str | None) -> dict[str, Any]:
    tracked = [{"ActionName": name} | ({"LastAccessedTime": at} if at else {}) for name, at in actions.items()]
    made: dict[str, Any] = {"ServiceNamespace": prefix, "TrackedActionsLastAccessed": tracked}
    return made | ({"LastAuthenticated": last} if last else {})


def verdict(action: str, *items: dict[str, Any], usage: tuple[dict[str, Any], ...] = ()) -> tuple[str, str]:
    found = judged([role("r", policy(allow(action))), *items], [*daily(), *usage])
    row = next(each for each in found.values() if each["action"] == action)
    return row["verdict"], row["reason"]


# Reads of objects are data events, of which this log has none.
DATA = "s3:GetObject"


def test_without_the_record_what_the_log_cannot_show_is_not_observable() -> None:
    assert verdict(DATA)[0] == "not_observable"


def test_a_service_never_attempted_is_unused_whatever_the_log_can_show() -> None:
    found, reason = verdict(DATA, accessed(service("s3")))
    assert (found, reason) == ("unused", "IAM's last-accessed data of 2026-10-30: s3 was never attempted")


def test_a_service_that_was_attempted_says_nothing_of_one_of_its_actions() -> None:
    assert verdict(DATA, accessed(service("s3", BEFORE)))[0] == "not_observable"


def test_an_action_that_aws_tracks_and_never_saw() -> None:
    assert verdict("ec2:RunInstances", accessed(service("ec2", BEFORE, RunInstances=None)))[0] == "unused"


def test_of_a_service_it_does_not_list_it_says_nothing() -> None:
    assert verdict(DATA, accessed(service("ec2")))[0] == "not_observable"


def test_passing_a_role_is_not_tracked() -> None:
    assert verdict("iam:PassRole", accessed(service("iam")))[0] == "not_observable"


def test_an_old_record_cannot_speak_for_what_came_after_it() -> None:
    old = (END - timedelta(days=10)).isoformat()
    assert verdict(DATA, accessed(service("s3"), at=old))[0] == "not_observable"


def test_the_log_goes_before_a_record_that_says_never() -> None:
    usage = (call("role/r", "s3", "ListBuckets"),)
    assert verdict(DATA, accessed(service("s3")), usage=usage)[0] == "not_observable"


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        (service("ec2", INSIDE), "unused_low_confidence"),
        (service("ec2", BEFORE), "unused"),
        (service("ec2", INSIDE, RunInstances=INSIDE), "unused_low_confidence"),
    ],
)
def test_an_attempt_that_the_log_does_not_have_is_a_doubt(record: dict[str, Any], expected: str) -> None:
    found, reason = verdict("ec2:RunInstances", accessed(record))
    assert found == expected
    assert ("that the log does not have" in reason) is (expected != "unused")


def test_an_attempt_at_a_service_that_the_log_shows_is_explained() -> None:
    usage = (call("role/r", "ec2", "DescribeVpcs"),)
    assert verdict("ec2:RunInstances", accessed(service("ec2", INSIDE)), usage=usage)[0] == "unused"


def test_a_use_stays_a_use() -> None:
    usage = (call("role/r", "ec2", "RunInstances", at=datetime(2026, 9, 15, tzinfo=START.tzinfo)),)
    assert verdict("ec2:RunInstances", accessed(service("ec2", BEFORE)), usage=usage)[0] == "used"


@pytest.mark.parametrize(
    "broken", [{"ServicesLastAccessed": "x"}, {"JobCompletionDate": None}, {"ServicesLastAccessed": [1, {}]}]
)
def test_a_record_that_cannot_be_read_says_nothing(broken: dict[str, Any]) -> None:
    item = accessed(service("s3"))
    item["item"] |= broken
    assert verdict(DATA, item)[0] == "not_observable"
