"""What is not a full lake: none, an empty one, gaps, no snapshot, hostile text, data that comes in while one looks."""

from __future__ import annotations

import csv
import io
import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from dashboards import columns, data, parts
from dashboards.charts import days_of
from dashboards.scope import Scope
from tests.conftest import ROOT
from tests.dashboards.conftest import Open
from tests.dashboards.test_pages import numbers, said
from tests.lakes import make_lake
from tests.logs import ACCOUNT, event

VIEWS = parts.views()
HOSTILE = '=HYPERLINK("http://evil.example")'
MARKUP = "<img src=x onerror=alert(1)> [click](http://evil.example) **bold** \u202etxt.exe"


def days(*numbers_: int, **changes: Any) -> list[dict[str, Any]]:
    """An event at noon of each of these days of October 2026."""
    return [event(eventTime=f"2026-10-{day:02}T12:00:00Z", **changes) for day in numbers_]


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.path.stem)
def test_without_a_lake_the_command_is_told(view: parts.View, tmp_path: Path, open_page: Open) -> None:
    at = open_page(tmp_path / "none")
    at.switch_page(f"views/{view.path.name}").run()
    assert not at.exception
    assert f"trailsift ingest PATH --lake {tmp_path / 'none'}" in said(at)


def test_an_empty_lake_tells_the_command(tmp_path: Path, open_page: Open) -> None:
    make_lake(tmp_path / "lake", [])
    at = open_page(tmp_path / "lake")
    assert "the lake holds no events" in said(at)
    assert f"trailsift ingest PATH --lake {tmp_path / 'lake'}" in said(at)


@pytest.mark.parametrize("page", ["unused", "compliance"])
def test_without_a_snapshot_the_command_is_told(page: str, tmp_path: Path, open_page: Open) -> None:
    make_lake(tmp_path / "lake", days(1, 2, 3))
    words = said(open_page(tmp_path / "lake", page))
    assert "No snapshot imported" in words
    assert "trailsift iam import" in words


def test_a_whole_log_says_nothing_was_found(tmp_path: Path, open_page: Open) -> None:
    make_lake(tmp_path / "lake", days(1, 2, 3, 4))
    assert "No finding: nothing found in 3 d of complete logs." in said(open_page(tmp_path / "lake"))


def test_a_gap_is_told_and_nothing_found_proves_little(tmp_path: Path, open_page: Open) -> None:
    make_lake(tmp_path / "lake", days(1, 2, 3, 7, 8))
    words = said(open_page(tmp_path / "lake"))
    assert "The log does not cover the whole window" in words
    assert re.search(rf"{ACCOUNT} delivered nothing on .*2026-10-04", words)
    assert "complete logs" not in words


def test_a_region_that_delivered_nothing_is_told(tmp_path: Path, open_page: Open) -> None:
    make_lake(tmp_path / "lake", [*days(1, 2, 3), *days(1, awsRegion="us-east-1")])
    words = said(open_page(tmp_path / "lake", window="24h", region="us-east-1"))
    assert "region us-east-1 delivered nothing in the window" in words


def test_days_without_events_are_silent_or_a_gap() -> None:
    """The design's rule: a gap is a day on which the whole account was silent, with events before and after."""
    there = [("A", "r1", 1), ("A", "r2", 1), ("A", "r1", 2), ("A", "r1", 4), ("B", "r1", 2)]
    log = pd.DataFrame(
        [{"account_id": a, "awsRegion": r, "day": datetime(2026, 10, d).date(), "events": 5} for a, r, d in there]
    )
    full = days_of(log, datetime(2026, 10, 1, tzinfo=UTC), datetime(2026, 10, 5, tzinfo=UTC))
    states = {(row.place, row.day.day): row.state for row in full.itertuples()}
    assert states["A · r2", 1] == "events"
    assert states["A · r2", 2] == "silent"
    assert states["A · r1", 3] == states["A · r2", 3] == "gap"
    assert states["A · r1", 5] == "silent"  # nothing came after, so nothing says that the log went on
    assert states["B · r1", 1] == states["B · r1", 3] == "silent"


def test_what_comes_in_is_seen_at_once(tmp_path: Path, open_page: Open) -> None:
    make_lake(tmp_path / "lake", days(1, 2, 3))
    at = open_page(tmp_path / "lake")
    assert numbers(at)["Events"] == 3
    make_lake(tmp_path / "lake", days(4, 5))
    at.run()
    assert numbers(at)["Events"] == 5
    assert at.session_state["trailsift_log"].newest == datetime(2026, 10, 5, 12, tzinfo=UTC)


