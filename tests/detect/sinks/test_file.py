"""A file as a sink: whole lines only, whatever happened to whoever wrote before."""

from __future__ import annotations

import errno
import json
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pipeline.config import SinkSettings
from pipeline.detect.sinks.base import open_sink
from pipeline.errors import SinkDownError
from tests.export.found import finding
from tests.export.test_export import HOSTILE


def append(path: Path, *ids: str, note: str = "") -> None:
    sink = open_sink(SinkSettings("file", "log", path=str(path)))
    for each in ids:
        sink.send(finding(id=each, title=note or each), "found", "s")
    sink.close()


def ids(path: Path) -> list[str]:
    text = path.read_text()
    assert text.endswith("\n")
    return [json.loads(each)["id"] for each in text.splitlines()]


def test_a_line_a_finding(tmp_path: Path) -> None:
    append(tmp_path / "out.ndjson", "a", "b")
    append(tmp_path / "out.ndjson", "c")
    assert ids(tmp_path / "out.ndjson") == ["a", "b", "c"]


@pytest.mark.parametrize("size", [1, 5, 7, 20, 200])
def test_what_a_killed_writer_left_is_taken_away(tmp_path: Path, size: int) -> None:
    path = tmp_path / "out.ndjson"
    append(path, "a", "b")
    whole = path.read_bytes()
    path.write_bytes(whole + whole[:size])
    append(path, "c")
    assert ids(path) == ["a", "b", "c"]
    path.write_bytes(whole[:size])  # nothing but half a line
    append(path, "d")
    assert ids(path) == ["d"]


def test_half_a_long_line_is_taken_away_too(tmp_path: Path) -> None:
    path = tmp_path / "out.ndjson"
    append(path, "a")
    with path.open("ab") as file:
        file.write(b'{"id":"b","title":"' + b"x" * 300_000)
    append(path, "c")
    assert ids(path) == ["a", "c"]


@pytest.mark.parametrize("content", ["notes", "first line\nsecond", '{"id": 5'])
def test_somebody_else_s_file_is_left_alone(tmp_path: Path, content: str) -> None:
    path = tmp_path / "notes.txt"
    path.write_text(content)
    with pytest.raises(SinkDownError, match=r"does not end with a whole line; name another file, or end its last line"):
        append(path, "a")
    assert path.read_text() == content


def test_a_full_disk_leaves_no_half_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "out.ndjson"
    append(path, "a")
    real = os.write

    def full(file: int, data: bytes) -> int:
        if len(data) > 10:
            return real(file, data[:10])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", lambda file, data: full(file, data) if data[:1] == b"{" else full(file, b""))
    with pytest.raises(SinkDownError, match=r"cannot be written \(No space left on device\)"):
        append(path, "b")
    monkeypatch.undo()
    assert ids(path) == ["a"]


def test_a_folder_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(SinkDownError, match=r"cannot be written \(No such file or directory\); name another file"):
        append(tmp_path / "none" / "out.ndjson", "a")


def test_a_file_that_was_moved_away_is_made_anew(tmp_path: Path) -> None:
    path = tmp_path / "out.ndjson"
    append(path, "a")
    path.rename(tmp_path / "out.1")
    append(path, "b")
    assert (ids(tmp_path / "out.1"), ids(path)) == (["a"], ["b"])


def test_several_writers_keep_lines_whole(tmp_path: Path) -> None:
    path = tmp_path / "out.ndjson"
    names = [[f"{writer}-{number}" for number in range(30)] for writer in range(3)]
    with ThreadPoolExecutor(3) as writers:  # each opens the file anew, as another process would
        list(writers.map(lambda each: append(path, *each), names))
    assert sorted(ids(path)) == sorted(each for some in names for each in some)


def test_hostile_fields_stay_in_their_line(tmp_path: Path) -> None:
    path = tmp_path / "out.ndjson"
    for each in HOSTILE:
        append(path, "a", note=each)
    lines = path.read_bytes().splitlines()
    assert [json.loads(each)["title"] for each in lines] == HOSTILE
    assert not any(char < 32 for line in lines for char in line)
