"""A case for eyes: the summary first, then who it was, what was made and gained, what was touched, and every event."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from pipeline import export
from pipeline.casework.words import many
from pipeline.export.cells import as_json, plain, value
from pipeline.names import Names
from pipeline.times import iso

_ROWS = 20  # rows of a section, but for the timeline
# section of the report -> (heading, member of the facts, columns shown)
_TABLES: list[tuple[str, tuple[str, ...], list[str]]] = [
    ("Made", ("created",), ["eventTime", "kind", "id", "name", "by", "events", "last_used", "eventID"]),
    (
        "Permissions changed",
        ("gained",),
        ["eventTime", "by", "eventName", "target", "of", "what", "to_itself", "eventID"],
    ),
    ("Resources", ("resources",), ["resource", "events", "writes", "denied", "first_seen", "last_seen"]),
    (
        "Networks",
        ("related", "networks"),
        ["holder", "source_network", "network_name", "events", "denied", "first_seen", "last_seen"],
    ),
    ("Others at the same addresses", ("related", "same_address"), ["shared", "principal_arn", "events", "last_seen"]),
    ("Others with the same programs", ("related", "same_agent"), ["principal_arn", "shared", "events", "last_seen"]),
    (
        "Timeline",
        ("timeline",),
        ["eventTime", "eventName", "eventSource", "outcome", "sourceIPAddress", "access_key_id", "marks", "eventID"],
    ),
    (
        "Left out of the timeline",
        ("left_out",),
        ["principal_arn", "eventName", "eventSource", "outcome", "events", "first_seen", "last_seen"],
    ),
]


def to_json(facts: dict[str, Any]) -> str:
    """The facts as one JSON object; times in CloudTrail's form, nothing in it can drive a terminal."""
    return as_json(value(facts))


def to_text(facts: dict[str, Any], width: int | None = None, names: Names | None = None) -> str:
    """The facts as a report of at most `width` columns where given; log fields are plain text in it.

    `names` stand beside the ids of its tables.
    """
    counts, seed = facts["counts"], facts["seed"]
    lines = [
        f"{plain(seed['text'])}: {seed['kind']}",
        *(plain(each) for each in seed["notes"]),
        f"{many(counts['events'], 'event')} from {iso(counts['first_seen'])} to {iso(counts['last_seen'])}: "
        f"{many(counts['writes'], 'write')}, {counts['denied']:,} denied, {many(counts['errors'], 'error')}; "
        f"{many(counts['principals'], 'principal')}, {many(counts['access_keys'], 'key')}, "
        f"{many(counts['accounts'], 'account')}",
        *(plain(each) for each in (*facts["bounds"], *facts["coverage"])),
        "",
        "Summary",
    ]
    lines += [f"  {iso(each['at'])}  {plain(each['text'])}" for each in facts["summary"]]
    lines += ["", "Who it was", *_chains(facts["identity"])]
    if counts["chains_left_out"]:
        lines.append(f"  {counts['chains_left_out']:,} more credentials, whose chains are not told")
    if book := facts.get("casebook"):
        lines += ["", f"Case {plain(book['case'])}", *entries(book["entries"])]
    for heading, path, columns in _TABLES:
        rows: Any = facts
        for step in path:
            rows = rows[step]
        if rows:
            shown = rows if heading == "Timeline" else rows[:_ROWS]
            lines += ["", heading, _table(shown, columns, width, names)]
            lines += [f"{len(rows) - len(shown):,} more (-o json has them)"] if len(rows) > len(shown) else []
    if counts["left_out"]:
        lines.append(f"{counts['left_out']:,} more events are left out (--max-events)")
    return "\n".join(lines)


def entries(written: list[dict[str, Any]]) -> list[str]:
    """What investigators wrote, a line an entry."""
    said = [" ".join(str(each[part]) for part in ("subject", "text") if each[part]) for each in written]
    return [
        f"  {iso(each['at'])}  {plain(each['actor'])}  {each['change']}  {plain(words)}".rstrip()
        for each, words in zip(written, said, strict=True)
    ]


def _chains(links: list[dict[str, Any]]) -> list[str]:
    """A line a link, those of one credential under it; the event in brackets proves the link."""
    lines = []
    for each in links:
        if not each["depth"]:
            lines.append(f"  {plain(each['of'])}")
        lines.append(
            f"    {each['depth']}. {plain(each['kind'])}: {plain(each['text'])} [{plain(str(each['eventID']))}]"
        )
    return lines


def _table(rows: list[dict[str, Any]], columns: list[str], width: int | None, names: Names | None) -> str:
    columns = [name for name in columns if any(name in row for row in rows)]
    table = pa.Table.from_pylist([{name: row.get(name) for name in columns} for row in rows])
    return export.to_bytes(table, "table", width=width, names=names).decode().rstrip("\n")