def test_a_lake_made_anew_is_another(tmp_path: Path, open_page: Open) -> None:
    make_lake(tmp_path / "lake", days(1, 2, 3))
    at = open_page(tmp_path / "lake")
    (tmp_path / "lake").rename(tmp_path / "old")
    make_lake(tmp_path / "lake", days(8))
    at.run()
    assert numbers(at)["Events"] == 1


def test_hostile_text_is_shown_as_text(tmp_path: Path, open_page: Open) -> None:
    identity = {"type": "IAMUser", "arn": f"arn:aws:iam::{ACCOUNT}:user/{MARKUP}", "accountId": ACCOUNT}
    one = event(eventID="e1", userAgent=MARKUP, errorCode=HOSTILE, errorMessage=MARKUP, userIdentity=identity)
    make_lake(tmp_path / "lake", [one, *days(2, 3)])
    at = open_page(tmp_path / "lake", "event", id="e1")
    assert any("<img src=x" in each.value for each in at.text)
    marked = [each.value for kind in ("markdown", "caption", "subheader", "title") for each in at.get(kind)]
    assert not [each for each in marked if "evil" in each or "onerror" in each]
    assert "\u202e" not in "".join(each.value for each in at.text)
    assert "\u202e" not in "".join(at.dataframe[0].value["principal_arn"])


def test_no_page_lets_markup_through() -> None:
    for path in (ROOT / "dashboards").rglob("*.py"):
        text = path.read_text()
        assert "unsafe_allow_html" not in text, path
        assert "LinkColumn" not in text, path
        assert "MarkdownColumn" not in text, path


def scope(**changes: Any) -> Scope:
    end = datetime(2026, 10, 31, 20, tzinfo=UTC)
    return Scope(**{"key": (), "since": end - timedelta(days=7), "until": end, "as_of": end, "name": "7d"} | changes)


def test_an_export_guards_against_formulas() -> None:
    shown = pd.DataFrame({"errorCode": [HOSTILE, "plain"], "count": [-1, 2]})
    rows = list(csv.reader(io.StringIO(data.exported(shown, "csv").decode())))
    assert rows == [["errorCode", "count"], [f"'{HOSTILE}", "-1"], ["plain", "2"]]


def test_an_export_is_named_after_the_filters() -> None:
    named = columns.filename("findings", scope(accounts=(ACCOUNT,), regions=("eu-west-1",)), "csv")
    assert named == f"trailsift_findings_20261024T2000Z_20261031T2000Z_{ACCOUNT}_eu-west-1.csv"
    assert "/" not in columns.filename("permissions-arn:aws:iam::1:role/../x", scope(), "json")


@pytest.mark.parametrize("page", ["overview", "anomalies", "unused", "compliance"])
def test_every_table_exports_what_it_shows(
    page: str, sample_lake: Path, open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: dict[str, list[pd.DataFrame]] = {"csv": [], "json": []}
    real = parts.download

    def noted(shown: pd.DataFrame, name: str, chosen: Scope, fmt: str) -> None:
        given[fmt].append(shown)
        real(shown, name, chosen, fmt)

    monkeypatch.setattr(parts, "download", noted)
    at = open_page(sample_lake, page, account=ACCOUNT)
    shown = [each.value for each in at.dataframe]
    for fmt, exports in given.items():
        exports = exports[-len(shown) :]
        for table, export in zip(shown, exports, strict=True):
            assert list(table.columns) == list(export.columns)
            text = data.exported(export, fmt).decode()
            rows = list(csv.DictReader(io.StringIO(text))) if fmt == "csv" else json.loads(text)
            assert len(rows) == len(table)
            assert [str(row[table.columns[0]]) for row in rows] == [str(each) for each in table.iloc[:, 0]]


def test_a_page_is_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine.py").write_text('"""Mine."""\nTITLE = "Mine"\nICON = ":material/star:"\nORDER = 5\n')
    monkeypatch.setattr(parts, "VIEWS", tmp_path)
    assert parts.views() == [parts.View(tmp_path / "mine.py", "Mine", ":material/star:", 5, False)]


@pytest.mark.parametrize(
    ("span", "words"),
    [(timedelta(days=7), "7 d"), (timedelta(days=1), "24 h"), (timedelta(minutes=30), "30 min"), (timedelta(0), "0 s")],
)
def test_a_length_in_words(span: timedelta, words: str) -> None:
    end = datetime(2026, 10, 31, tzinfo=UTC)
    assert scope(since=end - span, until=end).length == words
