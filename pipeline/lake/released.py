"""Files that no table's head needs any more: noted when they are given up, deleted when no reader can miss them.

A reader that planned its files before they were merged still opens them, and a file's own age does not say when it
was given up. So whoever gives files up notes them with the time first; after the grace period they are deleted,
unless a live snapshot (a report's tag keeps one alive) still has them.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from pipeline.lake.commit import followers_of
from pipeline.lake.tables import Lake
from pipeline.records.schema import TABLES

# Looking which files are alive reads manifests; it is put off until so many notes are due, or one is so late.
_MANY, _LATE = 64, timedelta(hours=1)


def release(lake: Lake, paths: Iterable[str]) -> None:
    """Notes files that are about to be given up; call it before the commit, so that no crash loses the time."""
    name = f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{uuid.uuid4().hex[:12]}.json"
    lake.storage.put(f"{_folder(lake)}/{name}", json.dumps(sorted(paths)).encode())


def notes(lake: Lake) -> dict[str, datetime]:
    """Paths of the notes with the time at which their files were given up, oldest first."""
    found: dict[str, datetime] = {}
    for each in lake.storage.files(_folder(lake)):
        stamp = each.path.rpartition("/")[2].partition("-")[0]
        try:
            found[each.path] = datetime.strptime(stamp, "%Y%m%dT%H%M%S").replace(tzinfo=UTC)
        except ValueError:
            continue  # half-written, or nobody's
    return dict(sorted(found.items()))


def grace(lake: Lake) -> timedelta:
    """How long a file that was given up still lies there; longer than any ingest and any read takes."""
    return timedelta(hours=lake.settings.grace_hours)


def sweep(lake: Lake, now: datetime | None = None, lazily: bool = True) -> int:
    """Deletes noted files whose grace period is over and that no live snapshot has; gives their number."""
    now = now or datetime.now(UTC)
    due = [path for path, when in notes(lake).items() if now - when > grace(lake)]
    late = bool(due) and now - notes(lake)[due[0]] > grace(lake) + _LATE
    if not due or (lazily and len(due) < _MANY and not late):
        return 0
    paths = {each for note in due for each in named(lake, note)}
    paths -= alive(lake)
    for path in paths:
        lake.storage.delete(path)
    for note in due:
        lake.storage.delete(note)
    return len(paths)


def named(lake: Lake, note: str) -> list[str]:
    """The files a note names; none where another process swept it meanwhile."""
    try:
        return [str(each) for each in json.loads(lake.storage.get(note))]
    except (FileNotFoundError, ValueError):
        return []


def alive(lake: Lake) -> set[str]:
    """Every file a live snapshot of any table needs: data, manifests, metadata, rows that wait to be applied."""
    found: set[str] = set()
    for name in TABLES:
        table = lake.load(name)
        found.add(lake.storage.path(table.metadata_location))
        found |= {lake.storage.path(each.metadata_file) for each in table.metadata.metadata_log}
        found |= of_snapshots(lake, table, table.snapshots(), data=True)
        if name == "events":
            for snapshot in table.snapshots():
                found |= set(followers_of(lake, snapshot))
    return found


def of_snapshots(lake: Lake, table: Any, snapshots: Iterable[Any], data: bool) -> set[str]:
    """Manifest lists and manifests of snapshots, and with `data` the data files they name."""
    lists, manifests = set(), {}
    for snapshot in snapshots:
        lists.add(lake.storage.path(snapshot.manifest_list))
        for manifest in snapshot.manifests(table.io):
            manifests[manifest.manifest_path] = manifest
    found = lists | {lake.storage.path(each) for each in manifests}
    if data:
        for manifest in manifests.values():
            for entry in manifest.fetch_manifest_entry(table.io, discard_deleted=True):
                found.add(lake.storage.path(entry.data_file.file_path))
    return found


def _folder(lake: Lake) -> str:
    return f"{lake.location}/released"
