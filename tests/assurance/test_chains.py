"""Several chains in one place, windows over them, and trails that move: which digests belong together."""

from __future__ import annotations

import dataclasses
from datetime import timedelta

from tests.assurance.chains import BUCKET, HOUR, START, Trail
from tests.assurance.conftest import Verify


def test_backfill_digests_are_a_chain_of_their_own(check: Verify, where: str) -> None:
    trail = Trail().hours(3)
    late = [trail.log(START + timedelta(minutes=50)), trail.log(START + timedelta(minutes=110))]
    hourly, trail.previous = trail.previous, None
    for number, log in enumerate(late):
        trail.digest(START + number * HOUR, START + (number + 1) * HOUR, [log], backfill=True)
    trail.previous = hourly
    trail.hours(3)
    found = check(trail)
    assert found.problems == []
    assert [each.chain for each in found.chains] == [
        "111122223333/eu-west-1/main@eu-west-1",
        "111122223333/eu-west-1/main@eu-west-1 backfill",
    ]
    assert [each.logs_valid for each in found.chains] == [6, 2]
    assert found.total("digests_valid") == (6 if where == "folder" else 8)


def test_accounts_regions_and_trails_are_chains_of_their_own(check: Verify) -> None:
    trails = [
        Trail().hours(4),
        Trail(name="second_trail").hours(3),
        Trail(region="us-east-1").hours(2),
        Trail(account="444455556666", prefix="AWSLogs/o-exampleorg").hours(3, logs=2),
    ]
    found = check(*trails)
    assert found.problems == []
    assert {each.chain: each.digests_checked for each in found.chains} == {
        "111122223333/eu-west-1/main@eu-west-1": 4,
        "111122223333/eu-west-1/second_trail@eu-west-1": 3,
        "111122223333/us-east-1/main@eu-west-1": 2,
        "444455556666/eu-west-1/main@eu-west-1": 3,
    }
    only = check(*trails, accounts=frozenset({"444455556666"}))
    assert [each.account for each in only.chains] == ["444455556666"] and only.problems == []
    assert {each.region for each in check(*trails, regions=frozenset({"us-east-1"})).chains} == {"us-east-1"}


def test_a_prefix_before_the_layout(check: Verify) -> None:
    assert check(Trail(prefix="security/trail/AWSLogs").hours(4)).problems == []


def test_a_window_leaves_out_what_lies_beside_it(check: Verify) -> None:
    trail = Trail().hours(12)
    trail.spoil(trail.logs[0])
    trail.remove(trail.digests[1], trail.logs[-1])
    found = check(trail, since=START + 4 * HOUR, until=START + 8 * HOUR)
    assert found.problems == []
    assert (found.total("digests_checked"), found.total("digests_valid")) == (4, 4)  # signed in the one after


def test_a_window_that_reaches_past_the_digests(check: Verify) -> None:
    found = check(Trail().hours(6), since=START - 5 * HOUR, until=START + 10 * HOUR)
    spans = {(each.kind, each.since, each.until) for each in found.problems}
    assert spans == {("gap", START - 5 * HOUR, START), ("gap", START + 6 * HOUR, START + 10 * HOUR)}


def test_a_trail_that_moved_to_another_bucket(check: Verify, where: str) -> None:
    trail = Trail(bucket="old-bucket").hours(3)
    old = dataclasses.replace(trail, objects=dict(trail.objects), metadata=dict(trail.metadata))
    trail.objects.clear()
    trail.bucket = BUCKET
    trail.hours(3)
    if where == "folder":  # both lie under the folder: one chain
        found = check(trail, old)
        assert found.problems == [] and found.total("digests_checked") == 6
    else:
        [problem] = check(trail, old).problems
        assert problem.kind == "outside" and problem.object == f"s3://old-bucket/{trail.digests[2]}"
