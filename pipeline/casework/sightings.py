"""Who was seen where, and named what: the views `sightings` and `touches`, kept beside the lake, so that a case reads
only the files that matter.

A row of `sightings` says that a principal was seen with a key, from an address, with a program …, in one data file.
There are many times fewer of them than events, and they tell in which files the events of a seed are, and who else
came from the same place. A row of `touches` counts how often such a one named a resource. Data files never change, so
that what was found out about one holds for good; a file that is new, as each is after an ingest or a compaction, is
read by whoever investigates next. A folder that cannot be written is only read, and pays for that each time.

`DIR/sightings/index.json` and `DIR/touches/index.json` name the bundles (Parquet) that count, and the data files that
each is about.
"""

from __future__ import annotations

import hashlib
import io
import json
import uuid
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.errors import LakeError
from pipeline.times import shifted

if TYPE_CHECKING:
    from pipeline.engines.duckdb import Engine
    from pipeline.engines.snapshot import Plan
    from pipeline.lake.storage import Storage
    from pipeline.lake.tables import Lake

_INDEX = "index.json"
# View -> order of its rows in a bundle: readers skip those of other principals.
VIEWS = {"sightings": "file", "touches": "principal_arn, file, who"}
_FIRST = datetime.min.replace(tzinfo=UTC)
_BUNDLES, _SMALL = 8, 16 << 20  # more bundles of less than so many bytes are made one
_AT_ONCE = 32  # data files that are looked through at a time: what was found out about them is in memory
_ROW_GROUP = 100_000
_GRACE = timedelta(days=1)  # somebody may still read a bundle that counts no more
# The view with the events of one part of the window in the place of all.
_PART = "with events_by_file as (select * from lake.events_by_file where {part}) select * from ({sql})"
_PARTS = ("eventTime < $since", "eventTime between $since and $until", "eventTime > $until")


def refresh(lake: Lake) -> int:
    """Looks through the data files that are new, which otherwise the next case would do; how many there were."""
    from pipeline.catalog import Catalog
    from pipeline.engines.duckdb import connect

    with connect(lake) as engine:
        Catalog.unchecked("investigate", VIEWS).install_views(engine)
        return prepare(engine, _FIRST, datetime.max.replace(tzinfo=UTC) - timedelta(days=1))


def forget(lake: Lake) -> None:
    """Takes what is known of data files that are gone out of the bundles: what left the lake is told nowhere.

    Bundles that count no more go at once, so that whoever is just reading one has to begin again.
    """
    from pipeline.catalog import Catalog
    from pipeline.engines.duckdb import connect

    with connect(lake) as engine:
        Catalog.unchecked("investigate", VIEWS).install_views(engine)
        for name in VIEWS:
            if engine.plan and engine.plan.storage:
                _Shelf(engine.plan.storage, name, engine.views[name]).forget(engine, engine.plan.files["events"][1:])


def prepare(engine: Engine, since: datetime, until: datetime) -> int:
    """Makes the views of this engine cheap, and cuts their rows at the window's ends.

    So a row lies wholly before, in or after the window. The engine serves one case from then on. Returns how many
    data files were new.
    """
    return max(_prepare(engine, name, since, until) for name in VIEWS)


def _prepare(engine: Engine, name: str, since: datetime, until: datetime) -> int:
    sql, plan = engine.views[name], engine.plan
    every = set() if plan is None else set(plan.files["events"][1:])
    cut = _straddling(plan, since, until) if plan else set()
    parts: list[str] = []
    new = 0
    if plan is not None and plan.storage is not None and every > cut:
        parts, new = _kept(engine, _Shelf(plan.storage, name, sql), every - cut)
    if cut or not parts:
        with engine.reading(cut):
            pieces = [engine.query(_PART.format(part=each, sql=sql), _window(since, until)) for each in _PARTS]
        engine.register(f"{name}_cut", pa.concat_tables(pieces))
        parts.append(f"select * from {name}_cut")
    engine.create_view(name, "\nunion all by name\n".join(parts))
    return new


def _window(since: datetime, until: datetime) -> dict[str, datetime]:
    return {"since": since, "until": until}


def _straddling(plan: Plan, since: datetime, until: datetime) -> set[str]:
    """The event files that may have rows on both sides of an end of the window."""
    moment = timedelta(microseconds=1)
    before = set(plan.holding(None, since - moment)) if since > _FIRST else set()
    inside = set(plan.holding(since, until))
    after = set(plan.holding(shifted(until, moment), None))
    return (before & inside) | (inside & after) | (before & after)


def _kept(engine: Engine, shelf: _Shelf, wanted: set[str]) -> tuple[list[str], int]:
    """SELECTs that give the rows of the files `wanted`, and of how many the rows had to be found out.

    Those are put on the shelf.
    """
    selects = []
    bundles = shelf.bundles(wanted)
    fresh = sorted(wanted - {each for files in bundles.values() for each in files})
    if fresh:
        content = _bundle(_found_out(engine, shelf, fresh))
        if name := shelf.put(content):
            bundles[name] = fresh
            bundles = shelf.use(engine, bundles, wanted)
        else:
            engine.register(f"{shelf.name}_fresh", pq.read_table(io.BytesIO(content)))
            selects.append(f"select * from {shelf.name}_fresh")
    if bundles:
        engine.con.execute(f"set variable {shelf.name} = $paths", {"paths": sorted(bundles)})
        engine.con.execute(f"set variable {shelf.name}_of = $files", {"files": sorted(wanted)})
        exact = wanted.issuperset(each for files in bundles.values() for each in files)
        kept = f"select * from read_parquet(getvariable('{shelf.name}'), hive_partitioning = false)"
        only = "" if exact else f" where file in (select unnest(getvariable('{shelf.name}_of')))"
        selects.append(kept + only)
    return selects, len(fresh)


