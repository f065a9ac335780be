"""The catalogue: every question file loads, runs on an empty lake, and broken ones say where they are broken."""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest

from pipeline import catalog
from pipeline.catalog import Catalog, home
from pipeline.engines.duckdb import Engine, over
from pipeline.errors import QueryError, UsageError
from pipeline.records.normalize import to_table

BROKEN = sorted((Path(__file__).parent / "queries" / "broken").glob("*.sql"))
CATALOG = Catalog.load()
_EXPECT = re.compile(r"^-- expect (\d+:\d+: .*)$", re.MULTILINE)


def folder_with(tmp_path: Path, **files: str) -> Path:
    """A folder of questions: `views__x` becomes views/x.sql."""
    (tmp_path / "queries" / "views").mkdir(parents=True)
    for name in ("events", "usage"):
        shutil.copy(home() / "views" / f"{name}.sql", tmp_path / "queries" / "views")
    for name, text in files.items():
        path = tmp_path / "queries" / f"{name.replace('__', '/')}.sql"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path / "queries"


def query(sql: str = "select 1 as a order by 1", columns: str = 'a = "one"', params: str = "") -> str:
    lines = [
        "/// query",
        'title = "x"',
        'question = "y"',
        "[columns]",
        *columns.split("\n"),
        *params.split("\n"),
        "///",
    ]
    return "\n".join(f"-- {each}" for each in lines) + f"\n{sql}\n"


@pytest.fixture
def engine() -> Iterator[Engine]:
    rows = [
        {"eventTime": f"2026-03-{day:02}T00:00:00Z", "eventID": f"e{day}", "eventName": name}
        for day, name in ((1, "A"), (5, "B"), (9, "A"))
    ]
    with over({"events": to_table(rows)}) as opened:
        yield opened


@pytest.mark.parametrize("path", BROKEN, ids=lambda path: path.stem)
def test_a_broken_file_says_where(path: Path, tmp_path: Path) -> None:
    text = path.read_text()
    expected = _EXPECT.search(text)
    assert expected, f"{path} does not say what to expect"
    files = {path.stem: text}
    if "cycle" in path.stem:
        files["views__cycle_b"] = '-- /// view\n-- title = "b"\n-- ///\nselect * from cycle_a\n'
    with pytest.raises(QueryError) as caught:
        Catalog.load(folder_with(tmp_path, **files))
    name = path.stem.replace("__", "/")
    if "cycle" in path.stem:
        assert re.match(r"queries/views/cycle_[ab].sql:1:1: views read each other: cycle", str(caught.value))
    else:
        assert str(caught.value).startswith(f"queries/{name}.sql:{expected[1]}")


def test_loading_is_fast() -> None:
    def spent() -> float:
        catalog._checked.cache_clear()
        start = time.process_time()
        Catalog.load()
        return time.process_time() - start

    assert min(spent() for _ in range(3)) < 0.01 * len(CATALOG.queries) + 0.5


def test_a_file_that_was_edited_is_read_again(tmp_path: Path) -> None:
    folder = folder_with(tmp_path, q=query())
    assert Catalog.load(folder).get("q").title == "x"
    (folder / "q.sql").write_text(query().replace('"x"', '"z"'))
    assert Catalog.load(folder).get("q").title == "z"
    (folder / "q.sql").write_text(query("selec 1"))
    for _ in range(2):
        with pytest.raises(QueryError, match=r"q\.sql:"):
            Catalog.load(folder)


def test_around_a_question_are_the_views_and_its_folder() -> None:
    found = Catalog.around("permissions/unused_passwords")
    assert found.queries.keys() == {each for each in CATALOG.queries if each.startswith(("views/", "permissions/"))}
    assert [each.id for each in found.views] == [each.id for each in CATALOG.views]
    for identity in ("permissions/unused_password", "permission/x", "x", "../queries"):
        assert Catalog.around(identity).queries.keys() == CATALOG.queries.keys(), identity


@pytest.fixture(scope="module")
def empty() -> Iterator[Engine]:
    with over({}) as opened:
        CATALOG.install_views(opened)
        yield opened


@pytest.mark.parametrize("identity", sorted(CATALOG.queries))
def test_every_question_answers_on_an_empty_lake(empty: Engine, identity: str) -> None:
    found = CATALOG.get(identity)
    if found.kind == "view":
        assert empty.query(f'select * from "{found.name}"').num_rows == 0
        return
    given = {name: "x" for name, each in found.params.items() if each.default is None and not each.optional}
    table = CATALOG.run(empty, identity, given, as_of=datetime(2026, 1, 1, tzinfo=UTC))
    assert set(table.column_names) == set(found.columns)


@pytest.mark.parametrize("identity", sorted(CATALOG.queries))
def test_every_question_is_told_in_words(identity: str) -> None:
    found = CATALOG.get(identity)
    assert found.question.endswith("?")
    assert not found.title.endswith(".")


def test_views_come_after_what_they_read(tmp_path: Path) -> None:
    view = '-- /// view\n-- title = "v"\n-- question = "v?"\n-- ///\nselect * from {}\n'
    files = {"views__a": view.format("z"), "views__z": view.format("m"), "views__m": view.format("events")}
    order = [each.id for each in Catalog.load(folder_with(tmp_path, **files)).views]
    assert order.index("views/events") < order.index("views/m") < order.index("views/z") < order.index("views/a")


def test_a_with_clause_may_have_the_name_of_a_view(tmp_path: Path) -> None:
    text = '-- /// view\n-- title = "v"\n-- ///\nwith usage as (select * from lake.usage) select * from usage\n'
    assert "views/mine" in Catalog.load(folder_with(tmp_path, views__mine=text)).queries


