"""What a name is mentioned by: the index of words finds what a search of every event finds, whatever the name."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pipeline.casework import mentioned, sightings
from pipeline.casework.case import investigate
from pipeline.casework.followed import Followed, mentions
from pipeline.casework.seeds import Place
from pipeline.config import Settings
from pipeline.engines.duckdb import connect
from pipeline.ingest import ingest
from pipeline.lake.compact import Job, compact
from pipeline.lake.tables import Lake
from pipeline.lake.upkeep import planned
from tests.casework.worlds import CATALOG, Record, assume, call, chain, role, user
from tests.lakes import make_lake

EVE = user("eve", "AKIAEVE1")
LATE = datetime(2027, 1, 1, tzinfo=UTC)
NAMES = [
    "plain-name", "Plain-Name", "plain-name-2", "plain", "abc", "ab", "100%", "un_er", 'say "hi" twice', '"quoted"',
    "back\\slash", "back\\\\slash", "\\u0041bcd", "caf\u00e9 \U0001f600", "tab\there", "line\nbreak", "a,b:c", ":1234",
    ",5678", "{}[]{}", '{"a": "b"}', "'; drop table named; --", "w" * 256, "w" * 257, "\u00e9" * 2000, "key-of-json",
    "arn:aws:s3:::plain-name", "\\", "\\\\\\\\", "null", "true", "x\x00y\x1bz",
]  # fmt: skip


def records() -> list[Record]:
    """Of each name a request, an answer and a list of resources that hold it, and some that hold more than it."""
    found = []
    for number, name in enumerate(NAMES):
        listed = [{"ARN": name, "accountId": "111122223333", "type": "T"}]
        found += [
            call(1, EVE, "A", eventID=f"request-{number}", requestParameters={"of": [{"name": name}], "n": 1234}),
            call(2, EVE, "B", eventID=f"answer-{number}", responseElements={"x": None, "deep": {"name": [name, 5]}}),
            call(3, EVE, "C", eventID=f"listed-{number}", resources=listed),
            call(4, EVE, "D", eventID=f"more-{number}", requestParameters={"name": f"{name}-and-more"}),
            call(5, EVE, "E", eventID=f"part-{number}", responseElements={"name": f"x {name}"}),
        ]
    return [*found, call(6, EVE, "F", eventID="key", requestParameters={"key-of-json": 5})]


def found(lake: Lake, name: str, since: datetime | None = None) -> set[str]:
    """Ids of the events that mention a name, as a case finds them."""
    named = mentions([Followed("resource", name)])
    assert named is not None
    with connect(lake) as engine:
        CATALOG.install_views(engine)
        place = Place(engine, CATALOG, since or datetime(2020, 1, 1, tzinfo=UTC), LATE)
        files = mentioned.find(place, named)
        sql = "select eventID as id, count(*) as n from events_by_file join named using (file, row) group by all"
        with engine.reading(files):
            rows = engine.rows(sql)
    assert all(row["n"] == 1 for row in rows)
    return {row["id"] for row in rows}


def by_hand(name: str) -> set[str]:
    """What holds the whole name as a text of its own: the three of it, and the member that is called so."""
    number = NAMES.index(name)
    return {f"{kind}-{number}" for kind in ("request", "answer", "listed")} | (
        {"key"} if name == "key-of-json" else set()
    )


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    return make_lake(tmp_path_factory.mktemp("searched") / "lake", records())


@pytest.fixture(scope="module")
def noted(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    lake = make_lake(tmp_path_factory.mktemp("noted") / "lake", records())
    sightings.refresh(lake)
    return lake


@pytest.mark.parametrize("name", NAMES, ids=lambda name: ascii(name[:20]))
def test_a_name_is_found_as_a_whole_with_the_index_and_without(searched: Lake, noted: Lake, name: str) -> None:
    assert found(searched, name) == by_hand(name)
    assert found(noted, name) == by_hand(name)
    assert (noted.path / "mentions").exists() and not (searched.path / "mentions").exists()


def test_the_index_is_what_finds_a_plain_name(noted: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mentioned, "_SEARCHED", "no SQL")
    assert found(noted, "plain-name") == by_hand("plain-name")
    assert found(noted, "nobody-has-this") == set()


def test_what_came_since_is_searched(tmp_path: Path) -> None:
    lake = make_lake(tmp_path / "lake", [call(1, EVE, "A", requestParameters={"name": "plans"})])
    sightings.refresh(lake)
    more = tmp_path / "more.json"
    more.write_text(json.dumps({"Records": [call(2, EVE, "B", requestParameters={"name": "plans"})]}))
    ingest(lake.path, [str(more)], Settings(jobs=1))
    assert found(lake, "plans") == {"e1", "e2"}
    sightings.refresh(lake)
    assert found(lake, "plans") == {"e1", "e2"}


def test_written_anew_rows_are_found_where_they_lie_now(tmp_path: Path) -> None:
    """Compaction sorts: by service, then by call; the events lie in other rows of another file."""
    calls = [call(n, EVE, f"Call{20 - n}", requestParameters={"name": f"name-{n}"}) for n in range(1, 9)]
    lake = make_lake(tmp_path / "lake", calls)
    sightings.refresh(lake)
    files = planned(lake.load("events"))
    (done,) = compact(lake, [Job("events", datetime(2026, 10, 1, tzinfo=UTC).date(), files)])
    assert done.files == 1
    assert found(lake, "name-3") == {"e3"}  # searched, as nobody has looked at the new file
    sightings.refresh(lake)
    assert found(lake, "name-3") == {"e3"}


@pytest.mark.parametrize("harm", ["form", "index", "gone"])
def test_without_a_sound_index_the_files_are_searched(tmp_path: Path, noted: Lake, harm: str) -> None:
    lake = make_lake(tmp_path / "lake", [call(1, EVE, "A", requestParameters={"name": "plans"})])
    sightings.refresh(lake)
    index = lake.path / "mentions" / "index.json"
    if harm == "form":
        index.write_text(json.dumps(json.loads(index.read_text()) | {"mark": "of an older program"}))
    elif harm == "index":
        index.write_text("[")
    else:
        shutil.rmtree(index.parent)
    assert found(lake, "plans") == {"e1"}


def test_a_word_of_very_many_rows_is_searched(tmp_path: Path) -> None:
    """The index tells of at most 400 rows of a file; here 401 have the one name, 400 the other."""
    many = [
        call(
            1, EVE, "A", eventID=f"m{n}", requestParameters={"name": "everywhere", "n": n, "of": f"x{min(n, 1)}-often"}
        )
        for n in range(401)
    ]
    lake = make_lake(tmp_path / "lake", many)
    sightings.refresh(lake)
    assert len(found(lake, "everywhere")) == 401 and len(found(lake, "x1-often")) == 400
    assert found(lake, "x0-often") == {"m0"}


def test_the_window_bounds_what_is_told_of_a_name(noted: Lake) -> None:
    since = datetime(2026, 10, 1, 10, 2, tzinfo=UTC)
    with connect(noted) as engine:
        CATALOG.install_views(engine)
        facts = investigate(engine, CATALOG, "plain", since, LATE).facts
    number = NAMES.index("plain")
    assert [each["eventID"] for each in facts["timeline"]] == [f"answer-{number}", f"listed-{number}"]


def test_who_gave_out_a_key_is_found_with_the_index(tmp_path: Path) -> None:
    """Two roles in a row, each in a data file of its own: the calls that gave the keys out mention them."""
    first, second = role("one", "a", "ASIAONE1", 1), role("two", "b", "ASIATWO1", 2)
    steps = [
        assume(1, EVE, "one", "ASIAONE1"),
        assume(2, first, "two", "ASIATWO1"),
        call(3, second, "ListUsers", "iam"),
    ]
    lake = make_lake(tmp_path / "lake", steps[:1])
    for number, step in enumerate(steps[1:]):
        source = tmp_path / f"{number}.json"
        source.write_text(json.dumps({"Records": [step]}))
        ingest(lake.path, [str(source)], Settings(jobs=1))
    expected = [("uses", "e3"), ("session", "e2"), ("user", "e1")]
    for _ in range(2):
        with connect(lake) as engine:
            CATALOG.install_views(engine)
            assert chain(investigate(engine, CATALOG, "ASIATWO1", None, LATE).facts) == expected
        sightings.refresh(lake)


def test_a_key_that_is_written_with_escapes_is_found_with_the_index(tmp_path: Path) -> None:
    """JSON may write any letter as \\u and four digits (RFC 8259, 7); AWS does not, somebody's export may."""
    given = json.dumps(assume(1, EVE, "one", "ASIAHIDE1")).replace("ASIAHIDE1", "AS\\u0049AHIDE\\u0031")
    used = json.dumps(call(2, role("one", "a", "ASIAHIDE1", 1), "ListUsers", "iam"))
    lake = make_lake(tmp_path / "lake", [])
    for number, text in enumerate((given, used)):
        source = tmp_path / f"{number}.json"
        source.write_text(f'{{"Records": [{text}]}}')
        ingest(lake.path, [str(source)], Settings(jobs=1))
    sightings.refresh(lake)
    with connect(lake) as engine:
        CATALOG.install_views(engine)
        (row,) = engine.rows("select responseElements as answer from events where eventName = 'AssumeRole'")
        assert "AS\\u0049AHIDE" in row["answer"]
        facts = investigate(engine, CATALOG, "ASIAHIDE1", None, LATE).facts
    assert chain(facts) == [("uses", "e2"), ("user", "e1")]


def test_whoever_was_killed_while_noting_leaves_nothing_behind_that_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake = make_lake(tmp_path / "lake", [call(1, EVE, "A", requestParameters={"name": "plans"})])

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(sightings._Shelf, "use", killed)
        with pytest.raises(KeyboardInterrupt):
            sightings.refresh(lake)
    assert found(lake, "plans") == {"e1"}
    assert sightings.refresh(lake) == 1 and found(lake, "plans") == {"e1"}
