"""What every source shares: how it is found, described in trailsift.toml, chosen by name, narrowed and told apart."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from pipeline import config
from pipeline.config import Settings, SourceSettings
from pipeline.errors import SourceError, UsageError
from pipeline.ingest import Selection, ingest
from pipeline.ingest.retry import _where
from pipeline.sources import base
from pipeline.sources.base import SourceObject, kinds, open_source
from pipeline.sources.local import LocalSource
from pipeline.sources.s3 import S3Source
from tests.lake.contents import check_sums, table
from tests.logs import event, write

ROOT = Path(__file__).resolve().parents[2]
A, B = "111122223333", "444455556666"


# Names of objects


@pytest.mark.parametrize(
    ("name", "account", "region", "day"),
    [
        (f"{A}_CloudTrail_eu-west-1_20261120T1015Z_AbC.json.gz", A, "eu-west-1", date(2026, 11, 20)),
        (f"{A}_CloudTrail-Insight_us-gov-west-1_20261120T1015Z_x.json.gz", A, "us-gov-west-1", date(2026, 11, 20)),
        (f"{A}_CloudTrail_eusc-de-east-1_20261120T1015Z_x.json.gz", A, "eusc-de-east-1", date(2026, 11, 20)),
        (
            f"{A}_CloudTrail-Digest_us-east-1_my_trail_eu-west-1_20261120T101500Z.json.gz",
            A,
            "us-east-1",
            date(2026, 11, 20),
        ),
        (f"{A}_CloudTrail_eu-west-1_20261399T1015Z_x.json.gz", A, "eu-west-1", None),
        (f"{A}_Config_eu-west-1_ConfigSnapshot_20261120T1015Z_x.json.gz", None, None, None),
        ("events.json", None, None, None),
    ],
)
def test_what_a_name_says(name: str, account: str | None, region: str | None, day: date | None) -> None:
    item = SourceObject(f"s3://bucket/AWSLogs/{B}/{name}", "e", 1, "")
    assert (item.account, item.region, item.delivered) == (account, region, day)


def test_a_selection_takes_what_it_names_and_what_says_nothing() -> None:
    named = SourceObject(f"/x/{A}_CloudTrail_eu-west-1_20261120T1015Z_x.json.gz", "", 1, "")
    silent = SourceObject("/x/events.json", "", 1, "")
    takes = Selection(frozenset({A}), frozenset({"eu-west-1"}), date(2026, 11, 20), date(2026, 11, 20))
    others = [
        Selection(accounts=frozenset({B})),
        Selection(regions=frozenset({"us-east-1"})),
        Selection(since=date(2026, 11, 21)),
        Selection(until=date(2026, 11, 19)),
    ]
    assert takes.takes(named)
    assert not any(each.takes(named) for each in others)
    assert all(each.takes(silent) for each in (takes, *others))


# Kinds of source


def test_every_kind_is_found_and_a_path_is_what_no_other_claims() -> None:
    found = kinds()
    assert {LocalSource, S3Source} <= set(found)
    assert found[-1] is LocalSource
    assert len({each.name for each in found}) == len(found)
    for text, kind in {
        "s3://bucket/x": S3Source,
        "S3://Bucket": S3Source,
        "./s3": LocalSource,
        "x.json": LocalSource,
    }.items():
        assert next(each for each in found if each.claims(text)) is kind


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], None]:
    """Installs a package of somebody else with that module text and entry point."""

    def install(text: str, entry: str) -> None:
        site = tmp_path / "site"
        info = site / "theirs-1.0.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: theirs\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[{base.GROUP}]\ntheirs = {entry}\n")
        (site / "their_source.py").write_text(text)
        monkeypatch.syspath_prepend(str(site))
        monkeypatch.delitem(sys.modules, "their_source", raising=False)

    return install


THEIRS = """
import json
from pipeline.sources.base import Source, SourceObject
from pipeline.errors import SourceError

