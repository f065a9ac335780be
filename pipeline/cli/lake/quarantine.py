"""`trailsift lake quarantine`: what ingestion refused, and another try at it."""

from __future__ import annotations

import typer

from pipeline.cli.context import current


def quarantine(
    retry: bool = typer.Option(
        False, "--retry", help="Read everything in quarantine again and ingest what can be read."
    ),
    output: str = typer.Option("table", "-o", "--output", help="table, csv, json, ndjson or parquet."),
) -> None:
    """Lists refused records and objects and conflicting copies, each with its place and reason."""

    import pyarrow as pa

    from pipeline.lake.commit import roll_forward
    from pipeline.lake.quarantine import SCHEMA, entries

    lake = current.lake()
    if retry:
        _retry()
        return
    roll_forward(lake)
    rows = pa.Table.from_pylist([vars(each) for each in entries(lake)], schema=SCHEMA)
    current.show(rows, output)


def _retry() -> None:
    from pipeline.cli.ingest import told
    from pipeline.cli.progress import progress
    from pipeline.ingest.retry import retry
    from pipeline.lake.quarantine import entries

    with progress(current) as report:
        summary = retry(current.settings.lake, current.settings, report)
    print(told(summary))
    left = sum(each.kind != "conflicting_copy" for each in entries(current.lake()))
    if left:
        current.say(f"{left:,} records and objects stay in quarantine")
        raise typer.Exit(4)
