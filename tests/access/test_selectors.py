"""Event selectors of a snapshot's trails: what an absence in the log then proves ("Logging data events")."""

from __future__ import annotations

import json
from typing import Any

import pyarrow as pa
import pytest

from pipeline.access.unused import unused
from pipeline.engines.duckdb import over
from pipeline.records.schema import IAM_SNAPSHOTS, LEDGER, USAGE
from tests.access.worlds import ACCOUNT, END, START, allow, call, daily, policy, role

BUCKET = "trail-logs"
S3, LAMBDA = "AWS::S3::Object", "AWS::Lambda::Function"


def classic(values: list[str], kind: str = S3, how: str = "All", **more: Any) -> dict[str, Any]:
    data = [{"Type": kind, "Values": values}] if values else []
    return {"EventSelectors": [{"ReadWriteType": how, "IncludeManagementEvents": True, "DataResources": data, **more}]}


def advanced(*fields: dict[str, Any], category: str = "Data") -> dict[str, Any]:
    of = {"Field": "eventCategory", "Equals": [category]}
    return {"AdvancedEventSelectors": [{"Name": "n", "FieldSelectors": [of, *fields]}]}


TYPE = {"Field": "resources.type", "Equals": [S3]}


def verdict(
    action: str,
    scope: str,
    selectors: dict[str, Any],
    *usage: dict[str, Any],
    bucket: str = BUCKET,
    logging: bool = True,
) -> tuple[str, str]:
    trail = {"Name": "main", "TrailARN": "arn:x", "S3BucketName": bucket, "IsLogging": logging, **selectors}
    items = [role("r", policy(allow(action, scope))), {"kind": "trail", "arn": "arn:x", "name": "main", "item": trail}]
    row = {"snapshot_id": "s", "taken_at": END, "account_id": ACCOUNT, "source_object": "x", "imported_at": END}
    ledger = dict.fromkeys(LEDGER.names) | {"uri": f"s3://{BUCKET}/AWSLogs/a.json.gz", "status": "loaded"}
    tables = {
        "iam_snapshots": pa.Table.from_pylist(
            [{**row, **each, "item": json.dumps(each["item"])} for each in items], IAM_SNAPSHOTS
        ),
        "usage": pa.Table.from_pylist([*daily(), *usage], schema=USAGE),
        "ledger": pa.Table.from_pylist([ledger], schema=pa.schema([field.with_nullable(True) for field in LEDGER])),
    }
    with over(tables) as engine:
        (found,) = unused(engine, START, END, used_too=True).rows.to_pylist()
    return found["verdict"], found["reason"]


EVERY, ONE = "arn:aws:s3:::*", "arn:aws:s3:::one/*"


@pytest.mark.parametrize(
    ("selectors", "scope", "expected"),
    [
        (classic(["arn:aws:s3"]), EVERY, "unused"),
        (classic(["arn:aws:s3"], how="ReadOnly"), EVERY, "unused"),
        (classic(["arn:aws:s3"], how="WriteOnly"), EVERY, "not_observable"),
        (classic(["arn:aws:s3:::one/"]), ONE, "unused"),
        (classic(["arn:aws:s3:::one/"]), EVERY, "not_observable"),
        (classic(["arn:aws:lambda"], LAMBDA), EVERY, "not_observable"),
        (classic([]), EVERY, "not_observable"),
        (advanced(TYPE), EVERY, "unused"),
        (advanced(TYPE, {"Field": "readOnly", "Equals": ["true"]}), EVERY, "unused"),
        (advanced(TYPE, {"Field": "readOnly", "Equals": ["false"]}), EVERY, "not_observable"),
        (advanced(TYPE, {"Field": "resources.ARN", "StartsWith": ["arn:aws:s3:::one/"]}), ONE, "unused"),
        (advanced(TYPE, {"Field": "resources.ARN", "NotStartsWith": ["arn:aws:s3:::two/"]}), ONE, "not_observable"),
        (advanced(TYPE, {"Field": "eventName", "Equals": ["GetObject"]}), EVERY, "not_observable"),
        (advanced(TYPE, category="Management"), EVERY, "not_observable"),
    ],
)
def test_data_events(selectors: dict[str, Any], scope: str, expected: str) -> None:
    found, reason = verdict("s3:GetObject", scope, selectors)
    assert found == expected
    assert ("main selects its data events" in reason) is (expected == "unused")


def test_a_trail_the_lake_was_not_filled_from_vouches_for_nothing() -> None:
    assert verdict("s3:GetObject", EVERY, classic(["arn:aws:s3"]), bucket="another")[0] == "not_observable"
    assert verdict("s3:GetObject", EVERY, classic(["arn:aws:s3"]), logging=False)[0] == "not_observable"


def test_trails_that_were_changed_in_the_window_vouch_for_nothing() -> None:
    changed = call("role/other", "cloudtrail", "PutEventSelectors")
    assert verdict("s3:GetObject", EVERY, classic(["arn:aws:s3"]), changed)[0] == "not_observable"
    refused = call("role/other", "cloudtrail", "PutEventSelectors", outcome="denied")
    assert verdict("s3:GetObject", EVERY, classic(["arn:aws:s3"]), refused)[0] == "unused"


def test_unmapped_events_stay_a_doubt() -> None:
    odd = call("role/r", "s3", "SomethingNobodyKnows")
    assert verdict("s3:GetObject", EVERY, classic(["arn:aws:s3"]), odd)[0] == "not_observable"


@pytest.mark.parametrize(
    ("selectors", "expected"),
    [
        (classic([]), "unused"),
        (classic([], ExcludeManagementEventSources=["kms.amazonaws.com"]), "not_observable"),
        (advanced(category="Management"), "unused"),
        (
            advanced({"Field": "eventSource", "NotEquals": ["kms.amazonaws.com"]}, category="Management"),
            "not_observable",
        ),
        (advanced({"Field": "readOnly", "Equals": ["true"]}, category="Management"), "not_observable"),
    ],
)
def test_sources_a_trail_may_leave_out(
    selectors: dict[str, Any], expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [each for each in daily() if each["eventSource"] != "kms.amazonaws.com"]
    monkeypatch.setattr(f"{__name__}.daily", lambda: rows)
    assert verdict("kms:Decrypt", "*", selectors)[0] == expected


@pytest.mark.parametrize(
    "broken", [{"EventSelectors": "x"}, {"AdvancedEventSelectors": [1, {"FieldSelectors": "y"}]}, {}]
)
def test_selectors_that_cannot_be_read_select_nothing(broken: dict[str, Any]) -> None:
    assert verdict("s3:GetObject", EVERY, broken)[0] == "not_observable"
