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
    _ingest(str(logs), out)


def run_bucket(bucket: Path, out: Path) -> None:
    """The same from a bucket of S3, of which the path is the name."""
    _ingest(f"s3://{bucket}/", out)


def _ingest(source: str, out: Path) -> None:
    import sys

    from pipeline.cli import main

    sys.argv = ["trailsift", "ingest", source, "--lake", str(out), "--jobs", "2", "-o", "json"]
    main()
