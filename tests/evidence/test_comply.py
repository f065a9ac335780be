"""Verdicts: what an answer means, and that nothing passes for want of data."""

from __future__ import annotations

import itertools
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from pipeline.catalog import Catalog
from pipeline.engines.duckdb import Engine
from pipeline.errors import UsageError
from pipeline.evidence.comply import WORST_FIRST, comply, window, worst
from pipeline.evidence.frameworks import Framework
from tests.evidence.made import (
    ACCOUNT,
    NOON,
    OTHER,
    SINCE,
    TAKEN,
    UNTIL,
    credential,
    detail,
    engine,
    event,
    federated,
    good_root,
    heartbeat,
    root,
    sign_in,
    snapshot,
)

DENIED = {"errorCode": "AccessDenied", "errorMessage": "no"}
EVENT_CONTROLS = [f"4.{number}" for number in range(1, 16)]
CREDENTIAL_CONTROLS = ["1.3", "1.4", "1.9", "1.10", "1.11", "1.12", "1.13"]
DETAIL_CONTROLS = ["1.14", "1.15", "1.16", "1.21"]


def support() -> dict[str, Any]:
    policies = [{"PolicyName": "AWSSupportAccess", "PolicyArn": "arn:aws:iam::aws:policy/AWSSupportAccess"}]
    return detail("role", "help", AttachedManagedPolicies=policies)


def judged(made: Engine, catalog: Catalog, cis: Framework, **given: Any) -> dict[str, dict[str, Any]]:
    """The requirements by number, over the week from SINCE to UNTIL unless `given` says otherwise."""
    with made:
        found = comply(made, catalog, cis, **({"since": SINCE, "until": UNTIL} | given))
    return {each["requirement"]: each for each in found}


def verdicts(found: dict[str, dict[str, Any]], numbers: list[str]) -> set[str]:
    return {found[number]["verdict"] for number in numbers}


def test_an_empty_lake_passes_nothing(catalog: Catalog, cis: Framework) -> None:
    found = judged(engine(), catalog, cis)
    assert len(found) == 63
    assert verdicts(found, EVENT_CONTROLS + CREDENTIAL_CONTROLS + DETAIL_CONTROLS) == {"no_evidence"}
    assert {each["verdict"] for each in found.values()} == {"no_evidence", "manual", "not_covered"}


def test_a_quiet_and_complete_log_passes(catalog: Catalog, cis: Framework) -> None:
    found = judged(engine(heartbeat()), catalog, cis)
    assert verdicts(found, EVENT_CONTROLS) == {"pass"}
    assert verdicts(found, CREDENTIAL_CONTROLS + DETAIL_CONTROLS) == {"no_evidence"}
    assert "14 management events of 1 account in us-east-1" in found["4.3"]["reason"]


def test_a_good_snapshot_passes_but_for_what_it_cannot_tell(catalog: Catalog, cis: Framework) -> None:
    made = snapshot(good_root(), credential("alice"), detail("user", "alice"), support())
    found = judged(engine(heartbeat(), made), catalog, cis)
    assert verdicts(found, [*CREDENTIAL_CONTROLS, *DETAIL_CONTROLS, "1.6"]) == {"pass"}
    assert found["1.5"]["verdict"] == "manual"
    assert "taken 2026-03-06" in found["1.9"]["reason"]


INCOMPLETE = [
    ("a day is missing", heartbeat(days=3) + heartbeat(since=SINCE + timedelta(days=4), days=3), "2026-03-04"),
    ("the log begins late", heartbeat(since=SINCE + timedelta(days=2), days=5), "2026-03-01, 2026-03-02"),
    ("the log ends early", heartbeat(days=5), "2026-03-06, 2026-03-07"),
    (
        "another account is silent",
        [*heartbeat(), event("RunInstances", "ec2", SINCE - timedelta(days=9), OTHER)],
        OTHER,
    ),
    (
        "data events alone",
        [each | {"eventCategory": "Data", "managementEvent": False} for each in heartbeat()],
        ACCOUNT,
    ),
]


@pytest.mark.parametrize(("events", "told"), [case[1:] for case in INCOMPLETE], ids=[case[0] for case in INCOMPLETE])
def test_a_log_that_lacks_something_passes_no_event_control(
    events: list[dict[str, Any]], told: str, catalog: Catalog, cis: Framework
) -> None:
    found = judged(engine(events), catalog, cis)
    assert verdicts(found, EVENT_CONTROLS) == {"no_evidence"}
    assert told in found["4.7"]["reason"]


