"""Where an object of CloudTrail's lies, and what its name says ("Finding your CloudTrail log files").

A digest names bucket and key. In a bucket an object lies there or it does not; a downloaded folder is matched by the
part of the path from `AWSLogs/` on, or, where a folder keeps no layout at all, by the file's name, which is unique.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum

DIGEST = "CloudTrail-Digest"
_KIND = r"CloudTrail(?:-[A-Za-z]+)?"
_REGION = r"[a-z]{2,5}(?:-[a-z]+)+-\d+"
_PATH = re.compile(rf"AWSLogs/(?:o-[a-z0-9]+/)?(?P<account>\d{{12}})/(?P<kind>{_KIND})/(?P<region>{_REGION})/")
_SUFFIX = re.compile(r"AWSLogs/(?:o-[a-z0-9]+/)?\d{12}/.*", re.DOTALL)
_NAME = re.compile(rf"(?P<account>\d{{12}})_(?P<kind>{_KIND})_(?P<region>{_REGION})_(?P<rest>.*)", re.DOTALL)
_TIME = re.compile(r"\d{8}T\d{4}(?:\d\d)?Z")
_REST = re.compile(
    rf"(?P<trail>.+)_(?P<home>{_REGION})_(?P<time>\d{{8}}T\d{{6}}Z)(?P<backfill>_backfill)?\.json(?:\.gz)?"
)


class Match(Enum):
    """By what an object is matched with the bucket and key a digest names."""

    KEY = "key"
    SUFFIX = "suffix"
    NAME = "name"


@dataclass(frozen=True, slots=True)
class Place:
    """What a uri or key says: `root` is all before the account's folder, `chain` is set for a digest."""

    account: str | None = None
    region: str | None = None
    kind: str | None = None
    root: str = ""
    time: datetime | None = None
    chain: str | None = None
    trail: str | None = None


def suffix(path: str) -> str | None:
    """The path from the last `AWSLogs/` on that an account follows, the same in a bucket and in a copy of it."""
    start = path.rfind("AWSLogs/")
    while start >= 0:
        if _SUFFIX.match(path, start):
            return _plain(path[start:])
        start = path.rfind("AWSLogs/", 0, start)
    return None


def place(uri: str, match: Match) -> str:
    """What an object is matched by, from its uri."""
    if match is Match.KEY:
        return uri.removeprefix("s3://")
    return (match is Match.SUFFIX and suffix(uri)) or _plain(name(uri))


def named(bucket: str, key: str, match: Match) -> str:
    """What an object is matched by, from the bucket and key in a digest."""
    return f"{bucket}/{key}" if match is Match.KEY else place(key, match)


def in_bucket(location: str) -> bool:
    """Whether a location is one of S3."""
    return location.lower().startswith("s3:")


def within(location: str, key: str) -> bool:
    """Whether `bucket/key` lies in a location of S3."""
    place = location[3:].strip("/")
    return key == place or key.startswith(f"{place}/")


def name(path: str) -> str:
    """The last part of a path."""
    return path.rpartition("/")[2]


def read(uri: str) -> Place:
    """What the uri of an object says; nothing where it is none of CloudTrail's."""
    path = next(reversed(list(_PATH.finditer(uri))), None)
    root = uri[: path.start("account")] if path else ""
    found = _NAME.fullmatch(name(uri))
    if not found:
        return Place(path["account"], path["region"], path["kind"], root) if path else Place()
    account, region, kind = found["account"], found["region"], found["kind"]
    if kind != DIGEST:
        return Place(account, region, kind, root, _time(found["rest"][:16]))
    rest = _REST.fullmatch(found["rest"])
    if not rest:
        return Place(account, region, kind, root)
    chain = f"{account}/{region}/{rest['trail']}@{rest['home']}{' backfill' if rest['backfill'] else ''}"
    moment = _time(rest["time"])
    return Place(account, region, kind, root, moment, chain if moment else None, rest["trail"])


def _plain(path: str) -> str:
    """A file that a tool has unpacked keeps its name but for the ending."""
    return path.removesuffix(".gz")


def _time(text: str) -> datetime | None:
    found = _TIME.match(text)
    if not found:
        return None
    try:
        return datetime.strptime(found[0], "%Y%m%dT%H%MZ" if len(found[0]) == 14 else "%Y%m%dT%H%M%SZ").replace(
            tzinfo=UTC
        )
    except ValueError:
        return None
