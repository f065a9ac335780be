"""Ours: `trailsift ingest` into a new lake, the whole real run.

Does: list and read the objects, inflate, SHA-256 of each, decode, typed and derived columns, everything the schema
does not name kept, every event looked up among those known, Parquet by day (zstd level 1), the usage roll-up, ledger
and other tables, Iceberg commits. Two workers beside the driver process, on two cores.
"""

from __future__ import annotations

from pathlib import Path

LETTER = "trailsift"
TITLE = "trailsift ingest, the whole run"
NEEDS: tuple[str, ...] = ()
GIVES = "data/events/**/*.parquet"


def run(logs: Path, out: Path) -> None:
    """The command as a user gives it."""
    import sys

    from pipeline.cli import main

    sys.argv = ["trailsift", "ingest", str(logs), "--lake", str(out), "--jobs", "2", "-o", "json"]
    main()
