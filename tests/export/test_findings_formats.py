"""The formats that say something of findings only: that they refuse the rest, and what holds for all of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from pipeline import cli, export
from pipeline.errors import UsageError
from tests.export.found import finding, table
from tests.export.test_export import FINDINGS, HOSTILE, NAMED, ODD


@pytest.mark.parametrize("fmt", FINDINGS)
@pytest.mark.parametrize("rows", [ODD, NAMED, pa.table({"id": ["x"]})])
def test_what_is_no_finding_is_refused(fmt: str, rows: pa.Table) -> None:
    with pytest.raises(UsageError, match=f"^-o {fmt}: needs findings; use it with detect, anomalies or findings$"):
        export.to_bytes(rows, fmt)


@pytest.mark.parametrize("fmt", FINDINGS)
def test_no_findings_is_an_empty_whole(fmt: str) -> None:
    written = export.to_bytes(table(), fmt)
    assert {"ocsf": written == b"", "asff": written == b"[]\n", "sarif": b'"results":[\n]' in written}[fmt]


@pytest.mark.parametrize("fmt", FINDINGS)
def test_no_log_field_drives_a_terminal(fmt: str) -> None:
    hostile = [
        finding(title=each, evidence=[each], principal_arn=each, account="111122223333", action=each, region=each)
        for each in HOSTILE
    ]
    written = export.to_bytes(table(*hostile), fmt).decode()
    assert not any((ord(each) < 32 and each != "\n") or 127 <= ord(each) < 160 for each in written)
    assert not any(each in written for each in "\u202e\u2028\u200f")


@pytest.mark.parametrize("fmt", FINDINGS)
def test_a_verb_without_findings_says_so_in_one_line(
    fmt: str, tmp_path: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stop:
        cli.main(["list", "-o", fmt])
    assert stop.value.code == 2
    assert capsys.readouterr().err == (
        f"trailsift: -o {fmt}: needs findings; use it with detect, anomalies or findings\n"
    )


def test_a_verb_with_findings_gives_them(sample_lake: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        cli.main(["anomalies", "--lake", str(sample_lake), "-q", "-o", "ocsf"])
    assert stop.value.code == 0
    events = [json.loads(each) for each in capsys.readouterr().out.splitlines()]
    assert events and {each["class_uid"] for each in events} == {2004}
