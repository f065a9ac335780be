"""What an SQL text asks for, read from DuckDB's own parse tree, never from the text.

Used to find the views a view needs, and to refuse ad-hoc statements that are of type SELECT and still do more
than read: DuckDB 2.0 takes `with x as (copy … to 'file') select …` for a SELECT, and runs the COPY.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import duckdb

from pipeline.errors import QueryError

# Query nodes that only read; INSERT, UPDATE, DELETE and COPY inside a WITH clause have nodes of their own.
_READS = {"SELECT_NODE", "SET_OPERATION_NODE", "RECURSIVE_CTE_NODE", "CTE_NODE"}
# Functions in FROM that make or unfold values. All others read files, settings, or run SQL that is hidden in a text.
_TABLE_FUNCTIONS = {"unnest", "range", "generate_series", "json_each", "json_tree", "histogram", "histogram_values"}
_FORBIDDEN_FUNCTIONS = {"current_setting", "getvariable", "getenv", "write_log", "set_config"}
_OWN_CATALOGUE = ("duckdb_", "pragma_", "pg_", "sqlite_")
_EXPLAIN = "explain "
_REMEDY = "ask the views events, usage, principals, sessions, cloudtrail_logs …; see trailsift list views"


def where(sql: str, offset: int) -> tuple[int, int]:
    """Line and column, from 1, of a byte offset that DuckDB reports; columns count characters."""
    before = sql.encode()[:offset].decode(errors="replace")
    return before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1


def fault(
    error: Exception,
    sql: str,
    place: str,
    con: duckdb.DuckDBPyConnection | None = None,
    bound: dict[str, Any] | None = None,
) -> QueryError:
    """A DuckDB error as ours; its place gains line and column where DuckDB says which (`errors_as_json` is set).

    Given the connection, asks again by EXPLAIN where the error has no position, as a relation's has none.
    """
    kind, details, offset = _details(error, 0)
    if con is not None and "position" not in details:
        try:
            con.execute(f"{_EXPLAIN}{sql}", bound or None)
        except duckdb.Error as again:
            kind, details, offset = _details(again, len(_EXPLAIN))
    if "position" in details:
        place = _at(place, sql, max(int(details["position"]) - offset, 0))
    message = " ".join(str(details.get("exception_message") or error).split()).removeprefix(f"{kind}: ")
    return QueryError(place, f"{kind}: {message}", _remedy(error))


def _details(error: Exception, offset: int) -> tuple[str, dict[str, Any], int]:
    kind, _, rest = str(error).partition(": ")
    try:
        details = json.loads(rest)
    except ValueError:
        details = {}
    return kind, details if isinstance(details, dict) else {}, offset


def _remedy(error: Exception) -> str:
    if isinstance(error, duckdb.OutOfMemoryException):
        return "narrow the window or the columns; DuckDB may use half of this machine's memory"
    return ""


def statement(con: duckdb.DuckDBPyConnection, sql: str, place: str) -> duckdb.Statement:
    """The one SELECT in `sql`; raises QueryError for a syntax error, several statements, or another kind."""
    try:
        found = con.extract_statements(sql)
    except duckdb.Error as error:
        raise fault(error, sql, place) from None
    if len(found) != 1:
        offset = _second(sql) if found else len(sql.encode())
        problem = f"holds {len(found)} statements" if found else "holds no statement"
        raise QueryError(_at(place, sql, offset), problem, "write exactly one SELECT")
    if found[0].type != duckdb.StatementType.SELECT:
        kind = found[0].type.name.replace("MULTI", "PIVOT without its values")
        offset = next((each for each, _ in _tokens(sql)), 0)
        raise QueryError(_at(place, sql, offset), f"the statement is {kind}, not SELECT", "write exactly one SELECT")
    return found[0]


def parameter(sql: str, name: str) -> int:
    """Byte offset of the first `$name` in `sql`; 0 where it is written in another way."""
    raw = sql.encode()
    return next((each for each, _ in _tokens(sql) if raw[each:].startswith(b"$" + name.encode())), 0)


def _tokens(sql: str) -> list[tuple[int, str]]:
    """Byte offsets of all tokens but comments."""
    found = duckdb.tokenize(sql)
    return [(offset, kind.name) for offset, kind in found if kind.name != "comment"]


def _keyword(sql: str, word: str) -> int:
    """Where a keyword first stands; the statement's begin where it does not."""
    raw = sql.encode().upper()
    offsets = [offset for offset, _ in _tokens(sql)]
    return next((each for each in offsets if raw[each:].startswith(word.encode())), offsets[0])


