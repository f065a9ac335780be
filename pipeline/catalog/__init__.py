"""The catalogue of questions: finds, checks, lists and runs the files of `queries/`.

A question is one SQL file with a header (`pipeline.catalog.header`); its id is its path, so adding one is adding a
file and moving one is renaming it. Files in `queries/views` are the tables that questions are asked of.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any

import pyarrow as pa

from pipeline.catalog import checks, header
from pipeline.catalog.header import Query
from pipeline.catalog.params import Param
from pipeline.engines import parse
from pipeline.engines.duckdb import Engine, over
from pipeline.errors import QueryError, UsageError

__all__ = ["Catalog", "Param", "Query"]


def home() -> Path:
    """The folder of the project's questions: beside the package, in a checkout and in a wheel alike."""
    return Path(__file__).parents[2] / "queries"


@dataclass(frozen=True)
class Catalog:
    """The questions of a folder by id (`anomalies/root_use`, `views/events`), and its views in the order they build."""

    queries: dict[str, Query]
    views: list[Query]

    @classmethod
    def load(cls, folder: Path | str | None = None, within: str | Iterable[str] = "") -> Catalog:
        """All questions below `folder`, checked; raises QueryError for the first that is at fault.

        `within` names a part of it that is enough, such as `views`, or several, since checking all takes longer than
        many a report.
        """
        folder = Path(folder) if folder is not None else home()
        if not folder.is_dir():
            raise UsageError(folder, "no such folder", "name a folder of questions")
        parts = [within] if isinstance(within, str) else within
        paths = sorted(path for part in parts for path in (folder / part).rglob("*.sql"))
        return _checked(tuple((header.stem(path, folder), *_text(path, folder)) for path in paths))

    @classmethod
    def around(cls, identity: str) -> Catalog:
        """The project's views and the folder of one question; all of it where there is no such question, so that
        `get` can name the near ones."""
        folder = identity.partition("/")[0]
        if folder in {each.name for each in home().iterdir()}:
            found = cls.load(within={"views", folder})
            if identity in found.queries:
                return found
        return cls.load()

    @classmethod
    def unchecked(cls, within: str, views: Iterable[str]) -> Catalog:
        """The project's own questions of one folder, and the named views with those that they build on.

        For who has them asked at once, and cannot wait for checks that the tests have made: a fault that somebody's
        edit brought in is told when the question is asked.
        """
        found = [_of(path, home()) for path in sorted((home() / within).rglob("*.sql"))]
        named: dict[str, Query] = {}
        with over({}) as engine:
            left = list(views)
            while left:
                name = left.pop()
                path = home() / "views" / f"{name}.sql"
                if name not in named and path.is_file():
                    named[name] = _of(path, home())
                    left += parse.tables(engine.con, named[name].sql)
            ordered = _in_order(engine, list(named.values()))
        return cls({each.id: each for each in (*found, *ordered)}, ordered)

    def get(self, identity: str) -> Query:
        """The question of this id; raises UsageError with the nearest ids."""
        if identity in self.queries:
            return self.queries[identity]
        near = difflib.get_close_matches(identity, self.queries, 3, 0.5)
        near += [each for each in self.queries if each.rpartition("/")[2] == identity and each not in near]
        remedy = f"did you mean {' or '.join(near)}?" if near else "see trailsift list"
        raise UsageError(identity, "there is no such question", remedy)

    def install_views(self, engine: Engine) -> None:
        """Makes `events`, `usage`, `principals` … on an engine."""
        for each in self.views:
            engine.create_view(each.name, each.sql, each.path)

    def run(
        self, engine: Engine, identity: str, given: dict[str, str] | None = None, as_of: datetime | None = None
    ) -> pa.Table:
        """The rows of a question; `given` are parameters as text, relative times count back from `as_of`.

        `as_of` defaults to the newest event in the lake. Raises UsageError for an unknown id or a wrong parameter.
        """
        query = self.get(identity)
        if not engine.views:
            self.install_views(engine)
        moment = as_of or engine.as_of() or datetime.now(UTC)
        return engine.query(query.sql, self.values(query, given or {}, moment), query.path)

    def values(self, query: Query, given: dict[str, str], as_of: datetime) -> dict[str, Any]:
        """The typed parameters with which `run` would ask; raises UsageError."""
        return header.values(query, given, as_of)


def _of(path: Path, folder: Path) -> Query:
    return _read(header.stem(path, folder), *_text(path, folder))


def _text(path: Path, folder: Path) -> tuple[str, str]:
    """The file's name as errors show it, and what it holds."""
    shown = f"{folder.name}/{header.stem(path, folder)}.sql"
    try:
        return shown, path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise QueryError(shown, f"cannot be read ({error})", "mend the file") from None


@lru_cache(maxsize=16)
def _checked(files: tuple[tuple[str, str, str], ...]) -> Catalog:
    """The catalogue of files given by id, shown name and text.

    Kept, since one run asks for the same views several times and binding them costs more than reading the files,
    which is done each time: a file that was edited is another text.
    """
    found = [_read(*each) for each in files]
    with over({}) as engine:
        views = _in_order(engine, [each for each in found if each.kind == "view"])
        for each in views:
            checks.check(each, engine)
            engine.create_view(each.name, each.sql, each.path)
        for each in found:
            if each.kind == "query":
                checks.check(each, engine)
    return Catalog({each.id: each for each in found}, views)


def _read(identity: str, shown: str, text: str) -> Query:
    query = header.read(text, identity, shown)
    expected = "view" if identity.startswith("views/") else "query"
    if query.kind != expected:
        raise QueryError(query.place("start"), f"a {query.kind} stands where a {expected} belongs", "move the file")
    return query


def _in_order(engine: Engine, views: list[Query]) -> list[Query]:
    """The views so that each comes after those it reads from."""
    by_name = {each.name: each for each in views}
    needs = {}
    for name, each in by_name.items():
        parse.statement(engine.con, each.sql, each.path)
        needs[name] = (parse.tables(engine.con, each.sql) & set(by_name)) - {name}
    try:
        return [by_name[name] for name in TopologicalSorter(needs).static_order()]
    except CycleError as error:
        names = error.args[1]
        problem = f"views read each other: {' → '.join(names)}"
        raise QueryError(by_name[names[0]].place("start"), problem, "let one of them read the raw table") from None
