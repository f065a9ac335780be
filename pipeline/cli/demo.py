"""`trailsift demo`: the sample logs from end to end, as a first look at what there is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from pipeline.cli.context import current, printable

if TYPE_CHECKING:
    from datetime import datetime

    from pipeline.catalog import Catalog
    from pipeline.engines.duckdb import Engine
    from pipeline.lake.tables import Lake

FOLDER = "trailsift-demo"


def register(app: typer.Typer) -> None:
    """Adds the verb."""
    app.command("demo", help="The sample logs end to end: a lake of them, and the main reports.")(demo)


def demo() -> None:
    """Makes a lake of the sample logs in ./trailsift-demo (or --lake) and prints the main reports; safe to repeat."""
    from pipeline.catalog import Catalog
    from pipeline.engines.duckdb import connect

    samples = _samples()
    lake = _ingest(samples)
    catalog = Catalog.load()
    with connect(lake) as engine:
        catalog.install_views(engine)
        start, end = _overview(engine)
        _unused(engine, catalog, start, end)
        _anomalies(engine, catalog, end)
        judged = _compliance(engine, catalog)
    _next(_typed(lake.location), (end - start).days + 1, judged)


def _samples() -> Path:
    """The sample logs: beside the package, in a clone and in a wheel alike."""
    from pipeline.errors import TrailsiftError

    folder = Path(__file__).parents[2] / "sample_logs"
    if not (folder / "cloudtrail").is_dir():
        raise TrailsiftError(folder, "the sample logs are not installed", "install trailsift again")
    return folder


def _ingest(samples: Path) -> Lake:
    import json
    from datetime import datetime

    from pipeline.access.snapshots import import_files
    from pipeline.cli.ingest import told
    from pipeline.cli.progress import progress
    from pipeline.ingest import ingest
    from pipeline.lake.tables import Lake

    location = _place(samples)
    with progress(current) as report:
        summary = ingest(location, [str(samples / "cloudtrail")], current.settings, None, report)
    lake = Lake.open(location)
    taken = datetime.fromisoformat(json.loads((samples / "planted.json").read_text("utf-8"))["snapshot_taken"])
    imported = import_files(lake, sorted(each for each in (samples / "iam").iterdir() if each.is_file()), taken)
    _head("Logs and IAM snapshot")
    _say(f"lake: {_typed(lake.location)}", told(summary), imported.as_text())
    return lake


def _place(samples: Path) -> Path:
    """Where the demo's lake goes: where the command line says, and never into the lake that the settings name.

    Raises UsageError for a lake that holds other logs, which the sample's events would mix with.
    """
    from pipeline.errors import NoDataError, UsageError
    from pipeline.lake.ledger import known_objects
    from pipeline.lake.tables import Lake

    asked = current.settings.origin.get("lake") == "--lake"
    place = Path(current.settings.lake if asked else FOLDER).expanduser().absolute()
    try:
        known = known_objects(Lake.open(place))
    except NoDataError:
        return place
    if any(str(samples) not in uri for uri, _, _ in known):
        raise UsageError(place, "holds other logs, which the sample's would mix with", "name a new folder by --lake")
    return place


def _overview(engine: Engine) -> tuple[datetime, datetime]:
    """Counts the log; gives the times of its first and last event."""
    # The view folds the twins of a call between accounts; these are calls, not rows.
    (row,) = engine.query(
        """
        select
            count(*) as events,
            count(distinct account_id) as accounts,
            count(distinct awsRegion) as regions,
            count(distinct principal_arn) as principals,
            count(*) filter (outcome = 'denied') as denied,
            min(eventTime) as first,
            max(eventTime) as last
        from events
        """
    ).to_pylist()
    _head("Overview")
    _say(
        f"{row['events']:,} events of {row['principals']:,} principals in {row['accounts']:,} accounts and"
        f" {row['regions']:,} regions, {row['first']:%Y-%m-%d} to {row['last']:%Y-%m-%d};"
        f" {row['denied']:,} calls were denied"
    )
    return row["first"], row["last"]


def _unused(engine: Engine, catalog: Catalog, start: datetime, end: datetime) -> None:
    import pyarrow.compute as pc

    from pipeline.access.unused import unused

    report = unused(engine, start, end)
    _head("Unused access, over the whole log")
    _say(
        "granted actions: " + ", ".join(f"{count:,} {verdict}" for verdict, count in sorted(report.verdicts().items()))
    )
    unused_rows = report.rows.filter(pc.equal(report.rows["verdict"].cast("string"), "unused"))
    counted = [(each["counts"], each["values"]) for each in unused_rows["principal_arn"].value_counts().to_pylist()]
    most = sorted(counted, key=lambda each: (-each[0], each[1]))[:5]
    _table([(f"{count:,}", arn) for count, arn in most], "unused", "principal")
    print()
    _questions(engine, catalog, "permissions/")


def _anomalies(engine: Engine, catalog: Catalog, end: datetime) -> None:
    """The findings, those of one kind and principal on one line, the gravest first."""
    from pipeline.detect.anomalies import examine
    from pipeline.detect.baselines.asking import Judging

    lines: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
    for each in examine(engine, catalog, None, end, Judging.by(current.settings)).findings:
        lines.setdefault((each["severity"], each["title"], each["principal_arn"] or "unknown"), []).append(each)
    _head("Anomalies, over the whole log")
    _table(
        [
            (
                severity,
                title,
                f"{min(each['first_seen'] for each in found):%Y-%m-%d %H:%M}",
                f"{len(found):,}",
                principal,
            )
            for (severity, title, principal), found in lines.items()
        ],
        *("severity", "finding", "first seen", "times", "principal"),
    )


def _questions(engine: Engine, catalog: Catalog, folder: str) -> None:
    """Every question of a folder with the number of its rows, the gravest first."""
    from pipeline.catalog.header import SEVERITIES

    asked = [each for each in catalog.queries.values() if each.id.startswith(folder)]
    ranks = {name: rank for rank, name in enumerate(SEVERITIES)}
    asked.sort(key=lambda each: (ranks.get(each.severity or "", len(ranks)), each.id))
    rows = [(f"{catalog.run(engine, each.id).num_rows:,}", each.severity or "", each.title, each.id) for each in asked]
    _table(rows, "rows", "severity", "question", "id")


def _compliance(engine: Engine, catalog: Catalog) -> list[str]:
    """Judges every framework; gives their ids."""
    from pipeline.evidence.comply import comply
    from pipeline.evidence.frameworks import load

    known = load(catalog)
    for name, framework in known.items():
        requirements = comply(engine, catalog, framework, max_rows=0)
        counted = Counter(each["verdict"] for each in requirements)
        _head(f"Compliance: {framework.title} ({name})")
        _say(", ".join(f"{count} {verdict}" for verdict, count in counted.most_common()))
        failed = [each for each in requirements if each["verdict"] == "fail"]
        _table([(each["requirement"], each["title"]) for each in failed], "failed", "requirement")
    return list(known)


def _next(lake: str, days: int, frameworks: list[str]) -> None:
    command = _command()
    _head("Next")
    for verb, rest in (
        ("dash", ""),
        ("list", ""),
        (f"unused --lookback {days}d", " -o csv > unused.csv"),
        (f"rightsize --all --lookback {days}d", ""),
        ("anomalies", ""),
        ("detect --level medium", ""),
        *((f"comply {name}", "") for name in frameworks),
    ):
        _say(f"{command} {verb} --lake {lake}{rest}")


def _command() -> str:
    """What to type to run this command again: after `make demo` it is not on the path."""
    import shutil
    import sys

    program = Path(sys.argv[0])
    return _typed(program.absolute()) if program.name == "trailsift" and not shutil.which("trailsift") else "trailsift"


def _typed(location: Path | str) -> str:
    """The path as one would type it from here."""
    import shlex

    path, here = Path(location), Path.cwd()
    return shlex.quote(str(path.relative_to(here) if path.is_relative_to(here) else path))


def _head(title: str) -> None:
    print(f"\n{title}\n{'─' * len(title)}")


def _say(*lines: str) -> None:
    for line in lines:
        print(printable(line))


def _table(rows: Sequence[tuple[str, ...]], *heads: str) -> None:
    """Columns as wide as their widest cell, numbers to the right."""
    if not rows:
        return
    cells = [heads, *[tuple(printable(cell) for cell in row) for row in rows]]
    widths = [max(len(row[place]) for row in cells) for place in range(len(heads))]
    number = [all(row[place].replace(",", "").isdigit() for row in cells[1:]) for place in range(len(heads))]
    for row in cells:
        aligned = [
            f"{cell:>{width}}" if right else f"{cell:<{width}}"
            for cell, width, right in zip(row, widths, number, strict=True)
        ]
        print("  " + "  ".join(aligned).rstrip())
