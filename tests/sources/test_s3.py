"""Buckets as a source: found by the layout CloudTrail writes, listed again where objects may come, read whole."""

from __future__ import annotations

import json
import pickle
from collections.abc import Iterable
from datetime import date
from pathlib import Path

import pytest

from pipeline.config import Settings, SourceSettings
from pipeline.errors import NoDataError, SourceError, UsageError
from pipeline.ingest import Selection, ingest
from pipeline.lake.listings import marks
from pipeline.lake.tables import Lake
from pipeline.sources.base import Round, Source, open_source
from pipeline.sources.s3 import Objects, S3Source
from tests.aws.fake_s3 import FakeS3
from tests.aws.moto import REGION, Aws
from tests.lake.contents import check_sums, table
from tests.logs import event

BUCKET = "trail-logs"
A, B = "111122223333", "444455556666"
DIGEST = {"awsAccountId": A, "digestStartTime": "2026-11-20T00:00:00Z", "digestEndTime": "2026-11-20T01:00:00Z"}
INSIGHT = {"eventTime": "2026-11-20T00:00:00Z", "eventCategory": "Insight", "eventType": "AwsCloudTrailInsight"}
AGGREGATED = {"eventCategory": "Aggregated", "eventId": "e", "timeWindow": {"windowStart": "2026-11-20T00:00:00Z"}}


def key(
    day: str, account: str = A, region: str = REGION, kind: str = "CloudTrail", under: str = "AWSLogs/", name: str = "x"
) -> str:
    """A key as CloudTrail writes it; `day` is YYYY-MM-DD, `under` what stands before the account."""
    year, month, of_month = day.split("-")
    file = f"{account}_{kind}_{region}_{year}{month}{of_month}T1015Z_{name}.json.gz"
    return f"{under}{account}/{kind}/{region}/{year}/{month}/{of_month}/{file}"


def put(aws: Aws, name: str, body: bytes = b"{}") -> str:
    """Stores an object and returns its etag."""
    return str(aws.client("s3").put_object(Bucket=BUCKET, Key=name, Body=body)["ETag"]).strip('"')


def fill(s3: FakeS3, keys: Iterable[str]) -> None:
    s3.put_all(f"{BUCKET}/{each}" for each in keys)


def records(*each: dict[str, object]) -> bytes:
    return json.dumps({"Records": each}).encode()


@pytest.fixture
def bucket(aws: Aws) -> Aws:
    aws.client("s3").create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    return aws


@pytest.fixture(autouse=True)
def today(monkeypatch: pytest.MonkeyPatch) -> None:
    set_today(monkeypatch, date(2026, 11, 25))


def set_today(monkeypatch: pytest.MonkeyPatch, day: date) -> None:
    monkeypatch.setattr(S3Source, "today", lambda _: day)


def listed(where: str | Source = "", this: Round | None = None) -> list[str]:
    """Keys that a source at a place of the bucket lists."""
    source = open_source(f"s3://{BUCKET}{where}") if isinstance(where, str) else where
    return sorted(each.uri.removeprefix(f"s3://{BUCKET}/") for each in source.objects(this or Round()))


# Objects


def test_an_object_is_read_whole_and_known_by_bucket_key_and_etag(bucket: Aws) -> None:
    etag = put(bucket, "a b/ü+%20.json", b"x" * 3_000_000)
    objects = Objects(SourceSettings(f"s3://{BUCKET}"))
    assert objects.read(BUCKET, "a b/ü+%20.json", etag) == b"x" * 3_000_000
    found = objects.head(BUCKET, "a b/ü+%20.json")
    assert (found.uri, found.etag, found.size) == (f"s3://{BUCKET}/a b/ü+%20.json", etag, 3_000_000)
    assert list(open_source(f"s3://{BUCKET}").objects(Round())) == [found]
    assert pickle.loads(pickle.dumps(objects)).read(BUCKET, "a b/ü+%20.json") == b"x" * 3_000_000