class Theirs(Source):
    name = "theirs"
    parallel = 4

    @classmethod
    def claims(cls, text):
        return text.startswith("theirs:")

    def __init__(self, settings):
        self.count = int(settings.location.partition(":")[2])

    def objects(self, this):
        for number in range(self.count):
            yield SourceObject(f"theirs:{number}", "e", 1, str(number))

    def read(self, item):
        if item.address == "7":
            raise OSError("is on a shelf")
        if item.address == "99":
            raise SourceError("theirs:", "has burnt down", "build it anew")
        record = {"eventTime": "2026-10-01T10:00:00Z", "eventID": item.address, "recipientAccountId": "111122223333"}
        return json.dumps({"Records": [record]}).encode()
"""


def test_a_source_of_another_package(package: Callable[[str, str], None], tmp_path: Path) -> None:
    package(THEIRS, "their_source:Theirs")
    assert [each.name for each in kinds()][-2:] == ["theirs", "local"]
    summary = ingest(tmp_path / "lake", ["theirs:10"], Settings(jobs=1))
    assert (summary.objects_loaded, summary.problems) == (9, ["theirs:7: is on a shelf"])
    assert "theirs:3" in table(tmp_path / "lake", "ledger")["uri"].to_pylist()
    check_sums(tmp_path / "lake", events_new=9)
    with pytest.raises(SourceError, match=r"^theirs:: has burnt down; build it anew$"):
        ingest(tmp_path / "lake", ["theirs:100"], Settings(jobs=1))


@pytest.mark.parametrize(
    ("text", "entry", "problem"),
    [
        ("import nothing_of_this_name", "their_source:Theirs", "the source theirs cannot be loaded (ModuleNotFound"),
        ("", "their_source:Theirs", "the source theirs cannot be loaded (AttributeError"),
        ("Theirs = 5", "their_source:Theirs", "the source theirs is no subclass of Source"),
    ],
)
def test_a_package_that_is_broken_is_named(
    package: Callable[[str, str], None], text: str, entry: str, problem: str
) -> None:
    package(text, entry)
    with pytest.raises(SourceError) as told:
        open_source("some/path")
    assert str(told.value).startswith(f"{entry}: {problem}")
    assert "\n" not in str(told.value)


# trailsift.toml


def settings_of(folder: Path, text: str) -> Settings:
    (folder / config.FILE).write_text(text)
    return config.load({}, folder)


def test_sources_are_described_in_the_file(tmp_path: Path) -> None:
    text = """
    jobs = 1
    [[sources]]
    name = "org"
    location = "s3://logs/AWSLogs"
    profile = "audit"
    role_arn = "arn:aws:iam::111122223333:role/reader"
    external_id = "e-1"
    endpoint_url = "https://s3.example.net"
    region = "eu-central-1"
    request_payer = true
    look_back = 10
    max_receives = 2
    accounts = ["111122223333"]
    regions = ["eu-west-1", "us-east-1"]
    [[sources]]
    name = "old"
    location = "/srv/logs"
    """
    role = "arn:aws:iam::111122223333:role/reader"
    rest = ("e-1", "https://s3.example.net", "eu-central-1", True, 10, 2, (A,), ("eu-west-1", "us-east-1"))
    assert settings_of(tmp_path, text).sources == (
        SourceSettings("s3://logs/AWSLogs", "org", "audit", role, *rest),
        SourceSettings("/srv/logs", "old"),
    )


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("sources = 5", "sources is no list of tables"),
        ("[sources]\nname='a'", "sources is no list of tables"),
        ("[[sources]]\nlocation='x'", "sources 1: it has no name"),
        ("[[sources]]\nname='x'", "sources 1: it has no location"),
        ("[[sources]]\nname='x'\nlocation='y'\nbucket='z'", "sources 1: there is no setting 'bucket'; choose from"),
        ("[[sources]]\nname='x'\nlocation='y'\n" * 2, "sources 2: the name 'x' is used twice"),
        ("[[sources]]\nname='x'\nlocation='y'\nlook_back=-1", "sources 1: look_back is -1, no whole number above 0"),
        ("[[sources]]\nname='x'\nlocation='y'\naccounts='1'", "sources 1: accounts is no list of texts"),
        ("[[sources]]\nname='x'\nlocation='y'\nrequest_payer=1", "sources 1: request_payer is neither true nor false"),
        ("[[sources]]\nname='x'\nlocation='y'\nprofile=7", "sources 1: profile is not a text"),
    ],
)
def test_what_is_wrong_in_the_file_is_named(tmp_path: Path, text: str, problem: str) -> None:
    with pytest.raises(UsageError) as told:
        settings_of(tmp_path, text)
    assert str(told.value).startswith(f"{tmp_path / config.FILE}: {problem}")


@pytest.fixture
def described(tmp_path: Path) -> Settings:
    """Two folders as sources named "one" and "two"; the second is narrowed to an account."""
    day = "20261120T1015Z"
    write(tmp_path / f"1/{A}_CloudTrail_eu-west-1_{day}_x.json", [event(eventID="1")])
    write(tmp_path / f"2/{A}_CloudTrail_eu-west-1_{day}_x.json", [event(eventID="2")])
    write(tmp_path / f"2/{B}_CloudTrail_eu-west-1_{day}_x.json", [event(eventID="3")])
    text = f"""
    jobs = 1
    [[sources]]
    name = "one"
    location = "{tmp_path}/1"
    [[sources]]
    name = "two"
    location = "{tmp_path}/2"
    accounts = ["{A}"]
    """
    return settings_of(tmp_path, text)


@pytest.mark.parametrize(("named", "ids"), [([], {"1", "2"}), (["one"], {"1"}), (["two"], {"2"}), (["2"], {"2", "3"})])
def test_by_name_by_place_or_all(
    described: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, named: list[str], ids: set[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    ingest(tmp_path / "lake", named, described)
    assert set(table(tmp_path / "lake", "events")["eventID"].to_pylist()) == ids


def test_the_command_without_a_source_takes_all_of_the_file(described: Settings, tmp_path: Path) -> None:
    def trailsift(folder: Path) -> subprocess.CompletedProcess[str]:
        words = ["ingest", "--lake", str(tmp_path / "lake"), "-o", "json", "--no-progress"]
        command = [sys.executable, "-c", "from pipeline.cli import main; main()", *words]
        return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)

    done = trailsift(tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["events_new"] == 2
    (tmp_path / config.FILE).write_text("")
    none = trailsift(tmp_path)
    assert none.returncode == 2
    assert "no source is named; name one, or describe some as [[sources]] in trailsift.toml" in none.stderr


# Errors and retries


def test_an_error_comes_whole_out_of_a_worker() -> None:
    error = SourceError("s3://bucket", "the credentials have expired", "renew them")
    again = pickle.loads(pickle.dumps(error))
    assert (str(again), again.place, again.remedy) == (str(error), "s3://bucket", "renew them")


def test_an_object_is_reached_as_the_source_that_holds_it() -> None:
    places = ("s3://logs", "s3://logs/AWSLogs/", "s3://logs-old", "/srv/logs")
    settings = Settings(sources=tuple(SourceSettings(each, each, profile=each) for each in places))
    for uri, owner in {
        "s3://logs/AWSLogs/x.json": "s3://logs/AWSLogs/",
        "s3://logs/other/x.json": "s3://logs",
        "s3://logs-old/x.json": "s3://logs-old",
        "s3://logs-new/x.json": "",
        "/srv/logs/x.json": "/srv/logs",
        "/srv/logs2/x.json": "",
    }.items():
        assert (_where(uri, settings).profile, _where(uri, settings).location) == (owner, uri)
