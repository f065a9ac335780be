"""Ad-hoc SQL: what must be refused, each tried on a lake, and that nothing of it leaves a trace."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.catalog import Catalog
from pipeline.engines.duckdb import Engine, connect
from pipeline.errors import QueryError
from tests.lakes import make_lake

SECRET = "the-secret-of-another-file"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("adhoc")
    (path / "secret.csv").write_text(f"a,b\n1,{SECRET}\n")
    (path / "secret.json").write_text(f'[{{"a": "{SECRET}"}}]')
    return path


@pytest.fixture(scope="module")
def engine(folder: Path) -> Iterator[Engine]:
    records = [{"eventID": f"e{n}", "eventTime": f"2026-03-01T10:00:{n:02}Z", "eventName": "X"} for n in range(5)]
    with connect(make_lake(folder / "lake", records)) as opened:
        Catalog.load().install_views(opened)
        yield opened


def state(folder: Path) -> dict[str, tuple[int, int]]:
    return {str(each): (each.stat().st_size, each.stat().st_mtime_ns) for each in folder.rglob("*") if each.is_file()}


READS_ELSEWHERE = [
    "select * from '{secret}.csv'",
    'select * from "{secret}.csv"',
    "select * from read_text('{secret}.csv')",
    "select * from read_blob('{secret}.csv')",
    "select * from read_csv('{secret}.csv')",
    "select * from read_csv_auto('{secret}.csv')",
    "select * from read_json('{secret}.json')",
    "select * from read_ndjson('{secret}.json')",
    "select * from sniff_csv('{secret}.csv')",
    "select * from read_parquet('{secret}.csv')",
    "select * from parquet_metadata('{data}')",
    "select * from read_blob('{data}')",
    "select * from glob('/etc/*')",
    "select * from glob('{folder}/*')",
    "select * from query('select * from read_text(''{secret}.csv'')')",
    "select * from query_table('{secret}.csv')",
    "select * from json_execute_serialized_sql(json_serialize_sql('select * from read_text(''{secret}.csv'')'))",
    "with x as (select * from read_text('{secret}.csv')) select * from x",
    "select (select content from read_text('{secret}.csv'))",
    "select * from lake.events where exists (select 1 from read_text('{secret}.csv'))",
    "describe select * from read_csv('{secret}.csv')",
    "summarize select * from read_csv('{secret}.csv')",
    "select * from read_csv('https://example.com/x.csv')",
    "select * from 'http://127.0.0.1:1/x.parquet'",
    "select * from 's3://bucket/x.parquet'",
    "select * from read_duckdb('{folder}/x.duckdb')",
    "select getenv('HOME')",
]
SETTINGS = [
    "select current_setting('temp_directory')",
    "select system.main.current_setting('temp_directory')",
    "select getvariable('files_events')",
    "select * from duckdb_settings()",
    "select * from duckdb_secrets()",
    "select * from duckdb_variables()",
    "select * from duckdb_logs()",
    "select * from pg_settings",
    "select * from pg_catalog.pg_settings",
    "select * from duckdb_views",
    "select * from which_secret('s3://x', 's3')",
    "select * from enable_logging()",
    "select * from enable_profiling()",
    "select * from add_grammar_extension('x')",
    "select * from pragma_database_size()",
    "select write_log('x')",
]
OTHER_STATEMENTS = [
    "set memory_limit = '100GB'",
    "set lock_configuration = false",
    "reset enable_external_access",
    "set variable a = 1",
    "pragma database_list",
    "pragma enable_profiling",
    "call pragma_version()",
    "attach '{folder}/x.duckdb'",
    "detach memory",
    "copy lake.events to '{folder}/out.csv'",
    "copy (select 1) to '{data}' (format parquet)",
    "export database '{folder}/out'",
    "import database '{folder}/out'",
    "install httpfs",
    "load httpfs",
    "create table x as select 1",
    "create or replace view events as select 1",
    "create macro f() as 1",
    "create secret s (type s3)",
    "drop view events",
    "insert into lake.events select * from lake.events",
    "delete from lake.events",
    "update lake.events set eventID = 'x'",
    "explain select 1",
    "explain analyze select 1",
    "begin",
    "use lake",
    "checkpoint",
    "vacuum",
    "prepare p as select 1",
    "execute p",
    "pivot events on eventName",
    "select 1; select 2",
    "select 1; drop view events",
    "",
    "-- nothing",
    "select",
]
WRITES_IN_A_SELECT = [
    "with x as (copy (select 1 as a) to '{data}' (format parquet, use_tmp_file false)) select 1",
    "with x as (copy (select 1 as a) to '{folder}/out.csv' (use_tmp_file false)) select * from x",
    "with x as (copy lake.events to '{folder}/out.parquet') select 1",
    "select * from (with x as (copy (select 1) to '{data}' (use_tmp_file false)) select 1)",
    "describe (with x as (copy (select 1) to '{data}' (use_tmp_file false)) select 1)",
    "select * from query('with x as (copy (select 1) to ''{data}'' (use_tmp_file false)) select 1')",
    "from json_execute_serialized_sql(json_serialize_sql('with x as (copy (select 1) to ''{data}'') select 1'))",
    "with x as (insert into lake.events select * from lake.events returning *) select * from x",
    "with x as (update lake.events set eventID = 'x' returning *) select * from x",
    "with x as (delete from lake.events returning *) select * from x",
    "with recursive x as (copy (select 1) to '{data}' (use_tmp_file false)) select 1",
]


@pytest.mark.parametrize("sql", READS_ELSEWHERE + SETTINGS + OTHER_STATEMENTS + WRITES_IN_A_SELECT)
def test_is_refused_without_a_trace(engine: Engine, folder: Path, sql: str) -> None:
    assert engine.plan is not None
    places = {"secret": folder / "secret", "folder": folder, "data": engine.plan.files["events"][1]}
    before, environment = state(folder), dict(os.environ)
    with pytest.raises(QueryError) as caught:
        engine.adhoc(sql.format(**places), timeout=5)
    assert SECRET not in str(caught.value)
    assert str(caught.value).startswith("sql")
    assert "\n" not in str(caught.value)
    assert state(folder) == before
    assert dict(os.environ) == environment
    assert engine.query("select count(*) as n from events")["n"].to_pylist() == [5]


@pytest.mark.parametrize(
    "sql",
    [
        *(
            "select * from '{secret}.csv'",
            "select * from read_text('{secret}.csv')",
            "select * from glob('{folder}/*')",
        ),
        *("select * from read_csv('http://127.0.0.1:1/x')", "select * from read_blob('{data}/../../../../secret.csv')"),
        *("copy (select 1) to '{folder}/out.csv'", "attach '{folder}/x.duckdb'", "install httpfs", "load httpfs"),
        *("set lock_configuration = false", "set enable_external_access = true", "set allowed_paths = ['/']"),
        *("set temp_directory = '/'", "set memory_limit = '900GB'", "set errors_as_json = false"),
    ],
)
def test_the_locked_database_refuses_by_itself(engine: Engine, folder: Path, sql: str) -> None:
    """DuckDB's own locks, with our reading of the parse tree out of the way."""
    assert engine.plan is not None
    places = {"secret": folder / "secret", "folder": folder, "data": engine.plan.files["events"][1]}
    with Engine(engine.plan, {}) as locked:
        locked.allow_only_own_files()
        with pytest.raises(Exception, match=r"(?i)permission|locked|catalog|cannot|disabled") as caught:
            locked.con.execute(sql.format(**places)).fetchall()
        assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    "sql",
    [
        "select 1",
        "from events",
        "values (1), (2)",
        "table events",
        "describe events",
        "summarize usage",
        "show tables",
        "with recursive t(n) as (select 1 union all select n + 1 from t where n < 5) select * from t",
        "select * from events, unnest([1, 2]) as u(x)",
        "select * from generate_series(1, 3)",
        "select k.key from events, json_each('{\"a\": 1}') as k",
        "pivot events on eventName in ('X') using count(*) group by awsRegion",
        "select eventName, count(*) over () from events qualify row_number() over () = 1",
        "select * from cloudtrail_logs where eventtime >= '2026-03-01T10:00:01Z' and readonly is null",
        "select list_transform([1, 2], lambda x: x + 1)",
        "select * from information_schema.columns",
        "select 1 union all by name select 2 as b;",
        'select * from main.events join "Principals" using (principal_arn)',
        "with events as (select * from events) select * from events",
    ],
)
def test_reading_is_allowed(engine: Engine, sql: str) -> None:
    assert engine.adhoc(sql, timeout=20).table.num_columns > 0


def test_rows_are_capped_and_said_to_be(engine: Engine) -> None:
    capped = engine.adhoc("select * from range(100000)", max_rows=7)
    assert capped.table.num_rows == 7
    assert capped.truncated
    whole = engine.adhoc("select * from range(7)", max_rows=7)
    assert whole.table.num_rows == 7
    assert not whole.truncated


def test_parameters_are_bound(engine: Engine) -> None:
    answer = engine.adhoc("select eventID from events where eventID = $id", params={"id": "e3"})
    assert answer.table.to_pylist() == [{"eventID": "e3"}]


@pytest.mark.parametrize(
    "sql",
    [
        "select count(*) from range(1000000000000) a, range(1000) b where hash(a.range) = b.range",
        "with recursive t(n) as (select 1 union all select n + 1 from t) select count(*) from t",
        "select levenshtein(repeat('a', 200000), repeat('b', 200000))",
        "select * from range(1000000000000) order by hash(range) limit 1",
    ],
)
def test_time_is_limited(engine: Engine, sql: str) -> None:
    start = time.monotonic()
    with pytest.raises(QueryError, match=r"took longer than 0.3 seconds|Out of Memory"):
        engine.adhoc(sql, timeout=0.3)
    assert time.monotonic() - start < 10