def test_an_object_that_is_gone_or_another_is_told(bucket: Aws) -> None:
    etag = put(bucket, "a.json")
    put(bucket, "a.json", b'{"Records": []}')
    objects = Objects(SourceSettings(f"s3://{BUCKET}"))
    with pytest.raises(OSError, match="was replaced after it was listed"):
        objects.read(BUCKET, "a.json", etag)
    for call in (objects.read, objects.head):
        with pytest.raises(FileNotFoundError, match="is not there"):
            call(BUCKET, "b.json")
        with pytest.raises(FileNotFoundError, match="is not there"):
            call("no-such-bucket", "b.json")
        with pytest.raises(OSError, match=r"cannot be read \(.*[Ii]nvalid bucket name"):
            call("no such bucket", "b.json")


# The layout


LAYOUTS = {
    "account": "AWSLogs/",
    "organization": "AWSLogs/o-abcdefghij/",
    "control tower": "o-abcdefghij/AWSLogs/o-abcdefghij/",
    "prefix": "some/prefix/AWSLogs/",
    "without AWSLogs": "",
}


@pytest.mark.parametrize("under", LAYOUTS.values(), ids=LAYOUTS)
def test_every_layout_is_found_and_every_trail_remembered(bucket: Aws, under: str) -> None:
    kinds = ("CloudTrail", "CloudTrail-Insight", "CloudTrail-NetworkActivity", "CloudTrail-Digest")
    keys = [key("2026-11-20", account, kind=kind, under=under) for account in (A, B) for kind in kinds]
    for each in keys:
        put(bucket, each)
    this = Round()
    assert listed("", this) == sorted(keys)
    trails = {f"s3://{BUCKET}/{each.partition('2026/')[0]}" for each in keys}
    assert this.listed == dict.fromkeys(trails, date(2026, 11, 22))


def test_what_other_services_keep_there_is_passed_by(s3: FakeS3) -> None:
    mine = [key("2026-11-20"), key("2026-11-20", under="AWSLogs/o-abcdefghij/")]
    others = [
        f"AWSLogs/{A}/Config/{REGION}/2026/11/20/ConfigSnapshot/{A}_Config_{REGION}_x.json.gz",
        f"AWSLogs/{A}/elasticloadbalancing/{REGION}/2026/11/20/x.log.gz",
        f"AWSLogs/o-abcdefghij/{A}/vpcflowlogs/{REGION}/2026/11/20/x.log.gz",
        f"AWSLogs/aws-account-id={A}/aws-service=vpcflowlogs/x.log.gz",
        f"AWSLogs/{A}/CloudTrail/",
        "AWSLogs/ELBAccessLogTestFile",
    ]
    fill(s3, mine + others)
    assert listed() == sorted(mine)
    assert not [each for each in s3.requests("list") if "Config" in each or "vpcflow" in each]


@pytest.mark.parametrize("cut", ["", "AWSLogs", "AWSLogs/", A, "CloudTrail", f"CloudTrail/{REGION}", "2026", "11/20/"])
def test_a_place_anywhere_inside_the_layout_works(bucket: Aws, cut: str) -> None:
    wanted = key("2026-11-20", under="logs/AWSLogs/")
    put(bucket, wanted)
    put(bucket, "logs/AWSLogs-old/x.txt")
    place = wanted[: wanted.index(cut) + len(cut)] if cut else "logs"
    assert listed(f"/{place}") == [wanted]


def test_only_a_whole_trail_is_remembered(bucket: Aws) -> None:
    put(bucket, key("2026-11-20"))
    for place in ("2026", "2026/11/", "2026/11/20"):
        this = Round()
        assert listed(f"/AWSLogs/{A}/CloudTrail/{REGION}/{place}", this)
        assert this.listed == {}


def test_a_single_object_by_its_whole_uri_whatever_its_name(bucket: Aws) -> None:
    for name in (key("2026-11-20"), "dump", "folder/a#b?c=d e.json"):
        put(bucket, name)
        put(bucket, f"{name}.json")
        assert listed(f"/{name}") == [name]


def test_a_bucket_without_the_layout_is_listed_whole(s3: FakeS3) -> None:
    deep = [f"a/b/c/d/e/f/{n}.json" for n in range(3)]
    wide = [f"by-hash/{n:03}/x.json.gz" for n in range(80)]
    flat = [f"{n:04}.ndjson" for n in range(1200)]
    fill(s3, [*deep, *wide, *flat, "readme.txt", "by-hash/empty/"])
    assert listed() == sorted(deep + wide + flat)
    assert len(s3.requests("list")) < 20  # not a request a folder


