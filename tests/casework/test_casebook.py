"""What investigators write down: it stays, with who wrote it and when; and what is refused."""

from __future__ import annotations

import hashlib
import json
import threading
import zipfile
from pathlib import Path
from typing import Any

import pytest

from pipeline.casework import casebook
from pipeline.casework.casebook import Entry
from pipeline.catalog import Catalog
from pipeline.cli import main
from pipeline.detect.store.verbs import whoever
from pipeline.engines.duckdb import connect
from pipeline.errors import LakeError, NoDataError, UsageError
from pipeline.lake.tables import Lake
from tests.casework.worlds import call, user
from tests.lakes import make_lake, put_back

EVE, BOB = user("eve", "AKIAEVE1"), user("bob", "AKIABOB1")
RECORDS = [
    call(3, EVE, "ListUsers", "iam"),
    call(5, EVE, "DeleteBucket", "s3"),
    call(9, BOB, "ListBuckets", "s3"),
]


@pytest.fixture
def lake(place: Path) -> Lake:
    return put_back(place / "casebook", lambda path: make_lake(path, RECORDS))


def pin(lake: Lake, name: str, *ids: str, **more: str) -> casebook.CaseFile:
    with connect(lake) as engine:
        Catalog.load(within="views").install_views(engine)
        return casebook.pin(lake, engine, name, ids, **more)


def told(lake: Lake, name: str) -> list[tuple[int, str, str, str | None, str | None]]:
    rows = casebook.case(lake, name).entries
    return [(row["number"], row["actor"], row["change"], row["subject"], row["text"]) for row in rows]


def test_every_entry_stays_with_who_wrote_it(lake: Lake) -> None:
    casebook.open_case(lake, "leak", ["AKIAEVE1", "192.0.2.1"], "a key on a forum", "ines")
    pin(lake, "leak", "e5", note="the bucket", actor="ines")
    casebook.add_note(lake, "leak", "asked\neve", "omar")
    found = casebook.unpin(lake, "leak", ["e5"], "it was bob", "omar")
    assert told(lake, "leak") == [
        (1, "ines", "opened", None, "a key on a forum"),
        (2, "ines", "seed", "AKIAEVE1", None),
        (3, "ines", "seed", "192.0.2.1", None),
        (4, "ines", "pinned", "e5", "the bucket"),
        (5, "omar", "noted", None, "asked\neve"),
        (6, "omar", "unpinned", "e5", "it was bob"),
    ]
    assert (found.pins, found.seeds) == ({}, ["AKIAEVE1", "192.0.2.1"])
    moments = [row["at"] for row in found.entries]
    assert moments == sorted(moments)


def test_what_is_refused_writes_nothing(lake: Lake) -> None:
    casebook.open_case(lake, "leak", ["AKIAEVE1"])
    with pytest.raises(UsageError, match="there is a case of this name"):
        casebook.open_case(lake, "leak", ["AKIABOB1"])
    with pytest.raises(NoDataError, match="no event of the lake has this id"):
        pin(lake, "leak", "e5", "e6")
    with pytest.raises(UsageError, match="e5 is not pinned"):
        casebook.unpin(lake, "leak", ["e5"])
    with pytest.raises(NoDataError, match="no such case; there are leak"):
        casebook.add_note(lake, "lek", "x")
    for text in ("", " \n", "x" * 10_001):
        with pytest.raises(UsageError):
            casebook.add_note(lake, "leak", text)
    for name in ("", " x", "x ", "../x", "x" * 81, "x\x1b[31m", "-x", "<b>"):
        with pytest.raises(UsageError, match="is no name of a case"):
            casebook.open_case(lake, name, ["AKIAEVE1"])
    for seeds in ([], [" "], ["a\x1b[31m"], ["a\nb"], ["x" * 2049]):
        with pytest.raises(UsageError):
            casebook.open_case(lake, "other", seeds)
    assert [each[2] for each in told(lake, "leak")] == ["opened", "seed"]
    assert list(casebook.cases(lake)) == ["leak"]


