"""The roll-up from records: one row a kind of call, with what its request carried."""

from __future__ import annotations

import json
from pathlib import Path

import duckdb

from pipeline.lake.rebuild import rebuild_usage
from tests.lakes import make_lake
from tests.logs import event


def test_what_requests_carried_is_kept_once_a_kind_of_call(tmp_path: Path) -> None:
    """Reading calls of STS too: AssumeRole is readOnly, and its tags need sts:TagSession. Sessions add no rows."""
    tags = [{"key": "team", "value": "x"}]
    records = [
        event(eventSource="sts.amazonaws.com", eventName="AssumeRole", readOnly=True, eventID=f"00000000-{i}",
              requestParameters={"roleSessionName": f"s{i}", **({"tags": tags} if i % 2 else {})})
        for i in range(6)
    ] + [
        event(eventSource="iam.amazonaws.com", eventName="CreateUser", readOnly=False, eventID=f"00000001-{i}",
              requestParameters={"userName": f"u{i}", "tags": tags if i % 3 else []})
        for i in range(6)
    ]  # fmt: skip
    lake = make_lake(tmp_path / "lake", records)
    expected = [
        ("AssumeRole", None, 3),
        ("AssumeRole", {"tags": True}, 3),
        ("CreateUser", None, 2),
        ("CreateUser", {"tags": True}, 4),
    ]
    assert _usage(lake.files("usage")) == expected
    rebuild_usage(lake)
    assert _usage(lake.files("usage")) == expected


def _usage(files: list[str]) -> list[tuple[str, object, int]]:
    question = (
        "select eventName, request, sum(count)::int from read_parquet($files) group by all order by all nulls first"
    )
    with duckdb.connect() as connection:
        rows = connection.execute(question, {"files": files}).fetchall()
    return [(name, json.loads(request) if request else None, count) for name, request, count in rows]
