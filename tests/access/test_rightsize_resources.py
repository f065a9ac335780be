"""Resources by the events of a principal, and what may be assumed of permissions whose use no log would show.

ARNs of resources by action: the Service Authorization Reference, one page a service.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from pipeline.access.rightsize.judging import Options
from pipeline.access.rightsize.propose import Proposal, propose
from pipeline.access.rightsize.seen import elsewhere
from pipeline.engines.duckdb import over
from pipeline.lake.usage import roll_up
from pipeline.records.normalize import to_table
from tests.access.replays import engine, ground, record
from tests.access.rightsized import RESOURCES, actions, granted
from tests.access.worlds import ACCOUNT, allow, arn, policy, role

QUEUE = f"arn:aws:sqs:*:{ACCOUNT}:jobs"
URL = f"https://sqs.us-east-1.amazonaws.com/{ACCOUNT}/jobs"


def made(statement: dict[str, Any], records: list[dict[str, Any]], options: Options = RESOURCES) -> Proposal:
    with engine([role("r", policy(statement))], [*whole(), *records]) as opened:
        return propose(ground(opened), arn("role", "r"), options)


def whole() -> list[dict[str, Any]]:
    """Another role's calls on every day of the window, of both classes: the log is whole."""
    days = [f"2026-{month:02}-{day:02}T01:00:00Z" for month, last in ((8, 31), (9, 30), (10, 30)) for day in
            range(1, last + 1)]  # fmt: skip
    names = ("DescribeVpcs", "CreateVpc")
    return [record("role/other", "ec2", name, readOnly=name[0] == "D", eventTime=day) for day in days for name in names]


def objects(name: str, keys: list[str], bucket: str = "b") -> list[dict[str, Any]]:
    more = {"eventCategory": "Data", "managementEvent": False}
    return [record("role/r", "s3", name, {"bucketName": bucket, "key": key}, **more) for key in keys]


def test_objects_are_told_by_the_folder_at_the_top() -> None:
    calls = objects("GetObject", [f"raw/2026/09/{number}.csv" for number in range(50)])
    calls += objects("PutObject", ["curated/a", "curated/b/c"])
    found = made(allow(["s3:GetObject", "s3:PutObject"], "arn:aws:s3:::b/*"), calls)
    assert granted(found.documents) == {
        ("s3:GetObject", "arn:aws:s3:::b/raw/*"),
        ("s3:PutObject", "arn:aws:s3:::b/curated/*"),
    }


def test_objects_without_a_folder_and_of_too_many_take_the_bucket() -> None:
    calls = objects("GetObject", ["raw/a", "b.csv"]) + objects("PutObject", [f"{each}/x" for each in range(11)])
    found = made(allow(["s3:GetObject", "s3:PutObject"]), calls)
    assert {where for _, where in granted(found.documents)} == {"arn:aws:s3:::b/*"}


def test_names_that_change_with_every_call_give_way_to_their_type() -> None:
    calls = [
        record("role/r", "sagemaker", "DescribeTrainingJob", {"trainingJobName": f"job-{number}"})
        for number in range(11)
    ]
    found = made(allow("sagemaker:DescribeTrainingJob"), calls)
    assert granted(found.documents) == {
        ("sagemaker:DescribeTrainingJob", f"arn:aws:sagemaker:*:{ACCOUNT}:training-job/*")
    }
    few = made(allow("sagemaker:DescribeTrainingJob"), calls[:2])
    assert {where for _, where in granted(few.documents)} == {
        f"arn:aws:sagemaker:*:{ACCOUNT}:training-job/job-{number}" for number in range(2)
    }


def test_regions_stay_as_open_as_the_grant() -> None:
    calls = [record("role/r", "sqs", "PurgeQueue", {"queueUrl": URL})]
    assert granted(made(allow("sqs:PurgeQueue"), calls).documents) == {("sqs:PurgeQueue", QUEUE)}
    one = f"arn:aws:sqs:us-east-1:{ACCOUNT}:*"
    assert granted(made(allow("sqs:PurgeQueue", one), calls).documents) == {
        ("sqs:PurgeQueue", f"arn:aws:sqs:us-east-1:{ACCOUNT}:jobs")
    }


def test_a_call_that_names_nothing_keeps_the_old_resources() -> None:
    """DescribeStacks may name a stack; without one it is checked for `*` (CloudFormation API reference)."""
    named = record("role/r", "cloudformation", "DescribeStacks", {"stackName": "web"})
    nameless = record("role/r", "cloudformation", "DescribeStacks", None)
    where = {("cloudformation:DescribeStacks", f"arn:aws:cloudformation:*:{ACCOUNT}:stack/web/*")}
    assert granted(made(allow("cloudformation:DescribeStacks"), [named]).documents) == where
    both = made(allow("cloudformation:DescribeStacks"), [named, nameless])
    assert granted(both.documents) == {("cloudformation:DescribeStacks", "*")}


def test_a_window_that_cuts_a_day_in_two_is_read_from_its_events() -> None:
    calls = [
        each | {"eventTime": time}
        for each, time in zip(
            objects("GetObject", ["old/a", "raw/a", "raw/b"]),
            ("2026-08-01T00:00:01Z", "2026-08-01T05:00:00Z", "2026-08-01T23:00:00Z"),
            strict=True,
        )
    ]
    with engine([role("r", policy(allow("s3:GetObject", "arn:aws:s3:::b/*")))], [*whole(), *calls]) as opened:
        cut = replace(ground(opened), start=datetime(2026, 8, 1, 4, tzinfo=UTC))
        found = propose(cut, arn("role", "r"), RESOURCES)
    assert granted(found.documents) == {("s3:GetObject", "arn:aws:s3:::b/raw/*")}