def test_changes_need_a_log_of_writes_and_refusals_one_of_reads_too(catalog: Catalog, cis: Framework) -> None:
    reads = [each for each in heartbeat() if each["readOnly"]]
    writes = [each for each in heartbeat() if not each["readOnly"]]
    assert verdicts(judged(engine(reads), catalog, cis), EVENT_CONTROLS) == {"no_evidence"}
    found = judged(engine(writes), catalog, cis)
    assert verdicts(found, ["4.1", "4.3"]) == {"no_evidence"}
    assert verdicts(found, ["4.5", "4.14"]) == {"pass"}


def test_global_services_need_their_home_region(catalog: Catalog, cis: Framework) -> None:
    found = judged(engine(heartbeat(region="eu-west-1")), catalog, cis)
    assert verdicts(found, ["4.2", "4.3", "4.4", "4.6", "4.15"]) == {"no_evidence"}
    assert "us-east-1, where global services record" in found["4.4"]["reason"]
    assert verdicts(found, ["4.5", "4.10"]) == {"pass"}
    found = judged(engine(heartbeat(region="us-gov-east-1") + heartbeat(region="us-gov-west-1")), catalog, cis)
    assert verdicts(found, EVENT_CONTROLS) == {"pass"}


def test_days_that_the_period_only_touches_are_not_missing(catalog: Catalog, cis: Framework) -> None:
    made = engine([event("RunInstances", "ec2"), event("DescribeVpcs", "ec2")])
    found = judged(made, catalog, cis, since=NOON - timedelta(hours=20), until=NOON + timedelta(hours=20))
    assert verdicts(found, ["4.5", "4.7"]) == {"pass"}


@pytest.mark.parametrize(
    ("number", "verdict", "record", "told"),
    [
        ("4.1", "manual", event("GetObject", "s3", **DENIED), "1 refused call to review"),
        ("4.2", "fail", sign_in("No"), "1 sign-in without MFA"),
        ("4.2", "manual", sign_in("No", userIdentity=federated()), "1 sign-in without MFA to review"),
        ("4.3", "fail", event("CreateUser", "iam", userIdentity=root()), "1 act of a root user"),
        ("4.3", "manual", sign_in("No", failed=True, userIdentity=root()), "to review"),
        ("4.4", "manual", event("CreatePolicy", "iam"), "1 policy change to review"),
        ("4.4", "manual", event("CreatePolicy", "iam", **DENIED), "0 happened, 1 refused or failed"),
        ("4.4", "manual", event("SetDefaultPolicyVersion", "iam"), "1 beyond the benchmark's list"),
        ("4.6", "manual", sign_in("Yes", failed=True), "1 failed sign-in to review"),
    ],
)
def test_an_occurrence(
    number: str, verdict: str, record: dict[str, Any], told: str, catalog: Catalog, cis: Framework
) -> None:
    found = judged(engine([*heartbeat(), record]), catalog, cis)[number]
    assert found["verdict"] == verdict
    assert told in found["reason"]
    assert found["rows"][0]["event_ids"] == [record["eventID"]]
    assert found["rows_total"] == 1


def test_violations_and_rows_to_review_are_counted_apart(catalog: Catalog, cis: Framework) -> None:
    records = [sign_in("No"), sign_in("No"), sign_in("No", userIdentity=federated()), sign_in("No", failed=True)]
    found = judged(engine(heartbeat() + records), catalog, cis)["4.2"]
    assert found["verdict"] == "fail"
    assert found["reason"].startswith("2 sign-ins without MFA (by 1 principal); 2 more to review")


def test_an_occurrence_in_an_incomplete_log_says_that_there_may_be_more(catalog: Catalog, cis: Framework) -> None:
    found = judged(engine([*heartbeat(days=3), sign_in("No")]), catalog, cis)["4.2"]
    assert found["verdict"] == "fail"
    assert "there may be more" in found["reason"]


SNAPSHOTS = [
    ("before the period", snapshot(good_root(), support(), taken_at=SINCE - timedelta(days=1)), "before the period"),
    ("after a closed period", snapshot(good_root(), support(), taken_at=UNTIL + timedelta(days=2)), "has no"),
    ("of another account", snapshot(good_root(OTHER), detail("user", "bob", OTHER)), f"account {ACCOUNT} has no"),
]


@pytest.mark.parametrize(("made", "told"), [case[1:] for case in SNAPSHOTS], ids=[case[0] for case in SNAPSHOTS])
def test_a_snapshot_that_does_not_fit_passes_nothing(made: Any, told: str, catalog: Catalog, cis: Framework) -> None:
    later = event("DescribeInstances", "ec2", UNTIL + timedelta(days=9))
    found = judged(engine([*heartbeat(), later], made), catalog, cis)
    assert not verdicts(found, CREDENTIAL_CONTROLS + DETAIL_CONTROLS) & {"pass"}
    assert told in found["1.9"]["reason"]