def test_a_trail_below_unknown_folders_is_found_beside_other_objects(bucket: Aws) -> None:
    keys = ["top.json", "team/prod/loose.json", key("2026-11-20", under="team/prod/AWSLogs/"), "team/dev/x/y.json"]
    for each in keys:
        put(bucket, each)
    assert listed() == sorted(keys)


def test_more_than_a_page_at_every_level(s3: FakeS3) -> None:
    accounts = [f"{n:012}" for n in range(1100)]
    keys = [key("2026-11-20", each) for each in accounts] + [key("2026-11-20", name=str(n)) for n in range(1100)]
    fill(s3, keys)
    assert listed() == sorted(keys)


# Which days are listed


def test_open_days_are_listed_again_and_older_ones_not(s3: FakeS3, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(s3, (key(f"2026-11-{number:02}") for number in range(1, 26)))
    this = Round()
    assert len(listed("", this)) == 25
    ((mark, day),) = this.listed.items()
    assert (mark, day) == (f"s3://{BUCKET}/AWSLogs/{A}/CloudTrail/{REGION}/", date(2026, 11, 22))
    again = Round(marks=this.listed)
    assert listed("", again) == [key(f"2026-11-{number}") for number in (23, 24, 25)]
    assert again.listed == {}
    set_today(monkeypatch, date(2026, 11, 28))
    later = Round(marks=this.listed)
    assert listed("", later) == [key(f"2026-11-{number}") for number in (23, 24, 25)]
    assert later.listed == {mark: date(2026, 11, 25)}
    long = open_source(SourceSettings(f"s3://{BUCKET}", look_back=10))
    assert len(listed(long, Round(marks=later.listed))) == 7  # 19 to 28 November


def test_from_lists_from_there_whatever_is_marked(s3: FakeS3) -> None:
    fill(s3, (key(f"2026-11-{number:02}") for number in range(1, 26)))
    mark = f"s3://{BUCKET}/AWSLogs/{A}/CloudTrail/{REGION}/"
    known = {mark: date(2026, 11, 20)}

    def run(since: str, until: str | None = None, marked: dict[str, date] | None = None) -> tuple[int, date | None]:
        chosen = Selection(since=date.fromisoformat(since), until=date.fromisoformat(until) if until else None)
        this = Round(chosen, known if marked is None else marked)
        return len(listed("", this)), this.listed.get(mark)

    assert run("2000-01-01") == (25, date(2026, 11, 22))
    assert run("2026-11-21") == (5, date(2026, 11, 22))
    assert run("2026-11-22") == (4, None)  # the 21st was not looked at
    assert run("2026-11-10", marked={}) == (16, None)
    assert run("2026-11-10", "2026-11-21") == (12, date(2026, 11, 21))
    assert run("2026-11-10", "2026-11-15") == (6, None)


def test_accounts_and_regions_are_chosen_before_anything_is_listed(s3: FakeS3) -> None:
    regions = ("eu-west-1", "us-east-1", "us-gov-west-1")
    fill(s3, (key("2026-11-20", account, region) for account in (A, B) for region in regions))
    run = Round(Selection(frozenset({A}), frozenset({"us-east-1", "us-gov-west-1"})))
    source = open_source(SourceSettings(f"s3://{BUCKET}", regions=("us-gov-west-1", "eu-west-1")))
    assert listed(source, run) == [key("2026-11-20", A, "us-gov-west-1")]
    assert not [each for each in s3.requests("list") if B in each or "eu-west-1" in each or "us-east-1" in each]
    assert list(run.listed) == [f"s3://{BUCKET}/AWSLogs/{A}/CloudTrail/us-gov-west-1/"]
    assert listed("", Round(Selection(frozenset({"999999999999"})))) == []


def test_a_trail_of_which_something_was_left_out_is_not_remembered(bucket: Aws) -> None:
    stray = f"AWSLogs/{A}/CloudTrail/{REGION}/2026/11/20/{B}_CloudTrail_{REGION}_20261120T1015Z_x.json.gz"
    for each in (key("2026-11-20"), stray):
        put(bucket, each)
    this = Round(Selection(frozenset({A})))
    assert listed("", this) == [key("2026-11-20")]
    assert this.listed == {}


def test_a_listing_that_is_told_to_stop_remembers_nothing_it_did_not_finish(s3: FakeS3) -> None:
    fill(s3, (key("2026-11-20", name=f"{number:05}") for number in range(2500)))
    this, count = Round(), 0
    for _ in open_source(f"s3://{BUCKET}").objects(this):
        count += 1
        this.stop.set()
    assert 0 < count < 2500
    assert this.listed == {}


# Into the lake


def run(lake: Path, selection: Selection | None = None, places: Iterable[str] = (f"s3://{BUCKET}",)) -> tuple[int, int]:
    """(objects seen, new events) of a run."""
    summary = ingest(lake, list(places), Settings(jobs=1), selection)
    assert not summary.problems
    return summary.objects_seen, summary.events_new


def test_late_objects_under_old_days_and_keys_before_known_ones(
    bucket: Aws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake = tmp_path / "lake"
    put(bucket, key("2026-11-10", name="m"), records(event(eventID="1")))
    put(bucket, key("2026-11-25", name="m"), records(event(eventID="2")))
    assert run(lake) == (2, 2)
    put(bucket, key("2026-11-25", name="a"), records(event(eventID="3")))  # sorts before the greatest known key
    put(bucket, key("2026-11-23", name="m"), records(event(eventID="4")))  # late, within the look-back
    assert run(lake) == (3, 2)
    put(bucket, key("2026-11-09", name="m"), records(event(eventID="5")))  # later than any look-back
    assert run(lake) == (3, 0)
    assert run(lake, Selection(since=date(2026, 11, 1))) == (5, 1)
    set_today(monkeypatch, date(2026, 11, 30))
    assert run(lake) == (3, 0)
    assert list(marks(Lake.open(lake)).values()) == [date(2026, 11, 27)]
    check_sums(lake, records_read=5, events_new=5, duplicates=0, quarantined=0)


def test_each_kind_of_log_goes_to_its_table(bucket: Aws, tmp_path: Path) -> None:
    put(bucket, key("2026-11-20"), records(event()))
    put(bucket, key("2026-11-20", kind="CloudTrail-NetworkActivity"), records(event(eventCategory="NetworkActivity")))
    put(bucket, key("2026-11-20", kind="CloudTrail-Digest"), json.dumps(DIGEST).encode())
    put(bucket, key("2026-11-20", kind="CloudTrail-Insight"), records(INSIGHT))
    put(bucket, key("2026-11-20", kind="CloudTrail-Aggregated"), records(AGGREGATED))
    assert run(tmp_path / "lake") == (5, 2)
    counts = {name: table(tmp_path / "lake", name).num_rows for name in ("digests", "insights", "aggregated", "events")}
    assert counts == {"digests": 1, "insights": 1, "aggregated": 1, "events": 2}
    check_sums(tmp_path / "lake", records_read=5, other_tables=3)


def test_one_bucket_named_twice_is_read_once(bucket: Aws, tmp_path: Path) -> None:
    put(bucket, key("2026-11-20"), records(event()))
    assert run(tmp_path / "lake", places=[f"s3://{BUCKET}", f"s3://{BUCKET}/AWSLogs/{A}/"]) == (1, 1)


# What cannot be


@pytest.mark.parametrize("text", ["s3:", "s3://", "s3:///key", "s3://-b/x", "s3:bucket/key", "s3://b u/x", "s3://ab"])
def test_a_malformed_location(text: str) -> None:
    with pytest.raises(UsageError, match=r"is no location in S3; write s3://BUCKET"):
        open_source(text)


def test_a_bucket_that_is_not_there_or_empty(bucket: Aws) -> None:
    with pytest.raises(SourceError, match=r"^s3://no-such-bucket: does not exist \(.*NoSuchBucket"):
        list(open_source("s3://no-such-bucket").objects(Round()))
    with pytest.raises(NoDataError, match=r"^s3://trail-logs: there are no log files"):
        listed()
    put(bucket, f"AWSLogs/{A}/Config/x.json.gz")
    with pytest.raises(NoDataError, match="there are no log files"):
        listed()
    with pytest.raises(NoDataError, match=r"^s3://trail-logs/nowhere: there are no log files"):
        listed("/nowhere")


def test_a_source_is_picklable_after_it_was_used(bucket: Aws) -> None:
    put(bucket, "a.json", b"[]")
    source = open_source(f"s3://{BUCKET}")
    (item,) = source.objects(Round())
    assert pickle.loads(pickle.dumps(source)).read(item) == b"[]"