def test_events_that_are_gone_leave_what_the_roll_up_tells() -> None:
    calls = objects("GetObject", ["raw/a"])
    events = to_table([*whole(), *calls])
    late = events.filter(pc.greater(events["eventTime"], pa.scalar(datetime(2026, 10, 1, tzinfo=UTC))))
    items = engine([role("r", policy(allow("s3:GetObject", "arn:aws:s3:::b/*")))], []).tables["iam_snapshots"]
    with over({"events": late, "usage": roll_up(events, "b"), "iam_snapshots": items}) as opened:
        found = propose(ground(opened), arn("role", "r"), RESOURCES)
    assert granted(found.documents) == {("s3:GetObject", "arn:aws:s3:::b/*")}


def test_a_name_that_would_be_a_variable_keeps_the_old_resources() -> None:
    found = made(allow("s3:GetObject", "arn:aws:s3:::b/*"), objects("GetObject", ["${aws:username}/a"]))
    assert granted(found.documents) == {("s3:GetObject", "arn:aws:s3:::b/*")}


def test_a_denied_call_names_nothing_needed() -> None:
    calls = objects("GetObject", ["raw/a"])
    calls += [each | {"errorCode": "AccessDenied"} for each in objects("GetObject", ["secret/a"])]
    assert granted(made(allow("s3:GetObject", "arn:aws:s3:::b/*"), calls).documents) == {
        ("s3:GetObject", "arn:aws:s3:::b/raw/*")
    }


def test_elsewhere_narrows_what_the_log_cannot_show() -> None:
    """Messages are data events (SQS developer guide, "Logging using AWS CloudTrail"), of which none are logged."""
    calls = [record("role/r", "sqs", "PurgeQueue", {"queueUrl": URL})]
    statement = allow(["sqs:PurgeQueue", "sqs:SendMessage", "sns:Publish"])
    assert ("sqs:SendMessage", "*") in granted(made(statement, calls).documents)
    found = made(statement, calls, Options(True, frozenset({"elsewhere"})))
    assert granted(found.documents) == {
        ("sqs:PurgeQueue", QUEUE),
        ("sqs:SendMessage", QUEUE),
        # No call told any topic.
        ("sns:Publish", "*"),
    }


def test_eventless_gives_up_what_leaves_no_event() -> None:
    calls = [record("role/r", "s3", "GetBucketPolicy", {"bucketName": "b"})]
    statement = allow(["s3:GetBucketPolicy", "s3:BypassGovernanceRetention", "s3:GetObject", "iam:PassRole"])
    assert actions(made(statement, calls).documents) == set(statement["Action"])
    found = made(statement, calls, Options(assume=frozenset({"eventless"})))
    assert actions(found.documents) == {"s3:GetBucketPolicy", "s3:GetObject", "iam:PassRole"}
    assert [row["action"] for row in found.assumed] == ["s3:BypassGovernanceRetention"]


def test_all_leaves_what_was_seen() -> None:
    calls = [
        record("role/r", "s3", "GetBucketPolicy", {"bucketName": "b"}),
        record("role/r", "s3", "GetBucketAcl", {"bucketName": "b"}, errorCode="AccessDenied"),
    ]
    names = ["s3:GetBucketPolicy", "s3:GetBucketAcl", "s3:BypassGovernanceRetention", "s3:GetObject", "iam:PassRole"]
    found = made(allow(names), calls, Options(assume=frozenset({"all"})))
    # Who was denied may still want it.
    assert actions(found.documents) == {"s3:GetBucketPolicy", "s3:GetBucketAcl"}
    assert {row["action"] for row in found.assumed} == set(names[2:])
    assert found.as_json()["options"]["assume_unused"] == ["all"]


@pytest.mark.parametrize(
    ("action", "named", "expected"),
    [
        ("dynamodb:GetItem", "dynamodb:*:1:table/t", {"dynamodb:*:1:table/t"}),
        ("dynamodb:GetRecords", "dynamodb:*:1:table/t", {"dynamodb:*:1:table/t/stream/*"}),
        ("logs:PutLogEvents", "logs:*:1:log-group:/a/b", {"logs:*:1:log-group:/a/b:log-stream:*"}),
        ("logs:FilterLogEvents", "logs:*:1:log-group:/a/b:log-stream:c", {"logs:*:1:log-group:/a/b"}),
        ("s3:ListBucketVersions", "s3:::b/raw/*", {"s3:::b"}),
        ("s3:GetObjectAcl", "s3:::b", {"s3:::b/*"}),
        ("s3:GetObjectAcl", "s3:::b/raw/*", {"s3:::b/raw/*"}),
        ("iam:PassRole", "iam::1:user/x", set()),
        ("iam:PassRole", "iam::1:role/x/y", {"iam::1:role/x/y"}),
        ("sqs:ListQueues", "sqs:*:1:q", set()),
    ],
)
def test_elsewhere_is_what_holds_it_what_it_holds_or_it_itself(action: str, named: str, expected: set[str]) -> None:
    assert elsewhere(action, [f"arn:aws:{named}"]) == {f"arn:aws:{each}" for each in expected}
