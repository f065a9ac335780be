"""A case for callers that hold a lake and not an engine, such as the dashboard: each has an engine of its own."""

from __future__ import annotations

import tempfile
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.casework import casebook
from pipeline.casework.case import investigate
from pipeline.casework.pack import write
from pipeline.engines.duckdb import connect

if TYPE_CHECKING:
    from pipeline.catalog import Catalog
    from pipeline.lake.tables import Lake
    from pipeline.names import Names


def story(
    lake: Lake, catalog: Catalog, seed: str, since: datetime | None, until: datetime, names: Names
) -> dict[str, Any]:
    """The facts of a case; raises as `investigate` does."""
    with connect(lake) as engine:
        catalog.install_views(engine)
        return investigate(engine, catalog, seed, since, until, names=names).facts


def pack(
    lake: Lake, catalog: Catalog, seed: str, since: datetime | None, until: datetime, names: Names, name: str | None
) -> bytes:
    """The case pack (zip), with what was written down under the case `name` where one is given."""
    book = casebook.case(lake, name) if name else None
    with connect(lake) as engine, tempfile.TemporaryDirectory(prefix="trailsift-") as folder:
        catalog.install_views(engine)
        found = investigate(engine, catalog, seed, since, until, book=book, names=names)
        write(Path(folder) / "case.zip", found, engine, catalog)
        return (Path(folder) / "case.zip").read_bytes()