def test_values_are_parsed_and_bound(tmp_path: Path, engine: Engine) -> None:
    params = """[params.since]
type = "timestamp"
default = "-5d"
help = "from"
[params.names]
type = "list"
optional = true
[params.at_least]
type = "integer"
default = 1"""
    sql = """select eventName as a, count(*) as n from events
where eventTime >= $since and ($names is null or eventName = any($names))
group by 1 having count(*) >= $at_least order by 1"""
    catalog = Catalog.load(folder_with(tmp_path, q=query(sql, 'a = "name"\nn = "number"', params)))
    assert catalog.run(engine, "q").to_pylist() == [{"a": "A", "n": 1}, {"a": "B", "n": 1}]
    whole = {"since": "2026-03-01"}
    assert catalog.run(engine, "q", whole | {"at_least": "2"}).to_pylist() == [{"a": "A", "n": 2}]
    assert catalog.run(engine, "q", whole | {"names": "B, C"}).to_pylist() == [{"a": "B", "n": 1}]
    assert catalog.run(engine, "q", whole | {"names": '["B","A,B"]'}).to_pylist() == [{"a": "B", "n": 1}]
    earlier = datetime(2026, 3, 3, tzinfo=UTC)
    assert len(catalog.run(engine, "q", {"since": "-1d"}, as_of=earlier)) == 2


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"sinse": "-7d", "k": "1"}, "q: there is no parameter 'sinse'; it has since"),
        ({"k": "1"}, "q: the parameter since has no value; give -p since=VALUE (timestamp)"),
        ({"since": "soon", "k": "1"}, "-p since: 'soon' is no time; write -7d"),
        ({"since": "-1d", "k": "many"}, "-p k: 'many' is no integer; write digits"),
    ],
)
def test_a_wrong_value_is_told(tmp_path: Path, engine: Engine, given: dict[str, str], message: str) -> None:
    params = '[params.since]\ntype = "timestamp"\n[params.k]\ntype = "integer"'
    sql = "select $k as a from events where eventTime > $since order by 1"
    catalog = Catalog.load(folder_with(tmp_path, q=query(sql, params=params)))
    with pytest.raises(UsageError) as caught:
        catalog.run(engine, "q", given)
    assert str(caught.value).startswith(message)


def test_an_unknown_id_names_the_near_ones() -> None:
    with pytest.raises(UsageError, match=r"did you mean .*views/events"):
        CATALOG.get("views/event")
    with pytest.raises(UsageError, match="views/sessions"):
        CATALOG.get("sessions")
    assert UsageError.exit_code == 2


def test_the_body_of_a_question_is_its_sql(tmp_path: Path) -> None:
    assert Catalog.load(folder_with(tmp_path, q=query())).get("q").body == "select 1 as a order by 1\n"


def test_athenas_table_has_its_names_and_texts() -> None:
    record = {
        "eventTime": "2026-03-01T10:00:00Z",
        "readOnly": True,
        "userIdentity": {"type": "AssumedRole", "sessionContext": {"sessionIssuer": {"userName": "r"}}},
        "resources": [{"ARN": "arn:aws:s3:::b", "accountId": "1", "type": "AWS::S3::Bucket"}],
    }
    with over({"events": to_table([record, {"eventTime": "2026-03-02T00:00:00Z"}])}) as engine:
        CATALOG.install_views(engine)
        row, bare = engine.query("select * from cloudtrail_logs order by eventtime").to_pylist()
    assert (row["eventtime"], row["readonly"], row["timestamp"]) == ("2026-03-01T10:00:00Z", "true", "2026/03/01")
    assert row["useridentity"]["sessioncontext"]["sessionissuer"]["username"] == "r"
    assert row["useridentity"]["onbehalfof"] is None
    assert row["resources"] == [{"arn": "arn:aws:s3:::b", "accountid": "1", "type": "AWS::S3::Bucket"}]
    assert bare["useridentity"] is None
    assert all(name == name.lower() for name in row)


@pytest.fixture(scope="module")
def refused() -> Iterator[Engine]:
    """Open members are kept to the letter; DuckDB's reader wants paired surrogates, which JSON does not ask for."""
    names = ["ConsoleLogin", "AttachUserPolicy", "CreateAccessKey", "GetSessionToken", "PutRolePolicy", "CreateTrail"]
    user = {"type": "IAMUser", "arn": "arn:aws:iam::1:user/u", "userName": "u", "accessKeyId": "AKIA1"}
    rows = to_table(
        [
            {"eventTime": "2026-03-01T00:00:00Z", "eventID": name, "eventName": name, "userIdentity": user}
            | {"eventSource": f"{source}.amazonaws.com", "sourceIPAddress": "192.0.2.1"}
            for name in names
            for source in ("iam", "sts", "signin", "cloudtrail")
        ]
    )
    text = pa.array(['{"userName": "\\ud800"}'] * rows.num_rows)
    for column in ("requestParameters", "responseElements", "additionalEventData"):
        rows = rows.set_column(rows.schema.get_field_index(column), column, text)
    with over({"events": rows}) as opened:
        CATALOG.install_views(opened)
        yield opened


@pytest.mark.parametrize("identity", sorted(each for each in CATALOG.queries if not each.startswith("views/")))
def test_json_that_duckdb_refuses_stops_no_question(refused: Engine, identity: str) -> None:
    found = CATALOG.get(identity)
    given = {name: "x" for name, each in found.params.items() if each.default is None and not each.optional}
    CATALOG.run(refused, identity, given)
