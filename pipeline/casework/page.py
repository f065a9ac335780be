"""A case as one HTML page that needs nothing else, runs nothing, and prints well; all that the log says is escaped."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from html import escape
from typing import Any

from pipeline.export.cells import as_json, plain, value
from pipeline.names import Names
from pipeline.times import iso

_STYLE = """
body { font: 14px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 80rem; padding: 0 1rem; color: #1b1f24 }
h1 { font-size: 1.5rem; overflow-wrap: anywhere } h2 { font-size: 1.1rem; margin-top: 2rem }
table { border-collapse: collapse; width: 100%; font-size: 12px } thead { display: table-header-group }
th, td { border-bottom: 1px solid #d0d7de; padding: .25rem .5rem; text-align: left; vertical-align: top }
td { overflow-wrap: anywhere } tr { break-inside: avoid } .denied { color: #b3261e } .mark { white-space: nowrap }
time { font-variant-numeric: tabular-nums; white-space: nowrap } ol, ul { padding-left: 1.2rem }
@media print { body { margin: 0; max-width: none; font-size: 10px } table { font-size: 8px } @page { margin: 12mm } }
"""
# heading, path in the facts, columns
_TABLES: list[tuple[str, tuple[str, ...], list[str]]] = [
    ("Who it was", ("identity",), ["of", "depth", "kind", "principal_arn", "text", "eventID"]),
    ("Made", ("created",), ["eventTime", "kind", "id", "name", "by", "events", "first_used", "last_used", "eventID"]),
    ("Permissions changed", ("gained",), ["eventTime", "by", "eventName", "of", "what", "to_itself", "eventID"]),
    ("Resources", ("resources",), ["resource", "events", "writes", "denied", "first_seen", "last_seen"]),
    (
        "Networks",
        ("related", "networks"),
        ["holder", "source_network", "network_name", "events", "denied", "first_seen", "last_seen"],
    ),
    ("Others at the same addresses", ("related", "same_address"), ["shared", "principal_arn", "events", "last_seen"]),
    ("Others with the same programs", ("related", "same_agent"), ["shared", "principal_arn", "events", "last_seen"]),
]
_EVENT = ["eventTime", "eventName", "eventSource", "outcome", "principal_arn", "access_key_id", "sourceIPAddress"]
_EVENT += ["resources", "marks", "eventID"]
_LEFT_OUT = ["principal_arn", "eventName", "eventSource", "outcome", "events", "first_seen", "last_seen"]
_PINNED = ["eventTime", "eventName", "eventSource", "outcome", "principal_arn", "note", "pinned_by", "eventID"]
_ENTRY = ["number", "at", "actor", "change", "subject", "text"]


def html(facts: dict[str, Any], names: Names | None = None) -> str:
    """The whole page; `names` stand beside the ids of its tables."""
    names = names or Names()
    seed, counts = facts["seed"], facts["counts"]
    left = f"; {counts['left_out']:,} more are left out" if counts["left_out"] else ""
    parts = [
        '<!doctype html><html lang="en"><head><meta charset="utf-8">',
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">",
        f"<title>{_text(seed['text'])}</title><style>{_STYLE}</style></head><body>",
        f"<h1>{_text(seed['text'])}</h1>",
        f"<p>{_text(seed['kind'])}; {counts['events']:,} events from {iso(counts['first_seen'])} to ",
        f"{iso(counts['last_seen'])}; {counts['denied']:,} denied, {counts['errors']:,} errors</p>",
        _list([*seed["notes"], *facts["bounds"], *facts["coverage"]]),
        "<h2>Summary</h2><ol>",
        *(f"<li><time>{iso(each['at'])}</time> {_text(each['text'])}</li>" for each in facts["summary"]),
        "</ol>",
    ]
    if book := facts.get("casebook"):
        parts.append(_book(book, names))
    for heading, path, columns in _TABLES:
        rows: Any = facts
        for step in path:
            rows = rows[step]
        if rows:
            parts.append(f"<h2>{heading}</h2>{_table(rows, columns, names)}")
    timeline = _table(facts["timeline"], _EVENT, names)
    parts.append(f"<h2>Timeline</h2><p>{len(facts['timeline']):,} events{left}</p>{timeline}")
    if facts["left_out"]:
        parts.append(f"<h2>Left out of the timeline</h2>{_table(facts['left_out'], _LEFT_OUT, names)}")
    return "\n".join([*parts, "</body></html>\n"])


def _book(book: dict[str, Any], names: Names) -> str:
    """What investigators pinned and wrote, as the case's entries have it."""
    about = f"<p>{_text(book['about'])}</p>" if book["about"] else ""
    pinned = f"<h3>Pinned</h3>{_table(book['pinned'], _PINNED, names)}" if book["pinned"] else ""
    entries = f"<h3>Entries</h3>{_table(book['entries'], _ENTRY, names)}"
    return f"<h2>Case {_text(book['case'])}</h2>{about}{pinned}{entries}"


def _table(rows: list[dict[str, Any]], columns: list[str], names: Names) -> str:
    columns = [name for name in columns if any(name in row for row in rows)]
    head = "".join(f"<th>{_text(name)}</th>" for name in columns)
    lines = []
    for row in rows:
        style = ' class="denied"' if row.get("outcome") == "denied" else ""
        cells = (_cell(row.get(name), partial(names.beside, name, columns=columns)) for name in columns)
        lines.append(f"<tr{style}>" + "".join(f"<td>{each}</td>" for each in cells) + "</tr>")
    return f"<table><thead><tr>{head}</tr></thead><tbody>\n" + "\n".join(lines) + "\n</tbody></table>"


def _cell(content: Any, named: Callable[[str], str]) -> str:
    found = value(content)
    if found is None:
        return ""
    if isinstance(found, bool):
        return "yes" if found else "no"
    if isinstance(found, list):
        return "<br>".join(_text(named(str(each))) for each in found)
    return _text(named(as_json(found) if isinstance(found, dict) else str(found)))


def _list(lines: list[str]) -> str:
    return "<ul>" + "".join(f"<li>{_text(each)}</li>" for each in lines) + "</ul>" if lines else ""


def _text(text: str) -> str:
    return escape(plain(text), quote=True)
