"""The case pack: one zip from which somebody else can read, check and recompute a case.

It holds the report (timeline.html, summary.md), the facts (case.json, timeline.csv), the records themselves
(records.ndjson, each equal to what AWS delivered), the questions that were asked (queries/), what the log lacks
(coverage.txt), what investigators pinned and noted where a case was named (casebook.json) and manifest.json with the
SHA-256 of every file. The same case over the same lake gives the same bytes.
"""

from __future__ import annotations

import hashlib
import json
import os
import zipfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa

from pipeline import __version__, export
from pipeline.casework import page, report
from pipeline.errors import TrailsiftError
from pipeline.export.cells import plain, value
from pipeline.records import rebuild
from pipeline.times import iso, shifted

if TYPE_CHECKING:
    from pipeline.casework.case import Case
    from pipeline.catalog import Catalog
    from pipeline.engines.duckdb import Engine

_MOMENT = (1980, 1, 1, 0, 0, 0)  # the zip format's first; the files' own times would differ from run to run
_ROWS = 2000  # records that are read at a time
_TWIN = timedelta(minutes=5)  # the records of one call in two accounts are of one moment; clocks differ

_RECORDS = """
select events.*
from events
semi join (select unnest($ids::varchar[]) as id) as wanted on coalesce(events.eventID, events.record_sha256) = wanted.id
where eventTime between $since and $until
order by eventTime, coalesce(eventID, record_sha256), account_id
"""


def write(path: Path, found: Case, engine: Engine, catalog: Catalog) -> None:
    """Writes the pack of a case at `path`, whole or not at all; `engine` is the one that the case was made with.

    Raises TrailsiftError where the file cannot be written.
    """
    if path.is_dir():
        raise TrailsiftError(path, "is a folder", "name a file")
    scratch = path.with_name(f".{path.name}.part")
    try:
        with zipfile.ZipFile(scratch, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as pack:
            sums = {name: _put(pack, name, content) for name, content in _files(found, engine, catalog)}
            _put(pack, "manifest.json", [_json(_manifest(found, engine, sums))])
        scratch.replace(path)
    except OSError as error:
        raise TrailsiftError(
            path, f"cannot be written ({os.strerror(error.errno or 0)})", "name another file"
        ) from None
    finally:
        scratch.unlink(missing_ok=True)


def _files(found: Case, engine: Engine, catalog: Catalog) -> Iterator[tuple[str, Any]]:
    """Name and pieces of each file."""
    facts = found.facts
    yield "summary.md", [_summary(facts).encode()]
    yield "timeline.html", [page.html(facts, found.names).encode()]
    yield "timeline.csv", [_csv(facts["timeline"])]
    yield "case.json", [report.to_json(facts).encode(), b"\n"]
    if "casebook" in facts:
        yield "casebook.json", [_json(facts["casebook"])]
    yield "records.ndjson", _records(facts, engine)
    yield "coverage.txt", ["".join(f"{plain(each)}\n" for each in (*facts["bounds"], *facts["coverage"])).encode()]
    for query in catalog.queries.values():
        if query.id.startswith("investigate/case_"):
            yield f"queries/{query.id}.sql", [query.sql.encode()]


def _put(pack: zipfile.ZipFile, name: str, pieces: Any) -> dict[str, Any]:
    entry = zipfile.ZipInfo(name, _MOMENT)
    entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
    digest, size = hashlib.sha256(), 0
    with pack.open(entry, "w", force_zip64=True) as out:
        for piece in pieces:
            out.write(piece)
            digest.update(piece)
            size += len(piece)
    return {"sha256": digest.hexdigest(), "bytes": size}


def _records(facts: dict[str, Any], engine: Engine) -> Iterator[bytes]:
    """The records of the timeline, of the chain's proofs and of what is pinned, in order of time, a line each."""
    moments = {each["eventID"]: each["eventTime"] for each in (*facts["timeline"], *facts["identity"])}
    for link in facts["identity"]:
        moments |= dict.fromkeys(link.get("twins", []), link["eventTime"])
    pinned = facts.get("casebook", {}).get("pinned", [])
    moments |= {each["eventID"]: each["eventTime"] for each in pinned}
    wanted = sorted((moment, each) for each, moment in moments.items() if each and moment)
    for start in range(0, len(wanted), _ROWS):
        some = wanted[start : start + _ROWS]
        since, until = shifted(some[0][0], -_TWIN), shifted(some[-1][0], _TWIN)
        bound = {"ids": [each for _, each in some], "since": since, "until": until}
        for row in engine.rows(_RECORDS, bound, "pack"):
            yield b" ".join(rebuild.text(row).splitlines()) + b"\n"


def _csv(timeline: list[dict[str, Any]]) -> bytes:
    table = pa.Table.from_pylist([value(each) for each in timeline])
    return export.to_bytes(table, "csv")


def _json(content: Any) -> bytes:
    return (json.dumps(value(content), indent=2, sort_keys=True) + "\n").encode()


def _manifest(found: Case, engine: Engine, sums: dict[str, Any]) -> dict[str, Any]:
    facts = found.facts
    return {
        "seed": facts["seed"],
        "window": facts["window"],
        "counts": facts["counts"],
        "lake": {"events_snapshot": engine.snapshot_id},
        "versions": {"trailsift": __version__, "duckdb": duckdb.__version__, "pyarrow": pa.__version__},
        "files": sums,
    }


def _summary(facts: dict[str, Any]) -> str:
    """The summary as Markdown; what comes from the log stands between backquotes or is escaped."""
    counts = facts["counts"]
    lines = [
        f"# {_md(facts['seed']['text'])}",
        "",
        f"{facts['seed']['kind']}; {counts['events']:,} events from {iso(counts['first_seen'])} to "
        f"{iso(counts['last_seen'])}; {counts['denied']:,} denied, {counts['errors']:,} errors.",
        "",
    ]
    for each in facts["summary"]:
        ids = ", ".join(_md(str(event)) for event in each["event_ids"][:3])
        more = f" and {len(each['event_ids']) - 3:,} more" if len(each["event_ids"]) > 3 else ""
        lines.append(f"- {iso(each['at'])}: {_md(each['text'])} ({ids}{more})")
    lines += ["", "## Who it was", ""]
    lines += [f"{each['depth'] + 1}. {_md(each['text'])} ({_md(str(each['eventID']))})" for each in facts["identity"]]
    lines += ["", "## What the log lacks", ""]
    lines += [f"- {_md(each)}" for each in (*facts["bounds"], *facts["coverage"])]
    return "\n".join(lines) + "\n"


def _md(text: str) -> str:
    """Text in which Markdown, and HTML within it, finds nothing to do."""
    return "".join(f"\\{each}" if each in "\\`*_{}[]<>()#|!~&" else each for each in plain(text))