def test_writers_at_once_lose_nothing_and_leave_no_gap(lake: Lake) -> None:
    casebook.open_case(lake, "leak", ["AKIAEVE1"])
    faults: list[BaseException] = []

    def several(who: str) -> None:
        try:
            for number in range(3):
                casebook.write(Lake.open(lake.path), "leak", [Entry("noted", text=f"{who} {number}")], who)
        except BaseException as error:
            faults.append(error)

    writers = [threading.Thread(target=several, args=(who,)) for who in ("ines", "omar", "kim")]
    for each in writers:
        each.start()
    for each in writers:
        each.join()
    assert not faults
    rows = told(lake, "leak")
    assert [row[0] for row in rows] == list(range(1, 12))
    for who in ("ines", "omar", "kim"):
        assert [row[4] for row in rows if row[1] == who] == [f"{who} {n}" for n in range(3)]


def command(lake: Lake, *words: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main([*words, "--lake", lake.location])
    return int(ended.value.code or 0)


def test_the_pack_holds_pins_and_notes_under_its_manifest(
    lake: Lake, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Bob's event is none of eve's key, so that it is in the records only because it is pinned."""
    assert command(lake, "case", "new", "leak", "--seed", "AKIAEVE1", "--by", "ines") == 0
    assert command(lake, "case", "pin", "leak", "e5", "e9", "--note", "<script>alert(1)</script>") == 0
    assert command(lake, "case", "note", "leak", "=1+1 \x1b[31m") == 0
    assert command(lake, "case", "note", "leek", "x") == 5
    capsys.readouterr()
    assert command(lake, "case", "show", "leak", "-o", "json") == 0
    shown: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert (shown["case"], shown["seeds"], shown["pinned"]) == ("leak", ["AKIAEVE1"], ["e5", "e9"])
    assert command(lake, "case", "show", "leak") == 0
    assert "\x1b" not in capsys.readouterr().out
    assert command(lake, "case", "list", "-o", "json") == 0
    assert [each["case"] for each in json.loads(capsys.readouterr().out)] == ["leak"]

    path = tmp_path / "case.zip"
    assert command(lake, "investigate", "AKIAEVE1", "--pack", str(path), "--case", "leak", "-o", "json") == 0
    facts = json.loads(capsys.readouterr().out)
    assert [each["eventID"] for each in facts["timeline"] if "pinned" in each["marks"]] == ["e5"]
    with zipfile.ZipFile(path) as pack:
        files = {name: pack.read(name) for name in pack.namelist()}
    manifest = json.loads(files["manifest.json"])
    assert manifest["files"]["casebook.json"]["sha256"] == hashlib.sha256(files["casebook.json"]).hexdigest()
    book = json.loads(files["casebook.json"])
    assert [each["change"] for each in book["entries"]] == ["opened", "seed", "pinned", "pinned", "noted"]
    assert [(each["eventID"], each["eventName"]) for each in book["pinned"]] == [
        ("e5", "DeleteBucket"),
        ("e9", "ListBuckets"),
    ]
    records = [json.loads(line)["eventID"] for line in files["records.ndjson"].splitlines()]
    assert records == ["e3", "e5", "e9"]
    page = files["timeline.html"].decode()
    assert "<script" not in page and "&lt;script&gt;alert(1)" in page and "\x1b" not in page


def test_without_a_case_the_pack_has_no_casebook(lake: Lake, tmp_path: Path) -> None:
    path = tmp_path / "case.zip"
    assert command(lake, "investigate", "AKIAEVE1", "--pack", str(path)) == 0
    with zipfile.ZipFile(path) as pack:
        assert "casebook.json" not in pack.namelist()


def test_a_user_without_a_name_on_this_machine_is_a_number(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    """A container may run under any number; then pwd.getpwuid raises KeyError (Python's documentation of pwd)."""
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)

    def unknown(number: int) -> None:
        raise KeyError(f"getpwuid(): uid not found: {number}")

    monkeypatch.setattr("pwd.getpwuid", unknown)
    monkeypatch.setattr("os.getuid", lambda: 12345)
    assert casebook.open_case(lake, "leak", ["AKIAEVE1"]).entries[0]["actor"] == "uid 12345"
    assert whoever() == "uid 12345"


def test_a_lake_that_cannot_be_written_is_one_line(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pyiceberg.table.Table.append", refuse)
    with pytest.raises(LakeError, match=r"the entry cannot be stored .*Permission denied.*; see that the lake"):
        casebook.open_case(lake, "leak", ["AKIAEVE1"])