def _second(sql: str) -> int:
    """Where the second statement begins."""
    offsets = [offset for offset, _ in _tokens(sql)]
    raw = sql.encode()
    ends = [index for index, offset in enumerate(offsets) if raw[offset : offset + 1] == b";"]
    return offsets[ends[0] + 1] if ends and ends[0] + 1 < len(offsets) else 0


def _at(place: str, sql: str, offset: int) -> str:
    line, column = where(sql, offset)
    return f"{place}:{line}:{column}"


def tables(con: duckdb.DuckDBPyConnection, sql: str) -> set[str]:
    """Names of the tables and views of the main schema that `sql` may read, in lower case.

    Names of its own WITH clauses are among them, as `with events as (select … from events)` reads the view too.
    """
    found = (node for node in _nodes(_tree(con, sql)) if node.get("type") == "BASE_TABLE")
    return {str(each["table_name"]).lower() for each in found if str(each.get("schema_name")).lower() in ("", "main")}


def asks_what_there_is(con: duckdb.DuckDBPyConnection, sql: str) -> bool:
    """Whether `sql` lists tables or columns (SHOW, DESCRIBE, information_schema), not only reads them."""
    return any(
        node.get("type") == "SHOW_REF" or str(node.get("schema_name", "")).lower() == "information_schema"
        for node in _nodes(_tree(con, sql))
    )


def refuse_more_than_reading(con: duckdb.DuckDBPyConnection, sql: str, place: str) -> bool:
    """Raises QueryError where the parse tree of a SELECT writes, or reaches for files, settings or hidden SQL.

    Tells whether the statement itself, not only a part of it, ends in an order.
    """
    tree = _tree(con, sql)
    for node in _nodes(tree):
        found = _trespass(node)
        if found:
            offset = node.get("query_location")
            if not isinstance(offset, int) or offset > len(sql.encode()):  # DuckDB's mark for "nowhere"
                offset = _keyword(sql, found.split()[0])
            raise QueryError(_at(place, sql, offset), found, _REMEDY)
    modifiers = tree["statements"][0]["node"].get("modifiers") or []
    return any(each.get("type") == "ORDER_MODIFIER" for each in modifiers)


def _trespass(node: dict[str, Any]) -> str | None:
    kind = str(node.get("type", ""))
    if kind.endswith("_NODE") and kind not in _READS:
        return f"{kind.split('_')[0]} inside a SELECT is not allowed"
    if kind == "TABLE_FUNCTION":
        name = str((node.get("function") or {}).get("function_name", "")).lower()
        return None if name in _TABLE_FUNCTIONS else f"the table function {name} is not allowed"
    if node.get("class") == "FUNCTION" and str(node.get("function_name", "")).lower() in _FORBIDDEN_FUNCTIONS:
        return f"the function {node['function_name']} is not allowed"
    if kind == "BASE_TABLE":
        schema = str(node.get("schema_name", "")).lower()
        catalog = str(node.get("catalog_name", "")).lower()
        name = str(node.get("table_name", "")).lower()
        if schema == "pg_catalog" or catalog == "system" or (not schema and name.startswith(_OWN_CATALOGUE)):
            return f"the engine's own catalogue ({name}) is not allowed"
    return None


def _tree(con: duckdb.DuckDBPyConnection, sql: str) -> Any:
    rows = con.execute("select json_serialize_sql($sql)", {"sql": sql}).fetchall()
    tree = json.loads(rows[0][0])
    if tree.get("error"):
        raise QueryError("query", str(tree.get("error_message")), "write exactly one SELECT")
    return tree


def _nodes(tree: Any) -> Iterator[dict[str, Any]]:
    """Every object of the tree; iterative, as an expression may nest deeper than Python recurses."""
    queue = [tree]
    while queue:
        node = queue.pop()
        if isinstance(node, dict):
            yield node
            queue.extend(node.values())
        elif isinstance(node, list):
            queue.extend(node)
