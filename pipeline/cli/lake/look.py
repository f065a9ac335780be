"""`trailsift lake info` and `lake connect`: what there is, and how to reach it with other tools."""

from __future__ import annotations

import typer

from pipeline.cli.context import current


def info(output: str = typer.Option("table", "-o", "--output", help="table, csv, json, ndjson or parquet.")) -> None:
    """One row a table: rows, data files, bytes on disk, the snapshot they belong to, days, snapshots and bytes of
    metadata that are kept; then, as talk, what upkeep is due.
    """
    from pipeline import export
    from pipeline.lake.info import tables, upkeep

    export.known(output)
    lake = current.lake()
    current.show(tables(lake), output)
    for line in upkeep(lake).as_text():
        current.say(line)


def connect() -> None:
    """Prints SQL for DuckDB: views of the lake's tables as they are now (lake.events …) and of everything that
    questions are asked of (events, usage, principals …). Use it by duckdb -init <(trailsift lake connect), or give
    it to execute() in a notebook.
    """
    from pipeline.catalog import Catalog
    from pipeline.engines.script import script
    from pipeline.engines.snapshot import plan
    from pipeline.lake.commit import roll_forward

    lake = current.lake()
    roll_forward(lake)
    views = [(each.name, each.sql) for each in Catalog.load(within="views").views]
    settings = lake.settings
    print(script(plan(lake), views, lake.location, settings.catalog_region, settings.catalog_endpoint), end="")
