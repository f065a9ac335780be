"""CloudTrail's delivery: records into gzip objects under S3's own keys.

Keys follow AWS's page "Finding your CloudTrail log files": the date and the time in a key are those of the
delivery, which is some minutes after the events. Bytes depend on nothing but the records (no time in the
gzip header).
"""

from __future__ import annotations

import zlib
from datetime import datetime
from pathlib import Path

UNIQUE = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"


def key(account: str, region: str, delivered: datetime, unique: str) -> str:
    """The object's key, from `AWSLogs/` on; `unique` is the sixteen characters that mean nothing."""
    name = f"{account}_CloudTrail_{region}_{delivered:%Y%m%dT%H%MZ}_{unique}.json.gz"
    return f"AWSLogs/{account}/CloudTrail/{region}/{delivered:%Y/%m/%d}/{name}"


def body(records: list[str]) -> bytes:
    """The object's content before compression: one line, no spaces."""
    return ('{"Records":[' + ",".join(records) + "]}").encode()


def gzipped(content: bytes, level: int = 6) -> bytes:
    """The content as one gzip member without a time or a name in its header."""
    packer = zlib.compressobj(level, zlib.DEFLATED, 31)
    return packer.compress(content) + packer.flush()


def write(folder: Path, name: str, content: bytes, level: int = 6) -> int:
    """Write one object; returns its size in bytes."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    packed = gzipped(content, level)
    path.write_bytes(packed)
    return len(packed)
