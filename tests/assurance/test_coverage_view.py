"""What the lake can vouch for, worked out by hand: delivered, silent, gap; and what digests say is missing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pyarrow as pa

from pipeline.assurance.coverage import accounts, coverage, gaps
from pipeline.catalog import Catalog
from pipeline.engines.duckdb import Engine, over
from pipeline.records.schema import LEDGER, OTHER, USAGE, VERIFICATIONS, VERIFIED_DIGESTS
from tests.logs import ACCOUNT

OTHER_ACCOUNT = "444455556666"


def used(day: int, region: str = "eu-west-1", **more: Any) -> dict[str, Any]:
    moment = datetime(2026, 11, day, 12, tzinfo=UTC)
    row = {"day": moment.date(), "account_id": ACCOUNT, "awsRegion": region, "eventCategory": "Management"}
    return row | {"readOnly": True, "count": 1, "first_seen": moment, "last_seen": moment} | more


def key(day: int, unique: str, region: str = "eu-west-1", account: str = ACCOUNT) -> str:
    name = f"{account}_CloudTrail_{region}_202611{day:02}T1005Z_{unique}.json.gz"
    return f"AWSLogs/{account}/CloudTrail/{region}/2026/11/{day:02}/{name}"


def taken(place: str, sha256: str = "aa", status: str = "loaded") -> dict[str, Any]:
    return {"uri": place, "etag": "e", "size": 1, "sha256": sha256, "status": status}


def digest(*logs: tuple[str, str]) -> dict[str, Any]:
    listed = [{"s3Bucket": "b", "s3Object": name, "hashValue": sha256} for name, sha256 in logs]
    return {"id": "d", "record": json.dumps({"digestStartTime": "x", "digestEndTime": "y", "logFiles": listed})}


@contextmanager
def engine(
    usage: list[dict[str, Any]],
    ledger: list[dict[str, Any]] | None = None,
    digests: list[dict[str, Any]] | None = None,
    **more: pa.Table,
) -> Iterator[Engine]:
    tables = more | {
        "usage": pa.Table.from_pylist(usage, schema=USAGE),
        "ledger": pa.Table.from_pylist(ledger or [], schema=LEDGER),
        "digests": pa.Table.from_pylist(digests or [], schema=OTHER),
    }
    with over(tables) as made:
        Catalog.load().install_views(made)
        yield made


def states(made: Engine) -> dict[tuple[int, str], str]:
    rows = made.query("select day, awsRegion, state from coverage").to_pylist()
    return {(row["day"].day, row["awsRegion"]): row["state"] for row in rows}


def test_a_silent_region_is_no_gap_and_a_silent_account_is() -> None:
    usage = [used(1), used(1, "us-east-1"), used(2), used(4), used(4, "us-east-1")]
    with engine(usage) as made:
        assert states(made) == {
            (1, "eu-west-1"): "delivered",
            (1, "us-east-1"): "delivered",
            (2, "eu-west-1"): "delivered",
            (2, "us-east-1"): "silent",
            (3, "eu-west-1"): "gap",
            (3, "us-east-1"): "gap",
            (4, "eu-west-1"): "delivered",
            (4, "us-east-1"): "delivered",
        }


def test_classes_and_sources_are_told() -> None:
    usage = [used(1), used(1, readOnly=False, count=3), used(1, eventCategory="Data", count=5), used(1, readOnly=None)]
    ledger = [taken(f"s3://b/{key(1, 'A')}"), taken(f"/copy/{key(1, 'B')}"), taken("/copy/other.json")]
    ledger += [
        taken(f"lookup://{ACCOUNT}/eu-west-1/2026-11-01T00:00:00Z/P1D"),
        taken(f"s3://b/{key(1, 'C')}", "x", "failed"),
    ]
    with engine(usage, ledger) as made:
        row = made.query("select * from coverage").to_pylist()[0]
    # Of the ten five are data events; of the others one reads, three write, and one does not say: that is no read.
    assert (row["events"], row["management"], row["data"], row["reads"], row["writes"]) == (10, 5, 5, 1, 4)
    assert (row["objects"], row["sources"], row["listed"]) == (3, ["local", "lookup", "s3"], None)


def test_an_object_that_a_digest_lists_and_the_lake_lacks_is_a_gap() -> None:
    here, refused, gone = key(2, "HERE"), key(2, "BAD"), key(2, "GONE")
    ledger = [taken(f"/copy/{here}"), taken(f"s3://b/{refused}", status="failed")]
    with engine([used(1), used(2), used(3)], ledger, [digest((here, "aa"), (refused, "aa"), (gone, "aa"))]) as made:
        assert states(made)[2, "eu-west-1"] == "gap"
        found = coverage(made)[ACCOUNT]
        assert found.missing == {date(2026, 11, 2): 2}
        start, end = datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 11, 4, tzinfo=UTC)
        assert found.gap(start, end) == [date(2026, 11, 2)]
        assert gaps({ACCOUNT: found}, start, end) == [
            f"gap: the log of account {ACCOUNT} lacks something of a day of the window (2026-11-02)"
        ]
        # Before and after that day nothing is missing.
        assert found.gap(start, datetime(2026, 11, 1, 23, tzinfo=UTC)) == []
        assert found.gap(datetime(2026, 11, 3, tzinfo=UTC), end) == []


def test_bytes_other_than_the_digests_are_told() -> None:
    name = key(1, "A")
    with engine([used(1)], [taken(f"s3://b/{name}", "bb")], [digest((name, "AA"))]) as made:
        row = accounts(made)[0]
    assert (row["listed_objects"], row["missing_objects"], row["altered_objects"], row["gap_days"]) == (1, 0, 1, 0)


def test_the_same_object_in_two_digests_counts_once() -> None:
    name = key(1, "A")
    with engine([used(1)], [taken(f"s3://b/{name}")], [digest((name, "aa")), digest((name, "aa"))]) as made:
        assert accounts(made)[0]["listed_objects"] == 1


def test_an_object_delivered_on_a_day_without_events_shows_that_the_trail_was_alive() -> None:
    late = key(3, "X", "us-east-1")  # its events happened the day before
    with engine([used(1), used(2, "us-east-1"), used(5)], [taken(f"s3://b/{late}")]) as made:
        found = states(made)
        assert coverage(made)[ACCOUNT].gap(datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 11, 6, tzinfo=UTC)) == [
            date(2026, 11, 4)
        ]
    assert (found[3, "us-east-1"], found[3, "eu-west-1"], found[4, "eu-west-1"]) == ("delivered", "silent", "gap")


def test_hostile_digests_are_no_more_than_nothing() -> None:
    broken = [
        {"id": "d", "record": text} for text in ("{", '{"logFiles": 5}', '{"logFiles": [5, null, {"s3Object": 7}]}')
    ]
    with engine([used(1)], [], broken) as made:
        assert accounts(made)[0]["missing_objects"] == 0


def test_regions_expected_and_never_seen_are_named() -> None:
    with engine([used(1), used(1, account_id=OTHER_ACCOUNT, awsRegion="us-east-1")]) as made:
        rows = accounts(made, ["eu-west-1", "us-east-1"])
    assert {row["account_id"]: row["absent_regions"] for row in rows} == {
        ACCOUNT: ["us-east-1"],
        OTHER_ACCOUNT: ["eu-west-1"],
    }


def test_the_question_adds_expected_regions_as_silent() -> None:
    catalog = Catalog.load()
    with engine([used(1), used(2)]) as made:
        rows = catalog.run(
            made, "compliance/coverage", {"expected": "ap-south-1"}, datetime(2026, 11, 2, 13, tzinfo=UTC)
        )
    assert [(row["day"].day, row["awsRegion"], row["state"]) for row in rows.to_pylist()] == [
        (1, "ap-south-1", "silent"),
        (1, "eu-west-1", "delivered"),
        (2, "ap-south-1", "silent"),
        (2, "eu-west-1", "delivered"),
    ]


def verified(hours: int, day: int = 1, run: int = 1, logs_valid: int = 2, status: str = "valid") -> dict[str, pa.Table]:
    """A verification of the first hours of a day, each with a digest that lists two logs."""
    start = datetime(2026, 11, day, tzinfo=UTC)
    row = {"run_id": f"r{run}", "chain": "c", "account_id": ACCOUNT, "awsRegion": "eu-west-1"}
    row |= {"verified_at": datetime(2026, 12, run, tzinfo=UTC), "from_time": start, "logs_valid": 99}
    rows = [
        {
            "run_id": f"r{run}",
            "chain": "c",
            "object": f"d{hour}",
            "status": status,
            "start_time": start + timedelta(hours=hour - 1),
            "end_time": start + timedelta(hours=hour),
            "logs_listed": 2,
            "logs_in_lake": 2,
            "logs_valid": logs_valid,
        }
        for hour in range(hours)
    ]
    return {
        "verifications": pa.Table.from_pylist([row], schema=VERIFICATIONS),
        "verified_digests": pa.Table.from_pylist(rows, schema=VERIFIED_DIGESTS),
    }


def integrity_of(tables: dict[str, pa.Table]) -> str:
    with engine([used(1)], **tables) as made:
        return str(made.query("select integrity from coverage").to_pylist()[0]["integrity"])


def test_a_day_is_verified_when_every_hour_is() -> None:
    assert integrity_of({}) == "unverified"
    assert integrity_of(verified(24)) == "verified"
    assert integrity_of(verified(23)) == "partly"
    assert integrity_of(verified(24, day=2)) == "unverified"
    assert integrity_of(verified(24, logs_valid=1)) == "doubtful"
    assert integrity_of(verified(24, status="unsigned")) == "doubtful"


def test_the_newest_verification_counts() -> None:
    before, after = verified(24, logs_valid=1), verified(24, run=2)
    assert integrity_of({name: pa.concat_tables([before[name], after[name]]) for name in before}) == "verified"
    assert integrity_of({name: pa.concat_tables([after[name], before[name]]) for name in before}) == "verified"
