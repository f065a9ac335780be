"""A lake in a bucket behind Glue: the same code, by configuration, against moto's server."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import boto3
import pytest
from moto.server import ThreadedMotoServer

from pipeline.catalog import Catalog
from pipeline.config import Settings, load
from pipeline.detect.store import current, verbs
from pipeline.detect.unseen import examine_new
from pipeline.engines.duckdb import connect
from pipeline.errors import QueryError, UsageError
from pipeline.ingest import ingest
from pipeline.lake import compact, retention
from pipeline.lake.quarantine import entries
from pipeline.lake.tables import Lake
from tests.detect.sigma import rule, rules
from tests.logs import event, write


@pytest.fixture(scope="module")
def settings() -> Iterator[Settings]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    with pytest.MonkeyPatch.context() as patch:
        for name in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY"):
            patch.setenv(f"AWS_{name}", "testing")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        endpoint = "http://{}:{}".format(*server.get_host_and_port())
        boto3.client("s3", endpoint_url=endpoint).create_bucket(Bucket="trail-lake")
        common = {"catalog_region": "us-east-1", "catalog_endpoint": endpoint}
        yield Settings(jobs=1, lake="s3://trail-lake/a/lake", catalog_type="glue", **common)
    server.stop()


def test_a_bucket_holds_a_lake(settings: Settings, tmp_path: Path) -> None:
    records = [event(eventID=f"{n}", eventTime=f"2026-10-{1 + n % 2:02}T10:00:00Z") for n in range(20)]
    write(tmp_path / "a.json", [*records[:12], {"eventName": "no time"}])
    write(
        tmp_path / "b.json", [*records[10:], event(eventID="0", eventName="Other", eventTime=records[0]["eventTime"])]
    )
    first = ingest(settings.lake, [str(tmp_path / "a.json")], settings)
    second = ingest(settings.lake, [str(tmp_path)], settings)
    assert (first.events_new, second.events_new, second.objects_skipped) == (12, 8, 1)
    assert (second.duplicates, second.conflicting_copies) == (3, 1)
    lake = Lake.open(settings.lake, settings=settings)
    assert sorted(each.kind for each in entries(lake)) == ["conflicting_copy", "record"]
    done = list(compact.compact(lake, [each for each in compact.due(lake) if each.day]))
    assert [each.files for each in done] == [1, 1]
    with connect(lake) as engine:
        Catalog.load().install_views(engine)
        assert engine.query("select count(*) as n from events")["n"].to_pylist() == [20]
        assert engine.query("select sum(count) as n from usage")["n"].to_pylist() == [20]
        assert engine.adhoc("select count(*) as n from events").table["n"].to_pylist() == [20]
        with pytest.raises(QueryError, match="read_parquet is not allowed"):
            engine.adhoc("select * from read_parquet('s3://trail-lake/a/lake/data/events/*')")
    retention.expire(lake, date(2026, 10, 2))
    retention.expire(lake, date(2026, 10, 2), now=datetime.now(UTC) + timedelta(days=1))
    assert not list(lake.storage.files(f"{lake.data}/events/day=2026-10-01"))
    with connect(lake) as engine:
        assert engine.query("select count(*) as n from lake.events")["n"].to_pylist() == [10]


def test_findings_are_stored_in_a_bucket(settings: Settings, tmp_path: Path) -> None:
    given = replace(settings, lake="s3://trail-lake/b/lake")
    ruleset = rules(rule({"s": {"eventName": "StopLogging"}}))
    for at, told in (("10:00", "new"), ("10:30", "grown")):
        records = [event(eventName="StopLogging", eventTime=f"2026-10-01T{at}:00Z", eventID=at)]
        ingest(given.lake, [str(write(tmp_path / f"{at[3:]}.json", records))], given)
        lake = Lake.open(given.lake, settings=given)
        with connect(lake) as engine:
            Catalog.load(within="views").install_views(engine)
            examined = examine_new(lake, engine, ruleset, {})
        assert [len(getattr(examined.recorded, kind)) for kind in ("new", "grown")] == [told == "new", told == "grown"]
    (finding,) = current(lake)
    verbs.mark(lake, [finding["id"][:6]], "acknowledged", "ann", "")
    assert [(each["event_ids"], each["status"]) for each in current(lake)] == [(["10:00", "10:30"], "acknowledged")]


@pytest.mark.parametrize("kind", ["", "sqlite", "hive"])
def test_a_bucket_needs_a_catalogue_that_fits(kind: str) -> None:
    with pytest.raises(UsageError, match=r"glue.*rest"):
        Lake("s3://bucket/prefix", Settings(catalog_type=kind)).catalog  # noqa: B018


def test_a_rest_catalogue_needs_its_address() -> None:
    with pytest.raises(UsageError, match="uri"):
        Lake("s3://bucket/prefix", Settings(catalog_type="rest")).catalog  # noqa: B018


def test_no_other_scheme_is_a_lake() -> None:
    with pytest.raises(UsageError, match="s3://bucket/prefix"):
        Lake("gs://bucket/prefix")


def test_the_catalogue_is_set_in_a_section_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "trailsift.toml").write_text('lake = "s3://b/p"\n[catalog]\ntype = "glue"\nregion = "eu-west-1"\n')
    found = load(start=tmp_path)
    assert (found.lake, found.catalog_type, found.catalog_region) == ("s3://b/p", "glue", "eu-west-1")
