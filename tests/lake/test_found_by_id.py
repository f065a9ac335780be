"""Data files say which event ids they do not hold, by Parquet's Bloom filters, whoever wrote them."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from pipeline.lake.compact import Job, compact
from pipeline.lake.tables import Lake
from pipeline.lake.upkeep import day_of, planned
from tests.lakes import make_lake
from tests.logs import event

IDS = [str(uuid.UUID(int=number << 64 | number)) for number in range(1, 61)]
OTHERS = [str(uuid.UUID(int=number << 70)) for number in range(1, 61)]


def looked_at(path: str, ids: list[str]) -> int:
    """For how many ids DuckDB looks at the rows of the file's only row group."""
    found = 0
    for each in ids:
        sql = "explain (analyze, format json) select count(*) from read_parquet($path) where eventID = $id"
        (_, plan) = duckdb.execute(sql, {"path": path, "id": each}).fetchall()[0]
        (scan,) = (node for node in _nodes(json.loads(plan)["operator"]) if node.get("total_row_groups_to_scan"))
        assert scan["total_row_groups_to_scan"] == 1
        found += scan["row_groups_scanned"]
    return found


def _nodes(some: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for node in some:
        yield node
        yield from _nodes(node.get("children", []))


@pytest.mark.parametrize("compacted", [False, True])
def test_a_file_rules_out_ids_that_it_does_not_have(tmp_path: Path, compacted: bool) -> None:
    lake: Lake = make_lake(tmp_path / "lake", [event(eventID=each) for each in IDS])
    if compacted:
        files = planned(lake.load("events"))
        assert [done.files for done in compact(lake, [Job("events", day_of(files[0]), files)])] == [1]
    (file,) = planned(lake.load("events"))
    path = lake.storage.path(file.file_path)
    assert looked_at(path, IDS) == len(IDS)
    assert looked_at(path, OTHERS) < len(OTHERS) / 4  # one in twenty may be taken for an id that is there
