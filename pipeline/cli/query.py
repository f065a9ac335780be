"""`trailsift query ID|SQL|FILE`: the rows of a question, a statement, or a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from pipeline.cli.context import current

if TYPE_CHECKING:
    import pyarrow as pa

    from pipeline.catalog import Catalog
    from pipeline.engines.duckdb import Engine


def register(app: typer.Typer) -> None:
    """Adds the verb."""
    app.command("query", help="Answer a question: its id, an SQL text, or an SQL file.")(query)


def query(
    what: str = typer.Argument(
        ..., help="Id of a question, a SELECT, or a file that holds one.", metavar="ID|SQL|FILE"
    ),
    param: list[str] = typer.Option([], "-p", "--param", help="A parameter; repeat for more.", metavar="NAME=VALUE"),
    output: str = typer.Option("table", "-o", "--output", help="table, csv, json, ndjson or parquet."),
    file: Path = typer.Option(None, "-O", "--output-file", help="Write there instead of to stdout.", metavar="FILE"),
    timeout: float = typer.Option(60, "--timeout", help="Seconds that own SQL may take.", min=0.01),
    max_rows: int = typer.Option(10_000, "--max-rows", help="Rows that own SQL may give.", min=1),
) -> None:
    """Questions of the catalogue run as they are. Own SQL, typed or from a file, is one SELECT over the lake's views
    (events, usage, principals, sessions, cloudtrail_logs …); it reads nothing else and changes nothing.
    """
    from pipeline import export
    from pipeline.catalog import Catalog
    from pipeline.engines.duckdb import connect

    export.known(output)
    given = _pairs(param)
    catalog = Catalog.load(within="views") if _words(what) else Catalog.around(what)
    identity, sql = _target(what, catalog)
    with connect(current.lake()) as engine:
        catalog.install_views(engine)
        if identity is not None:
            rows = _ask(engine, catalog, identity, given)
        else:
            rows = _own(engine, what, sql, given, timeout, max_rows)
    current.say(f"{rows.num_rows:,} rows")
    current.show(rows, output, file=file)


def _pairs(param: list[str]) -> dict[str, str]:
    from pipeline.errors import UsageError

    for each in param:
        if "=" not in each:
            raise UsageError(f"-p {each}", "has no value", "write -p NAME=VALUE")
    return {name.strip(): value for name, _, value in (each.partition("=") for each in param)}


def _words(what: str) -> bool:
    """Whether it is neither an id nor a file's name but an SQL text."""
    return not what.endswith(".sql") and any(each.isspace() for each in what.strip())


def _target(what: str, catalog: Catalog) -> tuple[str | None, str]:
    """The id that `what` names, or else the SQL it is or holds."""
    from pipeline.catalog import home
    from pipeline.errors import UsageError

    if what in catalog.queries:
        return what, ""
    if not what.endswith(".sql"):
        if _words(what):
            return None, what
        catalog.get(what)  # raises, with the nearest ids
    path = Path(what)
    if path.resolve().is_relative_to(home()):
        return path.resolve().relative_to(home()).with_suffix("").as_posix(), ""
    try:
        return None, path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(path, f"cannot be read ({error})", "name a file that holds a SELECT") from None


def _ask(engine: Engine, catalog: Catalog, identity: str, given: dict[str, str]) -> pa.Table:
    from pipeline.cli.window import as_of, say
    from pipeline.errors import UsageError

    found = catalog.get(identity)
    moment = as_of(engine)
    if found.kind == "view":
        if given:
            raise UsageError(identity, "a view has no parameters", "leave out -p")
        return engine.query(f"select * from {found.name} order by all", place=found.path)
    values = catalog.values(found, given, moment)
    since = values.get("since")
    say(engine, None if since is not None and since.year == 1 else since, values.get("until") or moment, moment)
    return catalog.run(engine, identity, given, moment)


def _own(engine: Engine, what: str, sql: str, given: dict[str, str], timeout: float, max_rows: int) -> pa.Table:
    from datetime import UTC, datetime

    from pipeline.catalog import header

    place = what if sql is not what else "sql"
    bound: dict[str, object] = dict(given)
    if sql is not what and header.present(sql):
        moment = engine.as_of() or datetime.now(UTC)
        bound = header.values(header.read(sql, place, place), given, moment)
    answer = engine.adhoc(sql, timeout, max_rows, bound, place)
    if answer.truncated:
        current.say(f"only the first {max_rows:,} rows are shown; give --max-rows for more")
    return answer.table
