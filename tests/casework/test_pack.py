"""The case pack: whole, checkable, the same each time, and safe to open."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import zipfile
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from pipeline.casework.case import investigate
from pipeline.casework.pack import write
from pipeline.errors import TrailsiftError
from tests.casework.worlds import CATALOG, Record, assume, call, opened, role, time, user
from tests.logs import without_nulls

EVE = user("eve", "AKIAEVE1")
HOSTILE = {
    "userAgent": "=HYPERLINK('x')",
    "sourceIPAddress": "<script>alert(1)</script>",
    "requestParameters": {"note": "[x](javascript:1) <img src=x onerror=y>", "odd": "\u202e\u0007"},
    "resources": [{"ARN": '"><script>alert(2)</script>', "type": "x", "accountId": "1"}],
}
RECORDS = [
    assume(3, EVE, "worker", "ASIAWORK"),
    call(5, role("worker", "work", "ASIAWORK", 3), "DeleteBucket", "s3", **HOSTILE, unknownMember={"kept": [1, None]}),
    call(6, role("worker", "=work", "ASIAWORK", 3), "+List", "s3", errorCode="AccessDenied", errorMessage="`<b>`"),
    call(9, user("bob", "AKIABOB1"), "ListBuckets", "s3"),
]


def pack(folder: Path, seed: str = "ASIAWORK", records: list[Record] = RECORDS, name: str = "case.zip") -> Path:
    with opened(records) as engine:
        until = engine.as_of()
        assert until is not None
        write(folder / name, investigate(engine, CATALOG, seed, None, until), engine, CATALOG)
    return folder / name


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    with zipfile.ZipFile(pack(tmp_path_factory.mktemp("pack"))) as opened_pack:
        return {name: opened_pack.read(name) for name in opened_pack.namelist()}


def test_the_manifest_names_every_file_by_its_hash(files: dict[str, bytes]) -> None:
    manifest = json.loads(files["manifest.json"])
    sums = {name: {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)} for name, data in files.items()}
    del sums["manifest.json"]
    assert manifest["files"] == sums
    assert {"seed", "window", "lake", "versions"} <= manifest.keys()
    expected = {"timeline.html", "timeline.csv", "records.ndjson", "summary.md", "coverage.txt", "case.json"}
    assert expected <= files.keys()
    assert "queries/investigate/case_events.sql" in files


def test_the_records_are_those_that_were_delivered_with_the_chains_proofs(files: dict[str, bytes]) -> None:
    """AssumeRole at e3 was made by another key: it is no event of the seed, but proves where the session came from."""
    found = [json.loads(line) for line in files["records.ndjson"].splitlines()]
    assert [without_nulls(each) for each in found] == [without_nulls(each) for each in RECORDS[:3]]


def test_the_same_case_gives_the_same_bytes(tmp_path: Path) -> None:
    assert pack(tmp_path, name="a.zip").read_bytes() == pack(tmp_path, name="b.zip").read_bytes()


class Tags(HTMLParser):
    """Every tag and attribute of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, list[tuple[str, str | None]]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, attrs))


def test_the_page_holds_nothing_of_the_log_as_markup(files: dict[str, bytes]) -> None:
    text = files["timeline.html"].decode()
    page = Tags()
    page.feed(text)
    tags = {tag for tag, _ in page.found}
    assert not tags & {"script", "img", "a", "link", "iframe", "b"}
    assert not [
        name for _, attrs in page.found for name, _ in attrs if name.startswith("on") or name in ("src", "href")
    ]
    assert "&lt;script&gt;alert(1)" in text and "alert(2)" in text
    assert "\u202e" not in text and "default-src 'none'" in text


def test_the_csv_runs_no_formula(files: dict[str, bytes]) -> None:
    rows: list[dict[str, Any]] = list(csv.DictReader(io.StringIO(files["timeline.csv"].decode(), newline="")))
    assert [each["eventTime"] for each in rows] == [time(5), time(6)]
    cells = [cell for each in rows for cell in each.values()]
    assert not [cell for cell in cells if cell[:1] in ("=", "+", "-", "@")]
    assert rows[1]["eventName"] == "'+List" and rows[0]["userAgent"] == "'=HYPERLINK('x')"


def test_the_summary_runs_no_markup(files: dict[str, bytes]) -> None:
    assert b"<" not in files["summary.md"].replace(b"\\<", b"")
    assert b"AssumeRole gave out ASIAWORK" in files["summary.md"]


def test_a_pack_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(TrailsiftError, match=r"missing/case\.zip: cannot be written \(No such file"):
        pack(tmp_path / "missing")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("place", [".", "/", "folder"])
def test_a_folder_is_no_file_for_a_pack(place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    with pytest.raises(TrailsiftError, match="is a folder; name a file"):
        pack(Path(), name=place)
    assert [each.name for each in tmp_path.rglob("*")] == ["folder"]
