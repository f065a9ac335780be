"""What must hold for a question before anybody may ask it; all of it is checked without data.

DuckDB binds the statement against the lake's empty tables, so that a wrong name, a parameter that is declared but not
used, or a column that the header forgot is found when the file is loaded, not when an investigator runs it.
"""

from __future__ import annotations

import duckdb

from pipeline.catalog.header import Query
from pipeline.engines import parse
from pipeline.engines.duckdb import Engine
from pipeline.errors import QueryError

# What every anomaly gives: one row an event that stands out. `detail` says why, in words; `baseline` is false on the
# row of a principal whose history is too short to judge, which is told to the reader and raises no finding. A column
# `severity` may grade rows apart from the header's; a finding has the gravest of its rows.
ANOMALY = {
    "eventTime": "TIMESTAMP WITH TIME ZONE",
    "eventID": "VARCHAR",
    "principal_arn": "VARCHAR",
    "account_id": "VARCHAR",
    "awsRegion": "VARCHAR",
    "eventSource": "VARCHAR",
    "eventName": "VARCHAR",
    "detail": "VARCHAR",
    "baseline": "BOOLEAN",
}
# What an anomaly gives whose header has `most`: one row a thing that is unusual of a principal, with points that count
# towards an episode (`pipeline.detect.baselines`). `attribute` and `value` (several: a line each) say which of the
# principal's events between `eventTime` and `until` are meant, as the view `behaviour` names them; the attribute
# `denied` means refused calls, `day` everything.
SCORED = {
    "eventTime": "TIMESTAMP WITH TIME ZONE",
    "until": "TIMESTAMP WITH TIME ZONE",
    "principal_arn": "VARCHAR",
    "account_id": "VARCHAR",
    "attribute": "VARCHAR",
    "value": "VARCHAR",
    "usual": "VARCHAR",
    "unusual": "VARCHAR",
    "class": "VARCHAR",
    "points": "BIGINT",
}
ANOMALY_PARAMS = {"since": "timestamp", "until": "timestamp"}


def check(query: Query, engine: Engine) -> None:
    """Raises QueryError at the place of the first fault; `engine` has the views the question builds on."""
    statement = parse.statement(engine.con, query.sql, query.path)
    ordered = parse.refuse_more_than_reading(engine.con, query.sql, query.path)
    _params(query, statement)
    if query.kind == "query" and not ordered:
        problem = "the rows come in no order"
        raise QueryError(query.place("end"), problem, "end the statement with order by: a report must repeat")
    given = engine.columns(query.sql, {name: each.example for name, each in query.params.items()}, query.path)
    _columns(query, given)
    if query.id.startswith("anomalies/"):
        _anomaly(query, given)


def _params(query: Query, statement: duckdb.Statement) -> None:
    used = statement.named_parameters
    for name in query.params:
        if name not in used:
            place = query.place(f"params.{name}")
            raise QueryError(place, f"the parameter {name} is declared but not used", f"use ${name}, or strike it")
    for name in sorted(used - set(query.params)):
        offset = parse.parameter(query.sql, name)
        line, column = parse.where(query.sql, offset)
        place = f"{query.path}:{line}:{column}"
        raise QueryError(place, f"the parameter {name} is not declared", f"add [params.{name}] to the header")


def _columns(query: Query, given: dict[str, str]) -> None:
    for name in query.columns:
        if name not in given:
            place = query.place(f"columns.{name}")
            raise QueryError(place, f"the column {name} is declared but not given", f"it gives {', '.join(given)}")
    missing = [name for name in given if name not in query.columns]
    if missing and (query.kind == "query" or query.columns):
        place = query.place("columns", "end")
        raise QueryError(place, f"the column {missing[0]} is not declared", f'add {missing[0]} = "…" to [columns]')


def _anomaly(query: Query, given: dict[str, str]) -> None:
    contract = ANOMALY if query.most is None else SCORED
    for name, kind in contract.items():
        if given.get(name) != kind:
            problem = f"an anomaly gives {name} as {kind}, this one {given.get(name, 'does not')}"
            raise QueryError(query.place(f"columns.{name}", "columns"), problem, f"it gives {', '.join(contract)}")
    for name, kind in ANOMALY_PARAMS.items():
        if name not in query.params or query.params[name].type != kind:
            problem = f"an anomaly has a parameter {name} of type {kind}"
            raise QueryError(query.place(f"params.{name}.type", "end"), problem, f"add [params.{name}]")
    if query.severity is None and query.most is None:
        raise QueryError(query.place("start"), "an anomaly has a severity", 'write severity = "medium"')