def test_a_period_that_reaches_the_newest_event_takes_the_newest_snapshot(catalog: Catalog, cis: Framework) -> None:
    made = snapshot(good_root(), taken_at=UNTIL + timedelta(days=30))
    assert verdicts(judged(engine(heartbeat(), made), catalog, cis), CREDENTIAL_CONTROLS) == {"pass"}


def test_a_fault_in_an_old_snapshot_stays_a_fault(catalog: Catalog, cis: Framework) -> None:
    made = snapshot(credential("<root_account>", password_enabled="true"), taken_at=SINCE - timedelta(days=1))
    found = judged(engine(heartbeat(), made), catalog, cis)["1.4"]
    assert found["verdict"] == "fail"
    assert "before the period" in found["reason"]


def test_a_report_without_root_or_with_open_fields_passes_nothing(catalog: Catalog, cis: Framework) -> None:
    found = judged(engine(heartbeat(), snapshot(credential("alice"))), catalog, cis)
    assert verdicts(found, ["1.3", "1.4", "1.5", "1.6"]) == {"no_evidence"}
    partial = credential("alice")
    del partial["item"]["access_key_2_active"]
    found = judged(engine(heartbeat(), snapshot(good_root(), partial)), catalog, cis)
    assert verdicts(found, CREDENTIAL_CONTROLS) == {"no_evidence"}
    assert "leaves open what 1 user" in found["1.12"]["reason"]


def test_a_requirement_has_the_worst_verdict_of_its_controls(catalog: Catalog, cis: Framework) -> None:
    found = judged(engine(heartbeat()), catalog, cis)["1.6"]
    assert found["verdict"] == "no_evidence"
    [control] = found["controls"]
    assert (control["id"], control["verdict"]) == ("CT-03", "no_evidence")
    assert [each["verdict"] for each in control["questions"]] == ["pass", "no_evidence"]
    idle = (TAKEN - timedelta(days=60)).isoformat()
    row = credential("alice", password_enabled="true", mfa_active="true", password_last_used=idle)
    found = judged(engine(heartbeat(), snapshot(good_root(), row)), catalog, cis)["1.11"]
    assert [(each["id"], each["verdict"]) for each in found["controls"]] == [("IAM-09", "pass"), ("IAM-10", "fail")]
    assert found["verdict"] == "fail"


@pytest.mark.parametrize("pair", [*itertools.combinations(WORST_FIRST, 2)])
def test_worst(pair: tuple[str, str]) -> None:
    assert worst(list(pair)) == worst(list(reversed(pair))) == pair[0]
    assert worst([pair[1]]) == pair[1]


def test_rows_are_capped_and_their_number_is_told(catalog: Catalog, cis: Framework) -> None:
    records = [event(f"Get{number}", "s3", **DENIED) for number in range(7)]
    found = judged(engine(heartbeat() + records), catalog, cis, max_rows=3)["4.1"]
    assert (len(found["rows"]), found["rows_total"]) == (3, 7)


def test_everything_is_json(catalog: Catalog, cis: Framework) -> None:
    made = engine([*heartbeat(), sign_in("No")], snapshot(good_root(), credential("alice", password_enabled="true")))
    found = judged(made, catalog, cis)
    assert json.loads(json.dumps(found)) == found
    assert found["4.2"]["rows"][0]["first_seen"] == "2026-03-03T12:00:00Z"


def test_the_window_is_thirty_days_or_the_whole_of_a_shorter_log() -> None:
    with engine(heartbeat()) as made:
        found = window(made)
    assert (found.since, found.until) == (SINCE + timedelta(hours=9), SINCE + timedelta(days=6, hours=9))
    with engine([*heartbeat(), event("RunInstances", "ec2", SINCE - timedelta(days=100))]) as made:
        assert window(made).since == SINCE + timedelta(days=6, hours=9) - timedelta(days=30)
        assert window(made, as_of=NOON).until == NOON
        assert window(made, as_of=NOON).taken_until == NOON + timedelta(days=1)
        assert window(made).taken_until is None


def test_a_window_that_ends_before_it_begins_is_refused() -> None:
    with engine() as made, pytest.raises(UsageError, match="--from before --to"):
        window(made, UNTIL, SINCE)


def test_an_unknown_framework_is_refused(catalog: Catalog) -> None:
    with engine() as made, pytest.raises(UsageError, match="no such framework"):
        comply(made, catalog, "sox", datetime(2026, 1, 1, tzinfo=UTC), UNTIL)
