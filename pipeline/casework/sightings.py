"""Who was seen where, and named what: the views `sightings`, `touches` and `mentions`, kept beside the lake, so that a
case reads only the files that matter.

A row of `sightings` says that a principal was seen with a key, from an address, with a program …, in one data file.
There are many times fewer of them than events, and they tell in which files the events of a seed are, and who else
came from the same place. A row of `touches` counts how often such a one named a resource. Data files never change, so
that what was found out about one holds for good; a file that is new, as each is after an ingest or a compaction, is
read by whoever investigates next. A folder that cannot be written is only read, and pays for that each time.
`mentions` is kept by who looks ahead alone: to search a new file for one name costs less than to note all its names.

`DIR/sightings/index.json`, `DIR/touches/index.json` … name the bundles (Parquet) that count, and the data files that
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
from itertools import accumulate, takewhile
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
# Views that each case needs, and all that are kept -> order of the rows in a bundle: readers skip those of others.
VIEWS = {"sightings": "file", "touches": "principal_arn, file, who"}
KEPT = VIEWS | {"mentions": "word, file"}
# Numbers that ascend are kept as what lies between them.
_ENCODED = {"word": "DELTA_BINARY_PACKED", "rows.list.element": "DELTA_BINARY_PACKED"}
_SETTINGS: dict[str, dict[str, Any]] = {"mentions": {"use_dictionary": ["file"], "column_encoding": _ENCODED}}
_FIRST = datetime.min.replace(tzinfo=UTC)
_BUNDLES, _SMALL = 8, 16 << 20  # more bundles of less than so many bytes are made one
_AT_ONCE = 96 << 20  # bytes of data files that are looked through at a time: what is found out about them is in memory
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
        Catalog.unchecked("investigate", KEPT).install_views(engine)
        found = [prepare(engine, _FIRST, datetime.max.replace(tzinfo=UTC) - timedelta(days=1))]
        for name in set(KEPT) - set(VIEWS):
            if (shelf := _shelf(engine, name)) and engine.plan:
                found.append(_kept(engine, shelf, set(engine.plan.files["events"][1:]))[1])
        return max(found)


def noted(engine: Engine, name: str) -> tuple[str, set[str]]:
    """What is kept of a view: a SELECT of its rows, empty for none, and the data files that they are about."""
    shelf, plan = _shelf(engine, name), engine.plan
    if shelf is None or plan is None:
        return "", set()
    wanted = set(plan.files["events"][1:])
    bundles = shelf.bundles(wanted)
    there = wanted & {each for files in bundles.values() for each in files}
    return (_select(engine, shelf, bundles, wanted) if there else ""), there


def forget(lake: Lake) -> None:
    """Takes what is known of data files that are gone out of the bundles: what left the lake is told nowhere.

    Bundles that count no more go at once, so that whoever is just reading one has to begin again.
    """
    from pipeline.catalog import Catalog
    from pipeline.engines.duckdb import connect

    with connect(lake) as engine:
        Catalog.unchecked("investigate", KEPT).install_views(engine)
        for name in KEPT:
            if engine.plan and engine.plan.storage:
                _Shelf(engine.plan.storage, name, engine.views[name]).forget(engine, engine.plan.files["events"][1:])


def prepare(engine: Engine, since: datetime, until: datetime) -> int:
    """Makes the views of this engine cheap, and cuts their rows at the window's ends.

    So a row lies wholly before, in or after the window. The engine serves one case from then on. Returns how many
    data files were new.
    """
    return max(_prepare(engine, name, since, until) for name in VIEWS)


def _prepare(engine: Engine, name: str, since: datetime, until: datetime) -> int:
    sql, plan, shelf = engine.views[name], engine.plan, _shelf(engine, name)
    every = set() if plan is None else set(plan.files["events"][1:])
    cut = _straddling(plan, since, until) if plan else set()
    parts: list[str] = []
    new = 0
    if shelf is not None and every > cut:
        parts, new = _kept(engine, shelf, every - cut)
    if cut or not parts:
        with engine.reading(cut):
            pieces = [engine.query(_PART.format(part=each, sql=sql), _window(since, until)) for each in _PARTS]
        engine.register(f"{name}_cut", pa.concat_tables(pieces))
        parts.append(f"select * from {name}_cut")
    engine.create_view(name, "\nunion all by name\n".join(parts))
    return new


def _shelf(engine: Engine, name: str) -> _Shelf | None:
    storage = engine.plan.storage if engine.plan else None
    return _Shelf(storage, name, engine.views[name]) if storage is not None else None


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
        content = _bundle(shelf, _found_out(engine, shelf, fresh))
        if name := shelf.put(content):
            bundles[name] = fresh
            bundles = shelf.use(engine, bundles, wanted)
        else:
            engine.register(f"{shelf.name}_fresh", pq.read_table(io.BytesIO(content)))
            selects.append(f"select * from {shelf.name}_fresh")
    if bundles:
        selects.append(_select(engine, shelf, bundles, wanted))
    return selects, len(fresh)


def _select(engine: Engine, shelf: _Shelf, bundles: dict[str, list[str]], wanted: set[str]) -> str:
    """SQL that gives what these bundles have about the files `wanted`."""
    engine.con.execute(f"set variable {shelf.name} = $paths", {"paths": sorted(bundles)})
    engine.con.execute(f"set variable {shelf.name}_of = $files", {"files": sorted(wanted)})
    exact = wanted.issuperset(each for files in bundles.values() for each in files)
    kept = f"select * from read_parquet(getvariable('{shelf.name}'), hive_partitioning = false)"
    return kept if exact else f"{kept} where file in (select unnest(getvariable('{shelf.name}_of')))"


def _found_out(engine: Engine, shelf: _Shelf, files: list[str]) -> Iterator[pa.RecordBatch]:
    """The rows about these files, of some of them at a time."""
    while files:
        sizes = accumulate(shelf.storage.size(each) for each in files)
        count = sum(1 for _ in takewhile(lambda size: size <= _AT_ONCE, sizes)) or 1
        some, files = files[:count], files[count:]
        with engine.reading(some):
            yield from engine.batches(f"select * from ({shelf.sql}) order by {KEPT[shelf.name]}", _ROW_GROUP)


def _bundle(shelf: _Shelf, pieces: Iterable[pa.RecordBatch]) -> bytes:
    """The pieces as one Parquet file."""
    content = io.BytesIO()
    writer: pq.ParquetWriter | None = None
    for piece in pieces:
        settings = {"compression": "zstd"} | _SETTINGS.get(shelf.name, {})
        writer = writer or pq.ParquetWriter(content, piece.schema, **settings)
        writer.write_batch(piece, row_group_size=_ROW_GROUP)
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
        where file in (select unnest($files)) order by {KEPT[self.name]}
        """
        path = self.put(_bundle(self, engine.batches(sql, _ROW_GROUP, {"small": small, "files": files})))
        rest = {each: about for each, about in bundles.items() if each not in small}
        return rest | {path: files} if path else bundles

    def _sweep(self, bundles: dict[str, list[str]], grace: timedelta) -> None:
        """Deletes bundles that count no more and are older than `grace`, when nobody can be reading them."""
        names = {_INDEX, *(path.rpartition("/")[2] for path in bundles)}
        for each in self.storage.files(self.folder):
            if datetime.now(UTC) - each.modified > grace and each.path.rpartition("/")[2] not in names:
                self.storage.delete(each.path)
