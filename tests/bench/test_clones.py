"""A clone of a lake's days differs from them in its days, in the ids of its events and in the keys of its sessions."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from pipeline.engines.duckdb import connect
from tests.bench.clones import clone
from tests.casework.worlds import assume, call, role, user
from tests.lakes import make_lake


def test_a_clone_is_like_its_lake_but_for_what_would_betray_it(tmp_path: Path) -> None:
    names = {"eventID": "11111111-2222-3333-4444-555555555555"}
    session = role("app", "work", "ASIAWORK1", 3)
    records = [assume(3, user("eve", "AKIAEVE1"), "app", "ASIAWORK1", **names), call(5, session, "ListUsers", "iam")]
    lake = make_lake(tmp_path / "lake", records)
    clone(tmp_path / "lake", 2, days=10)
    with connect(lake) as engine:
        rows = engine.rows(
            """
            select
                eventTime, eventName, access_key_id, eventID,
                try(responseElements ->> '$.credentials.accessKeyId') as issued,
                userIdentity.sessionContext.attributes.creationDate as created
            from lake.events
            order by eventTime
            """
        )
        counted = engine.rows("select sum(count)::bigint as n, count(distinct day) as days from lake.usage")
    assert counted == [{"n": 6, "days": 3}]
    assert [each["access_key_id"] for each in rows] == [
        *("AKIAEVE1", "ASIACWORK1"),
        *("AKIAEVE1", "ASIABWORK1"),
        *("AKIAEVE1", "ASIAWORK1"),
    ]
    assert [each["issued"] for each in rows if each["issued"]] == ["ASIACWORK1", "ASIABWORK1", "ASIAWORK1"]
    assert rows[4]["eventTime"] - rows[0]["eventTime"] == timedelta(days=20)
    assert [each["created"] for each in rows if each["created"]] == [
        "2026-09-11T10:03:00Z",
        "2026-09-21T10:03:00Z",
        "2026-10-01T10:03:00Z",
    ]
    assert len({each["eventID"] for each in rows}) == 6
