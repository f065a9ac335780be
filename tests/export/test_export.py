"""Every output format: types, hostile cells, and that each is found by its file."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline import export
from pipeline.engines.duckdb import over
from pipeline.errors import TrailsiftError, UsageError

FINDINGS = ["asff", "ocsf", "sarif"]  # these say something of findings only: test_findings_formats.py
FORMATS = sorted(export.formats().keys() - FINDINGS)
ODD = pa.table(
    {
        "when": pa.array(
            [datetime(2026, 11, 1, 10, tzinfo=UTC), datetime(2026, 11, 1, 10, 0, 0, 5, tzinfo=UTC), None],
            pa.timestamp("us", tz="UTC"),
        ),
        "day": pa.array([date(2026, 11, 1), None, None]),
        "n": pa.array([-5, None, 2**60]),
        "share": pa.array([0.25, float("nan"), float("inf")]),
        "exact": pa.array([Decimal("1.50"), Decimal("2.00"), None]),
        "flag": pa.array([True, False, None]),
        "text": pa.array(["plain", 'a "quoted", text', "two\nlines"]),
        "ids": pa.array([["a", "b"], [], None], pa.list_(pa.string())),
        "who": pa.array([{"arn": "x", "at": datetime(2026, 1, 1, tzinfo=UTC)}, {"arn": None, "at": None}, None]),
        "tags": pa.array([[("k", "v")], [], None], pa.map_(pa.string(), pa.string())),
        "raw": pa.array([b"{}", b"\xff", None]),
        "nothing": pa.nulls(3),
    }
)
# How attackers reach out of a field: formulas, terminal control, markup, reordering.
HOSTILE = [
    "=HYPERLINK(1)",
    "+1+1",
    "-2+3",
    "@SUM(1)",
    "\t=1",
    "\r=1",
    "＝1",
    "\x1b[31mred\x1b[0m",
    "\x9b31mred",
    "[bold]x[/bold]",
    "[/]",
    "a\u202eb",
    "a\x00b",
    "\u2028x",
]
NAMED = pa.table({"a": HOSTILE, "=b": HOSTILE})


def text(table: pa.Table, fmt: str, width: int = 100) -> str:
    return export.to_bytes(table, fmt, width=width).decode()


def test_the_formats_are_found() -> None:
    assert FORMATS == ["csv", "json", "ndjson", "parquet", "table"]
    assert export.formats().keys() >= set(FINDINGS)


@pytest.mark.parametrize("fmt", FORMATS)
@pytest.mark.parametrize(
    "table", [ODD, ODD.slice(0, 0), NAMED, pa.table({"a": []})], ids=["odd", "none", "hostile", "null"]
)
def test_every_format_writes_every_type(fmt: str, table: pa.Table) -> None:
    written = export.to_bytes(table, fmt)
    assert written or fmt == "ndjson"
    assert export.formats()[fmt].EXTENSION.startswith(".")


def test_json_is_a_list_of_objects() -> None:
    first, second, third = json.loads(text(ODD, "json"))
    assert first == {
        "when": "2026-11-01T10:00:00Z",
        "day": "2026-11-01",
        "n": -5,
        "share": 0.25,
        "exact": 1.5,
        "flag": True,
        "text": "plain",
        "ids": ["a", "b"],
        "who": {"arn": "x", "at": "2026-01-01T00:00:00Z"},
        "tags": {"k": "v"},
        "raw": "{}",
        "nothing": None,
    }
    assert second["when"] == "2026-11-01T10:00:00.000005Z"
    assert (second["share"], second["tags"], second["ids"], second["raw"]) == (None, {}, [], "\\xff")
    assert third["n"] == 2**60
    assert third["tags"] is None
    assert json.loads(text(ODD.slice(0, 0), "json")) == []


def test_ndjson_has_an_object_a_line() -> None:
    lines = text(ODD, "ndjson").splitlines()
    assert [json.loads(each) for each in lines] == json.loads(text(ODD, "json"))


def test_csv_reads_back() -> None:
    written = text(ODD, "csv")
    assert written.count("\r\n") == 4
    rows = list(csv.DictReader(io.StringIO(written, newline="")))
    assert [each["text"] for each in rows] == ["plain", 'a "quoted", text', "two\nlines"]
    assert [each["when"] for each in rows] == ["2026-11-01T10:00:00Z", "2026-11-01T10:00:00.000005Z", ""]
    assert [each["n"] for each in rows] == ["-5", "", str(2**60)]
    assert [each["flag"] for each in rows] == ["true", "false", ""]
    assert json.loads(rows[0]["ids"]) == ["a", "b"]
    assert json.loads(rows[0]["who"])["arn"] == "x"


def test_csv_runs_no_formula() -> None:
    rows = list(csv.reader(io.StringIO(text(NAMED, "csv"), newline="")))
    assert rows[0] == ["a", "'=b"]
    for cell, given in zip((row[0] for row in rows[1:]), HOSTILE, strict=True):
        assert cell in (given, f"'{given}")
        assert not cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n", "＝"))


@pytest.mark.parametrize("fmt", ["table", "json", "ndjson"])
@pytest.mark.parametrize("width", [30, 100])
def test_no_cell_drives_the_terminal(fmt: str, width: int) -> None:
    written = text(NAMED, fmt, width)
    assert not any((ord(each) < 32 and each != "\n") or 127 <= ord(each) < 160 for each in written)
    assert not any(each in written for each in "\u202e\u2028\u200f")
    if fmt != "table":
        lines = json.loads(written) if fmt == "json" else [json.loads(each) for each in written.splitlines()]
        assert [each["a"] for each in lines] == HOSTILE


def test_markup_is_text_in_a_table() -> None:
    assert "[bold]x[/bold]" in text(NAMED, "table")


@pytest.mark.parametrize("width", [40, 80, 100, 200])
def test_a_table_keeps_to_its_width_and_its_ids(width: int) -> None:
    arn = "arn:aws:iam::123456789012:role/" + "a-very-long-name-of-a-role-" * 2
    rows = pa.table({"principal_arn": [arn] * 2, "count": [1234567, 2], "last": [datetime(2026, 1, 1, tzinfo=UTC)] * 2})
    written = text(rows, "table", width)
    assert max(len(each) for each in written.splitlines()) <= width
    assert "1234567" in written
    assert "2026-01-01T00:00:00Z" in written
    tight = "".join(each[: each.find("  ")] if "  " in each else each for each in written.splitlines())
    assert width < 80 or arn.replace("-", "") in tight.replace("-", "")


def test_a_wide_row_stands_upright() -> None:
    wide = pa.table({f"column_{n}": [f"some longer value {n}"] for n in range(12)})
    written = text(wide, "table", 100)
    assert max(len(each) for each in written.splitlines()) <= 100
    assert "column_11" in written
    assert "some longer value 11" in written


def test_a_table_shortens_lists_and_says_so() -> None:
    written = text(pa.table({"ids": [[str(n) for n in range(50)]]}), "table")
    assert "50 in all" in written
    assert len(json.loads(text(pa.table({"ids": [[str(n) for n in range(50)]]}), "json"))[0]["ids"]) == 50


def test_no_rows_is_said() -> None:
    assert text(ODD.slice(0, 0), "table") == "no rows\n"


def test_parquet_keeps_types() -> None:
    back = pq.read_table(io.BytesIO(export.to_bytes(ODD, "parquet")))
    assert back.schema.field("when").type == pa.timestamp("us", tz="UTC")
    assert back["ids"].to_pylist() == ODD["ids"].to_pylist()
    assert back.schema.field("nothing").type == pa.string()


def test_columns_are_picked_in_order() -> None:
    out = io.StringIO()
    export.write(ODD, "csv", out, columns=["n", "day"])
    assert out.getvalue().splitlines()[0] == "n,day"
    with pytest.raises(UsageError, match="there is no column 'x'"):
        export.write(ODD, "csv", out, columns=["x"])


def test_an_unknown_format_names_the_near_one() -> None:
    with pytest.raises(UsageError, match="'jsn' is no output format; did you mean json"):
        export.write(ODD, "jsn", io.BytesIO())


def test_parquet_is_not_for_a_terminal() -> None:
    class Terminal(io.BytesIO):
        def isatty(self) -> bool:
            return True

    with pytest.raises(UsageError, match="not for a terminal"):
        export.write(ODD, "parquet", Terminal())


def test_a_file_appears_whole_or_not_at_all(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    export.emit(ODD, "json", tmp_path / "rows.json")
    assert len(json.loads((tmp_path / "rows.json").read_text())) == 3
    with pytest.raises(TrailsiftError, match=r"cannot be written .*; name another file"):
        export.emit(ODD, "json", tmp_path / "none" / "rows.json")
    export.emit(ODD, "ndjson")
    assert len(capsys.readouterr().out.splitlines()) == 3
    assert sorted(each.name for each in tmp_path.iterdir()) == ["rows.json"]


def test_a_repeated_column_keeps_its_value() -> None:
    twice = pa.table([[1], [2], [3]], names=["a", "a", "a_2"])
    assert json.loads(text(twice, "json")) == [{"a": 1, "a_3": 2, "a_2": 3}]


def test_a_time_beyond_the_calendar_is_one_line() -> None:
    late = pa.table({"t": pa.array([2**62], pa.timestamp("us", tz="UTC"))})
    with pytest.raises(TrailsiftError, match="outside the years 1 to 9999"):
        export.to_bytes(late, "json")


@pytest.mark.parametrize("fmt", FORMATS)
def test_every_type_of_an_sql_result_comes_out(fmt: str) -> None:
    kinds = [
        "interval 1 day",
        "union_value(k := 1)",
        "uuid()",
        "'{}'::json",
        "1::hugeint",
        "'101'::bit",
        "time '10:00'",
    ]
    kinds += ["[1, 2]::int[2]", "'x'::enum('x', 'y')", "timestamp_ns '2026-01-01 00:00:00.123456789'", "null"]
    with over({}) as engine:
        rows = engine.query("select " + ", ".join(f"{each} as c{n}" for n, each in enumerate(kinds)))
    assert export.to_bytes(rows, fmt)


class Terminal(io.BytesIO):
    def isatty(self) -> bool:
        return True


def test_csv_on_a_terminal_cannot_drive_it_and_in_a_file_is_whole() -> None:
    text = "a\x1b[2Jb\u202ec\n\x9bd"
    table = pa.table({"x\x1b": [text]})
    shown, kept = Terminal(), io.BytesIO()
    export.write(table, "csv", shown)
    export.write(table, "csv", kept)
    assert shown.getvalue().decode() == "x\ufffd\r\na\ufffd[2Jb\ufffdc \ufffdd\r\n"
    assert next(reversed(list(csv.reader(io.StringIO(kept.getvalue().decode(), newline=""))))) == [text]
