"""What verifications of the digest chain found, kept in the lake: three tables that stand alone.

The rows about single digests and problems are committed first and the runs last, so that a run which was cut short
leaves rows that no reader counts.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pyarrow as pa

from pipeline.errors import LakeError
from pipeline.lake.commit import roll_forward

if TYPE_CHECKING:
    from pipeline.lake.tables import Lake

_ATTEMPTS = 20


def store_verification(lake: Lake, runs: pa.Table, digests: pa.Table, problems: pa.Table) -> None:
    """Commits one run; raises LakeError where other writers never leave it a chance."""
    for name, rows in (("verified_digests", digests), ("verification_problems", problems), ("verifications", runs)):
        if rows.num_rows:
            _append(lake, name, rows)


def hashes(lake: Lake) -> Iterator[pa.Table]:
    """uri, etag, size, sha256 (of the uncompressed bytes) and status of every object read, some at a time."""
    lake.make()
    roll_forward(lake)
    for path in lake.files("ledger"):
        yield lake.storage.read(path, ["uri", "etag", "size", "sha256", "status"])


def _append(lake: Lake, name: str, rows: pa.Table) -> None:
    from pyiceberg.exceptions import CommitFailedException

    for _ in range(_ATTEMPTS):
        try:
            lake.load(name).append(rows)
            return
        except CommitFailedException:
            continue
    problem = "other writers kept the verification from being stored"
    raise LakeError(lake.location, problem, "run the same command again")
