"""Names beside ids: in what is for eyes, never in place of an id, and nowhere in what machines read."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from pipeline import export
from pipeline.casework import page
from pipeline.names import Names
from tests.export.found import MANY, table

NAMES = Names.read(
    {
        "networks": {"203.0.113.0/24": "office"},
        "accounts": {"111122223333": "production"},
        "owners": {"arn:aws:iam::*:role/ci/*": "platform team"},
    }
)
ROWS = pa.table({"account": ["111122223333", "444455556666"], "sourceIPAddress": ["203.0.113.24", None], "n": [1, 2]})


def shown(rows: pa.Table, width: int = 100, names: Names | None = NAMES) -> str:
    return export.to_bytes(rows, "table", width=width, names=names).decode()


def test_a_name_stands_behind_its_id() -> None:
    assert shown(ROWS).splitlines() == [
        "account                    sourceIPAddress        n",
        "111122223333 (production)  203.0.113.24 (office)  1",
        "444455556666                                      2",
    ]


def test_where_there_is_no_room_a_name_stands_below_its_id() -> None:
    """The id takes what it needs and stays in one piece; columns side by side as they are without names."""
    assert shown(ROWS, width=32).splitlines() == [
        "account       sourceIPAddress  n",
        "111122223333  203.0.113.24     1",
        "(production)  (office)",
        "444455556666                   2",
    ]


def test_names_never_change_which_form_a_table_takes() -> None:
    rows = table(*MANY)
    narrow = [shown(rows, width, names).startswith("— 1 ") for width in (80, 100, 400) for names in (None, NAMES)]
    assert narrow == [True, True, True, True, False, False]


def test_a_record_tells_names_on_the_line_of_the_id() -> None:
    lines = [line.split(None, 1) for line in shown(table(*MANY), 100).splitlines()]
    said = {tuple(line) for line in lines}
    assert ("account", "111122223333 (production)") in said
    assert ("principal_arn", "arn:aws:iam::111122223333:role/ci/deploy (platform team)") in said
    assert any("from 203.0.113.24 (office)" in line[1] for line in lines if line[0] == "evidence")


def test_a_name_does_not_cost_an_id_its_end() -> None:
    arn = f"arn:aws:iam::111122223333:role/ci/{'long-' * 12}end"
    rows = pa.table({"principal_arn": [arn], "reason": ["many words " * 9]})
    text = "".join(line[:24].strip() for line in shown(rows, 50).splitlines()[1:])
    assert text.startswith(arn)


@pytest.mark.parametrize("fmt", ["csv", "json", "ndjson", "parquet", "sarif"])
def test_what_machines_read_keeps_ids_as_they_are(fmt: str) -> None:
    rows = table(*MANY)
    assert export.to_bytes(rows, fmt, names=NAMES) == export.to_bytes(rows, fmt)


@pytest.mark.parametrize("width", [40, 100, 160])
def test_without_names_nothing_differs(width: int) -> None:
    for rows in (ROWS, table(*MANY)):
        assert shown(rows, width, Names()) == shown(rows, width, None)
    unknown = Names.read({"accounts": {"999999999999": "elsewhere"}})
    assert shown(ROWS, width, unknown) == shown(ROWS, width, None)


def test_a_name_is_no_markup_and_drives_no_terminal() -> None:
    names = Names.read({"accounts": {"111122223333": "[red]x[/red]\x1b[31m"}})
    assert "111122223333 ([red]x[/red]\ufffd[31m)" in shown(ROWS, names=names)


def test_the_page_of_a_case_escapes_names() -> None:
    names = Names.read({"accounts": {"111122223333": "<b>*"}, "networks": {"203.0.113.0/24": "<script>"}})
    text = page.html(_facts(), names)
    assert "203.0.113.24 (&lt;script&gt;)" in text
    assert "arn:aws:iam::111122223333:role/x (in &lt;b&gt;*)" in text
    assert "<script>" not in text
    assert page.html(_facts(), Names()) == page.html(_facts())


def _facts() -> dict[str, Any]:
    moment = datetime(2026, 11, 1, 10, tzinfo=UTC)
    event = {"eventTime": moment, "eventName": "ListUsers", "eventSource": "iam.amazonaws.com", "outcome": "ok"}
    event |= {"principal_arn": "arn:aws:iam::111122223333:role/x", "sourceIPAddress": "203.0.113.24"}
    counts = {"events": 1, "first_seen": moment, "last_seen": moment, "denied": 0, "errors": 0, "left_out": 0}
    none: dict[str, Any] = {name: [] for name in ("identity", "summary", "created", "gained", "resources")}
    none |= {"related": {"networks": [], "same_address": [], "same_agent": []}, "bounds": [], "coverage": []}
    return none | {
        "seed": {"text": "x", "kind": "role", "notes": []},
        "counts": counts,
        "timeline": [event],
        "left_out": [],
    }


def test_verbs_tell_the_names_of_the_settings(
    sample_lake: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """By the verb's own way of printing rows; -o json has the same ids and no name."""
    from pipeline import cli

    settings = tmp_path / "trailsift.toml"
    settings.write_text('[names.accounts]\n"111122223333" = "production"\n')
    asked = ["query", "select distinct account_id from events order by all", "--lake", str(sample_lake)]
    for more in ([], ["-o", "json"]):
        with pytest.raises(SystemExit) as stop:
            cli.main([*asked, "--config", str(settings), *more])
        assert stop.value.code == 0
    text, _, rows = capsys.readouterr().out.partition("[")
    assert text.splitlines()[1] == "111122223333 (production)"
    assert json.loads(f"[{rows}")[0] == {"account_id": "111122223333"}
