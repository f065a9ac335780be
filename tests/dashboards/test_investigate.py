"""The page of a case: it tells what `trailsift investigate` tells, leads on, and keeps what is written down."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from dashboards import data
from dashboards.scope import Scope
from pipeline.casework import casebook
from pipeline.lake.tables import Lake
from tests.casework.worlds import call, user
from tests.conftest import ROOT
from tests.dashboards.conftest import Open
from tests.lakes import make_lake

PLANTED = json.loads((ROOT / "sample_logs" / "planted.json").read_text())
KEY = PLANTED["leaked_key"]
BURST = {event for each in PLANTED["incident"] if "denials" in each["name"] for event in each["event_ids"]}
HOSTILE = "<script>alert(1)</script> **b** [x](javascript:1) :red[y] $z$"


def frame(at: Any, key: str) -> Any:
    """The table of this name."""
    (found,) = [each.value for each in at.dataframe if each.proto.id.endswith(f"table-{key}")]
    return found


def words(at: Any) -> str:
    return "\n".join(str(each.value) for kind in ("text", "caption", "info", "code") for each in at.get(kind))


def test_a_link_tells_the_planted_story(sample_lake: Path, open_page: Open) -> None:
    at = open_page(sample_lake, "investigate", seed=KEY, window="all")
    assert at.text_input(key="seed").value == KEY
    told = words(at)
    assert "is denied 21 different calls in 2 regions" in told
    assert f"made the access key {PLANTED['new_key']}" in told
    assert "arn:aws:iam::aws:policy/AdministratorAccess" in told
    events = frame(at, "timeline")
    assert list(events["eventTime"]) == sorted(events["eventTime"]) and len(events) == 200
    assert list(frame(at, "created")["id"]) == [PLANTED["new_key"]]


def test_marks_narrow_the_timeline(sample_lake: Path, open_page: Open) -> None:
    at = open_page(sample_lake, "investigate", seed=KEY, window="all", marks="denied")
    events = frame(at, "timeline")
    assert set(events["outcome"]) == {"denied"}
    assert len(events) >= len(BURST) >= 21
    assert all("✕ denied" in each for each in events["marks"])


def test_pages_go_on_where_the_one_before_ended(sample_lake: Path, open_page: Open) -> None:
    at = open_page(sample_lake, "investigate", seed=KEY, window="all")
    first = frame(at, "timeline")
    at.number_input(key="page").set_value(2).run()
    second = frame(at, "timeline")
    assert first["eventTime"].iloc[-1] <= second["eventTime"].iloc[0]
    at.number_input(key="page").set_value(3).run()
    assert len(frame(at, "timeline")) <= 200


@pytest.mark.parametrize("seed", ["nobody", "192.0.2.250", HOSTILE])
def test_a_seed_nobody_knows_is_said_in_a_line(seed: str, sample_lake: Path, open_page: Open) -> None:
    at = open_page(sample_lake, "investigate", seed=seed)
    assert "No case can be told of this seed." in words(at)
    assert "no event of the window has it" in words(at) and not at.error


def test_what_the_log_says_is_never_markup(tmp_path: Path, open_page: Open) -> None:
    records = [
        call(1, user("eve", "AKIAEVE1"), HOSTILE, "s3", userAgent=HOSTILE, sourceIPAddress="198.51.100.7"),
        call(2, user("eve", "AKIAEVE1", arn=f"arn:aws:iam::123456789012:user/{HOSTILE}"), "ListUsers", "iam"),
    ]
    at = open_page(make_lake(tmp_path / "lake", records).path, "investigate", seed="AKIAEVE1", window="all")
    for kind in ("markdown", "subheader", "title", "badge"):
        assert not [each for each in at.get(kind) if "alert(1)" in str(getattr(each, "value", ""))]
    assert not [each for each in at.get("html") if "alert(1)" in str(each)]


def test_a_case_is_opened_and_written_to_from_the_page(tmp_path: Path, open_page: Open) -> None:
    records = [call(1, user("eve", "AKIAEVE1"), "ListUsers", "iam"), call(2, user("bob", "AKIABOB1"), "ListUsers")]
    lake = make_lake(tmp_path / "lake", records)
    at = open_page(lake.path, "investigate", seed="AKIAEVE1", window="all")
    at.text_input[1].set_value("leak")
    at.button[[each.label for each in at.button].index("Open the case")].click().run()
    assert not at.exception
    assert casebook.case(lake, "leak").seeds == ["AKIAEVE1"]
    assert at.selectbox(key="case").value == "leak"
    (note,) = [each for each in at.text_area if each.label == "Note"]
    note.set_value(HOSTILE)
    at.button[[each.label for each in at.button].index("Write it down")].click().run()
    assert [each["text"] for each in casebook.case(lake, "leak").notes] == [HOSTILE]
    (entries,) = [each.value for each in at.dataframe if "change" in each.value]  # a table without choice has no id
    assert list(entries["change"]) == ["opened", "seed", "noted"] and entries["text"].iloc[-1] == HOSTILE


def test_pinned_events_are_marked_and_packed(tmp_path: Path, open_page: Open) -> None:
    records = [call(1, user("eve", "AKIAEVE1"), "ListUsers", "iam"), call(2, user("bob", "AKIABOB1"), "ListUsers")]
    lake = make_lake(tmp_path / "lake", records)
    casebook.open_case(lake, "leak", ["AKIAEVE1"])
    at = open_page(lake.path, "event", id="e1", window="all")
    assert {"Key", "Principal", "Address"} <= {each.label for each in at.button}
    at.button[[each.label for each in at.button].index("Pin it")].click().run()
    assert list(casebook.case(lake, "leak").pins) == ["e1"]
    at = open_page(lake.path, "investigate", seed="AKIAEVE1", window="all")
    assert ["⚑ pinned" in each for each in frame(at, "timeline")["marks"]] == [True]
    log = data.log()
    scope = Scope(log.key, log.begins, log.as_of, log.as_of, "all")
    with zipfile.ZipFile(io.BytesIO(data.case_pack(scope, "AKIAEVE1", "leak"))) as pack:
        assert [each["eventID"] for each in json.loads(pack.read("casebook.json"))["pinned"]] == ["e1"]


def test_without_a_seed_open_cases_are_shown(tmp_path: Path, open_page: Open) -> None:
    """Without a seed the page says what one may be, and what cases there are."""
    lake = make_lake(tmp_path / "lake", [call(1, user("eve", "AKIAEVE1"), "ListUsers", "iam")])
    casebook.open_case(Lake.open(lake.path), "leak", ["AKIAEVE1", "e1"], "about it")
    at = open_page(lake.path, "investigate", window="all")
    assert list(frame(at, "cases")["case"]) == ["leak"]