def _found_out(engine: Engine, shelf: _Shelf, files: list[str]) -> Iterator[pa.Table]:
    """The rows about these files, of some of them at a time."""
    for start in range(0, len(files), _AT_ONCE):
        with engine.reading(files[start : start + _AT_ONCE]):
            yield engine.query(f"select * from ({shelf.sql}) order by {VIEWS[shelf.name]}")


def _bundle(pieces: Iterable[pa.Table]) -> bytes:
    """The pieces as one Parquet file."""
    content = io.BytesIO()
    writer: pq.ParquetWriter | None = None
    for piece in pieces:
        writer = writer or pq.ParquetWriter(content, piece.schema, compression="zstd")
        writer.write_table(piece, row_group_size=_ROW_GROUP)
    if writer:
        writer.close()
    return content.getvalue()


@dataclass(frozen=True)
class _Shelf:
    """The folder of bundles. Whoever loses a race to write the index only has its bundle found out once more."""

    storage: Storage
    name: str
    sql: str

    @property
    def folder(self) -> str:
        return f"{self.storage.root}/{self.name}"

    @property
    def _mark(self) -> str:
        """Rows that another form of the view gave, or another DuckDB with a hash function of its own, do not count."""
        return hashlib.sha256(f"{duckdb.__version__} {self.sql}".encode()).hexdigest()

    def bundles(self, wanted: set[str]) -> dict[str, list[str]]:
        """The bundles that tell of any of these files, each with all the files that it is about."""
        return {path: files for path, files in self._listed().items() if wanted & set(files)}

    def _listed(self) -> dict[str, list[str]]:
        """Every bundle that counts."""
        try:
            index: dict[str, Any] = json.loads(self.storage.get(f"{self.folder}/{_INDEX}"))
            if index["mark"] != self._mark:
                return {}
            found = {f"{self.folder}/{name}": files for name, files in index["bundles"].items()}
            return {path: list(files) for path, files in found.items() if self._whole(path)}
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return {}

    def _whole(self, path: str) -> bool:
        """Whether the bundle is there to its end: a power failure may leave less of a file in a folder."""
        if self.storage.remote:
            return self.storage.exists(path)
        with suppress(OSError, pa.ArrowInvalid):
            pq.read_metadata(path)
            return True
        return False

    def put(self, content: bytes) -> str | None:
        """Puts a bundle on the shelf; its path, None where nothing can be written there."""
        path = f"{self.folder}/{uuid.uuid4().hex}.parquet"
        with suppress(OSError, LakeError):
            self.storage.put(path, content)
            return path
        return None

    def use(self, engine: Engine, bundles: dict[str, list[str]], wanted: set[str]) -> dict[str, list[str]]:
        """Has these bundles count; gives them. Many small ones become one, without what is gone."""
        with suppress(OSError, LakeError):
            small = [path for path in bundles if self.storage.size(path) < _SMALL]
            if len(small) > _BUNDLES:
                bundles = self._merged(engine, bundles, small, wanted)
            self._list(bundles)
            self._sweep(bundles, _GRACE)
        return bundles

    def _list(self, bundles: dict[str, list[str]]) -> None:
        listed = {path.rpartition("/")[2]: each for path, each in bundles.items()}
        self.storage.put(f"{self.folder}/{_INDEX}", json.dumps({"mark": self._mark, "bundles": listed}).encode())

    def forget(self, engine: Engine, there: list[str]) -> None:
        """Leaves only bundles, and rows in them, about files that are there."""
        if not any(True for _ in self.storage.files(self.folder)):
            return
        bundles = self._listed()
        for path, files in list(bundles.items()):
            if not set(files) <= set(there):
                bundles = self._merged(engine, bundles, [path], set(there))
        bundles = {path: files for path, files in bundles.items() if set(files) <= set(there) and files}
        self._list(bundles)
        self._sweep(bundles, timedelta(0))

    def _merged(
        self, engine: Engine, bundles: dict[str, list[str]], small: list[str], wanted: set[str]
    ) -> dict[str, list[str]]:
        files = sorted({each for path in small for each in bundles[path]} & wanted)
        sql = f"""
        select * from read_parquet($small, hive_partitioning = false)
        where file in (select unnest($files)) order by {VIEWS[self.name]}
        """
        path = self.put(_bundle([engine.query(sql, {"small": small, "files": files})]))
        rest = {each: about for each, about in bundles.items() if each not in small}
        return rest | {path: files} if path else bundles

    def _sweep(self, bundles: dict[str, list[str]], grace: timedelta) -> None:
        """Deletes bundles that count no more and are older than `grace`, when nobody can be reading them."""
        names = {_INDEX, *(path.rpartition("/")[2] for path in bundles)}
        for each in self.storage.files(self.folder):
            if datetime.now(UTC) - each.modified > grace and each.path.rpartition("/")[2] not in names:
                self.storage.delete(each.path)
