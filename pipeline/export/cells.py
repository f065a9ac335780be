"""One cell, whatever its Arrow type: as a JSON value, and as text that cannot drive a terminal."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa

_ROWS = 10_000
# C0 and C1 controls, and the marks by which text is shown in another order than it is stored (Unicode TR 36).
UNSAFE = re.compile(r"[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")


def rows(table: pa.Table) -> Iterator[list[Any]]:
    """The rows of a table as JSON values, some at a time."""
    maps = [pa.types.is_map(field.type) for field in table.schema]
    for batch in table.to_batches(max_chunksize=_ROWS):
        columns = [
            [value(cell, is_map) for cell in column.to_pylist()]
            for column, is_map in zip(batch.columns, maps, strict=True)
        ]
        yield from (list(row) for row in zip(*columns, strict=True)) if columns else ()


def value(cell: Any, is_map: bool = False) -> Any:
    """A cell as JSON has it: times in CloudTrail's form, bytes as text, what JSON lacks as null."""
    if cell is None or isinstance(cell, bool | int | str):
        return cell
    if isinstance(cell, float):
        return cell if math.isfinite(cell) else None
    if isinstance(cell, datetime):
        return stamp(cell)
    if isinstance(cell, date | time):
        return cell.isoformat()
    if isinstance(cell, timedelta):
        return cell.total_seconds()
    if isinstance(cell, Decimal):
        return int(cell) if cell == cell.to_integral_value() else float(cell)
    if isinstance(cell, bytes):
        return cell.decode(errors="backslashreplace")
    if isinstance(cell, dict):
        return {str(key): value(each) for key, each in cell.items()}
    if isinstance(cell, list):
        pairs = bool(cell) and all(isinstance(each, tuple) and len(each) == 2 for each in cell)
        if is_map or pairs:  # Arrow hands a map over as a list of pairs
            return {str(key): value(each) for key, each in cell}
        return [value(each) for each in cell]
    return str(cell)


def stamp(moment: datetime) -> str:
    """`2026-11-01T10:00:00Z`, with a fraction only where there is one."""
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    text = moment.replace(tzinfo=None).isoformat(timespec="microseconds" if moment.microsecond else "seconds")
    return f"{text}Z"


def as_json(content: Any) -> str:
    """Compact JSON; characters that could drive a terminal are escaped, as JSON allows anywhere in its strings."""
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return UNSAFE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def plain(text: str) -> str:
    """One line of `text` without what could drive a terminal: line breaks and tabs become spaces, the rest �."""
    return UNSAFE.sub(lambda found: " " if found[0] in "\t\n\r\u2028\u2029" else "\ufffd", text)
