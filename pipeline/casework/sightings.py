"""Who was seen where: the view `sightings`, kept beside the lake so that a case reads only the files that matter.

A row says that a principal was seen with a key, from an address, with a program …, in one data file. There are some
hundred times fewer of them than events, and they tell in which files the events of a seed are, and who else came from
the same place. Data files never change, so that what was found out about one holds for good; a file that is new, as
each is after an ingest or a compaction, is read by whoever investigates next. A folder that cannot be written is only
read, and pays for that each time.

`DIR/sightings/index.json` names the bundles (Parquet) that count, and the data files that each is about.
"""

from __future__ import annotations

import hashlib
import io
import json
import uuid
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.errors import LakeError

if TYPE_CHECKING:
    from pipeline.engines.duckdb import Engine
    from pipeline.engines.snapshot import Plan
    from pipeline.lake.storage import Storage
    from pipeline.lake.tables import Lake

_INDEX = "index.json"
_FIRST = datetime.min.replace(tzinfo=UTC)
_BUNDLES = 8  # more are made one
_GRACE = timedelta(days=1)  # somebody may still read a bundle that counts no more
# The view with the events of one part of the window in the place of all.
_PART = "with events_by_file as (select * from lake.events_by_file where {part})\n{sql}"
_PARTS = ("eventTime < $since", "eventTime between $since and $until", "eventTime > $until")


def refresh(lake: Lake) -> int:
    """Looks through the data files that are new, which otherwise the next case would do; how many there were."""
    from pipeline.catalog import Catalog
    from pipeline.engines.duckdb import connect

    with connect(lake) as engine:
        Catalog.load(within="views").install_views(engine)
        return prepare(engine, _FIRST, datetime.max.replace(tzinfo=UTC) - timedelta(days=1))


def prepare(engine: Engine, since: datetime, until: datetime) -> int:
    """Makes the view `sightings` of this engine cheap, and cuts its rows at the window's ends.

    So a row lies wholly before, in or after the window. The engine serves one case from then on. Returns how many
    data files were new.
    """
    sql, plan = engine.views["sightings"], engine.plan
    every = set() if plan is None else set(plan.files["events"][1:])
    cut = _straddling(plan, since, until) if plan else set()
    parts: list[str] = []
    new = 0
    if plan is not None and plan.storage is not None and every > cut:
        parts, new = _kept(engine, _Shelf(plan.storage, sql), every - cut)
    if cut or not parts:
        with engine.reading(cut):
            pieces = [engine.query(_PART.format(part=each, sql=sql), _window(since, until)) for each in _PARTS]
        engine.register("sightings_cut", pa.concat_tables(pieces))
        parts.append("select * from sightings_cut")
    engine.create_view("sightings", "\nunion all by name\n".join(parts))
    return new


def _window(since: datetime, until: datetime) -> dict[str, datetime]:
    return {"since": since, "until": until}


def _straddling(plan: Plan, since: datetime, until: datetime) -> set[str]:
    """The event files that may have rows on both sides of an end of the window."""
    moment = timedelta(microseconds=1)
    before = set(plan.holding(None, since - moment)) if since > _FIRST else set()
    inside = set(plan.holding(since, until))
    after = set(plan.holding(until + moment, None))
    return (before & inside) | (inside & after) | (before & after)


def _kept(engine: Engine, shelf: _Shelf, wanted: set[str]) -> tuple[list[str], int]:
    """SELECTs that give the rows of the files `wanted`, and of how many the rows had to be found out.

    Those are put on the shelf.
    """
    selects = []
    bundles = shelf.bundles(wanted)
    known = {each for files in bundles.values() for each in files}
    if bundles:
        engine.con.execute("set variable sightings = $paths", {"paths": sorted(bundles)})
        engine.con.execute("set variable sightings_of = $files", {"files": sorted(wanted)})
        only = "" if known <= wanted else " where file in (select unnest(getvariable('sightings_of')))"
        selects.append(f"select * from read_parquet(getvariable('sightings'), hive_partitioning = false){only}")
    if fresh := wanted - known:
        with engine.reading(fresh):
            rows = engine.query(shelf.sql)
        engine.register("sightings_fresh", rows)
        selects.append("select * from sightings_fresh")
        shelf.add(engine, bundles, rows, fresh, wanted)
    return selects, len(fresh)


@dataclass(frozen=True)
class _Shelf:
    """The folder of bundles. Whoever loses a race to write the index only has its bundle found out once more."""

    storage: Storage
    sql: str

    @property
    def folder(self) -> str:
        return f"{self.storage.root}/sightings"

    @property
    def _mark(self) -> str:
        """Rows that another form of the view gave do not count."""
        return hashlib.sha256(self.sql.encode()).hexdigest()

    def bundles(self, wanted: set[str]) -> dict[str, list[str]]:
        """The bundles that tell of any of these files, each with all the files that it is about."""
        try:
            index: dict[str, Any] = json.loads(self.storage.get(f"{self.folder}/{_INDEX}"))
            if index["mark"] != self._mark:
                return {}
            found = {f"{self.folder}/{name}": files for name, files in index["bundles"].items()}
            return {path: files for path, files in found.items() if wanted & set(files) and self.storage.exists(path)}
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return {}

    def add(
        self, engine: Engine, bundles: dict[str, list[str]], rows: pa.Table, fresh: set[str], wanted: set[str]
    ) -> None:
        """Puts rows found out about `fresh` files on the shelf; many bundles become one without what is gone."""
        files = fresh
        if len(bundles) >= _BUNDLES:
            kept = "select * from read_parquet(getvariable('sightings'), hive_partitioning = false)"
            of = "where file in (select unnest(getvariable('sightings_of')))"
            rows, files, bundles = pa.concat_tables([engine.query(f"{kept} {of}"), rows]), wanted, {}
        name = f"{uuid.uuid4().hex}.parquet"
        content = io.BytesIO()
        pq.write_table(rows, content, compression="zstd")
        listed = {path.rpartition("/")[2]: each for path, each in bundles.items()} | {name: sorted(files)}
        with suppress(OSError, LakeError):
            self.storage.put(f"{self.folder}/{name}", content.getvalue())
            self.storage.put(f"{self.folder}/{_INDEX}", json.dumps({"mark": self._mark, "bundles": listed}).encode())
            self._sweep(listed)

    def _sweep(self, listed: dict[str, list[str]]) -> None:
        """Deletes bundles that count no more, once nobody can be reading them."""
        for each in self.storage.files(self.folder):
            old = datetime.now(UTC) - each.modified > _GRACE
            if old and each.path.rpartition("/")[2] not in {*listed, _INDEX}:
                self.storage.delete(each.path)
