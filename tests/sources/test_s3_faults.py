"""S3 as it is on a bad day: whatever breaks, nothing is lost, nothing is there twice, and it is said what happened."""

from __future__ import annotations

import gzip
import json
import os
import re
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from pipeline.config import Settings, SourceSettings
from pipeline.errors import NoDataError, SourceError
from pipeline.ingest import driver, ingest
from pipeline.ingest.retry import retry
from pipeline.ingest.summary import Summary
from pipeline.lake.commit import roll_forward
from pipeline.lake.listings import marks
from pipeline.lake.quarantine import entries
from pipeline.lake.tables import Lake
from pipeline.sources import aws
from pipeline.sources import s3 as s3_source
from pipeline.sources.base import Round, open_source
from pipeline.sources.s3 import S3Source
from tests.aws.fake_s3 import FakeS3
from tests.aws.moto import Aws, free_port
from tests.lake.contents import check_sums, table
from tests.logs import event

ROOT = Path(__file__).resolve().parents[2]
PLACE = "s3://trail-logs/AWSLogs"
TRAIL = "trail-logs/AWSLogs/111122223333/CloudTrail/eu-west-1/"
OBJECTS, EVENTS = 12, 20


def name(number: int) -> str:
    return f"{TRAIL}2026/10/{1 + number % 3:02}/{number:02}.json.gz"


def body(number: int) -> bytes:
    """20 events, the first of them the last of the object before."""
    ids = [f"{number}-{n}" for n in range(EVENTS)]
    records = [event(eventID=each, eventTime="2026-10-01T10:00:00Z") for each in ids]
    if number:
        records[0] |= {"eventID": f"{number - 1}-{EVENTS - 1}"}
    for each in records:
        each["requestID"] = each["eventID"]
    return gzip.compress(json.dumps({"Records": records}).encode())


@pytest.fixture
def bucket(s3: FakeS3, monkeypatch: pytest.MonkeyPatch) -> FakeS3:
    for number in range(OBJECTS):
        s3.put(name(number), body(number))
    monkeypatch.setattr(S3Source, "today", lambda _: date(2026, 11, 25))
    return s3


def run(lake: Path, source: SourceSettings | None = None, **settings: Any) -> Summary:
    chosen = Settings(jobs=2, sources=(source,) if source else (), **settings)
    return ingest(lake, [] if source else [PLACE], chosen)


def check(lake: Path, objects: int = OBJECTS) -> None:
    """All of so many objects is in the lake, once."""
    assert table(lake, "ledger").num_rows == objects
    distinct = EVENTS * objects - (objects - 1)
    check_sums(lake, records_read=EVENTS * objects, events_new=distinct, duplicates=objects - 1, quarantined=0)


def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aws, "TRIES", 3)
    monkeypatch.setattr(aws, "FIRST_PAUSE", 0.01)


PASSING: dict[str, dict[str, Any]] = {
    "500": {"kind": "error", "status": 500, "code": "InternalError", "times": 5},
    "503 for all at first": {"kind": "error", "status": 503, "code": "SlowDown", "times": 24},
    "400 that passes": {"kind": "error", "status": 400, "code": "RequestTimeout", "times": 3},
    "slow": {"kind": "slow", "seconds": 0.3, "times": 6},
    "half bodies": {"kind": "half", "times": 6},
    "half a body, then a reset": {"kind": "torn", "times": 6},
    "reset connections": {"kind": "reset", "times": 6},
    "503 while listing": {"on": "list", "kind": "error", "status": 503, "code": "SlowDown", "times": 5},
    "reset while listing": {"on": "list", "kind": "reset", "times": 2},
    "half a listing": {"on": "list", "kind": "half", "times": 2},
    "half a listing, then a reset": {"on": "list", "kind": "torn", "times": 2},
    "slow listing": {"on": "list", "kind": "slow", "seconds": 0.3, "times": 3},
}


@pytest.mark.parametrize("fault", PASSING.values(), ids=PASSING)
def test_what_passes_is_waited_for(bucket: FakeS3, tmp_path: Path, fault: dict[str, Any]) -> None:
    bucket.fault(**fault)
    summary = run(tmp_path / "lake", batch_rows=50)
    assert (summary.objects_loaded, summary.problems) == (OBJECTS, [])
    check(tmp_path / "lake")
    kind = fault.get("on", "get")
    times = fault["times"] if fault["kind"] != "slow" else 0
    assert len(bucket.requests("get")) == OBJECTS + (times if kind == "get" else 0)


LASTING: dict[str, tuple[dict[str, Any], str]] = {
    "500": ({"kind": "error", "status": 500, "code": "InternalError"}, r"InternalError"),
    "half": ({"kind": "half"}, r"cannot be read \(.*bytes"),
    "reset": ({"kind": "torn"}, r"cannot be read \("),
    "denied": ({"kind": "error", "status": 403, "code": "AccessDenied"}, r"AWS refused \(.*AccessDenied"),
    "key disabled": ({"kind": "error", "status": 400, "code": "KMS.DisabledException"}, r"KMS.DisabledException"),
    "archived": ({"kind": "error", "status": 403, "code": "InvalidObjectState"}, r"archive storage class"),
}


@pytest.mark.parametrize(("fault", "reason"), LASTING.values(), ids=LASTING)
def test_one_object_that_cannot_be_had_costs_itself_until_it_can(
    bucket: FakeS3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: dict[str, Any], reason: str
) -> None:
    impatient(monkeypatch)
    lake = tmp_path / "lake"
    bucket.fault(match="11.json.gz", times=-1, **fault)
    summary = run(lake)
    assert (summary.objects_loaded, summary.objects_failed, summary.partial) == (OBJECTS - 1, 1, True)
    (problem,) = summary.problems
    assert problem.startswith(f"s3://{name(11)}: ")
    assert re.search(reason, problem)
    check(lake, OBJECTS - 1)
    assert marks(Lake.open(lake)) == {}  # the day of that object is looked at again
    bucket.mend()
    assert run(lake).objects_loaded == 1
    check(lake)
    assert marks(Lake.open(lake)) == {f"s3://{TRAIL}": date(2026, 11, 22)}


def test_an_object_replaced_before_it_is_read(bucket: FakeS3, tmp_path: Path) -> None:
    new = json.dumps({"Records": [event(eventID="new")]})
    bucket.fault("replace", match=name(5), body=new)
    summary = run(tmp_path / "lake")
    assert summary.problems == [f"s3://{name(5)}: was replaced after it was listed; the next run takes it as it is now"]
    assert table(tmp_path / "lake", "ledger").num_rows == OBJECTS - 1
    assert run(tmp_path / "lake").events_new == 1
    assert run(tmp_path / "lake").objects_seen == 0
    # The event that object 5 shared with object 6 came from there; its own 18 were in no other object.
    lost = EVENTS - 2
    check_sums(tmp_path / "lake", events_new=EVENTS * OBJECTS - (OBJECTS - 1) - lost + 1, duplicates=OBJECTS - 3)


def test_an_object_deleted_before_it_is_read(bucket: FakeS3, tmp_path: Path) -> None:
    bucket.fault("delete", match=name(11))
    summary = run(tmp_path / "lake")
    assert summary.problems == [f"s3://{name(11)}: is not there, or no longer (NoSuchKey)"]
    again = run(tmp_path / "lake")
    assert (again.objects_seen, again.objects_loaded, again.problems) == (OBJECTS - 1, 0, [])
    check(tmp_path / "lake", OBJECTS - 1)


@pytest.mark.parametrize("code", ["ExpiredToken", "InvalidAccessKeyId"])
def test_credentials_that_end_in_the_middle(
    bucket: FakeS3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    lake = tmp_path / "lake"
    monkeypatch.setattr(driver, "_TASK_BYTES", 1)  # an object a task, and so a batch
    bucket.fault("error", status=400, code=code, skip=8, times=-1)
    with pytest.raises(SourceError, match=rf"^s3://trail-logs/AWSLogs: .*{code}[^\n]*$"):
        run(lake, batch_rows=1)
    roll_forward(Lake.open(lake))
    before = table(lake, "ledger").num_rows
    assert 0 < before < OBJECTS
    check_sums(lake)
    assert marks(Lake.open(lake)) == {}
    bucket.mend()
    assert run(lake).objects_loaded == OBJECTS - before
    check(lake)


def test_the_command_says_it_in_a_line(bucket: FakeS3, tmp_path: Path) -> None:
    bucket.fault("error", status=400, code="ExpiredToken", skip=3, times=-1)
    command = [sys.executable, "-c", "from pipeline.cli import main; main()", "ingest", PLACE]
    done = subprocess.run(
        [*command, "--lake", str(tmp_path / "lake")], cwd=ROOT, env=os.environ, capture_output=True, text=True
    )
    assert done.returncode == 1
    assert done.stdout == ""
    (line,) = [each for each in done.stderr.splitlines() if each.startswith("trailsift")]
    assert line.endswith("the credentials have expired (ExpiredToken); renew them and run the same command again")


def test_credentials_that_end_while_listing(bucket: FakeS3, tmp_path: Path) -> None:
    bucket.fault("error", on="list", status=400, code="ExpiredToken", skip=2, times=-1)
    with pytest.raises(SourceError, match="the credentials have expired"):
        run(tmp_path / "lake")
    bucket.mend()
    run(tmp_path / "lake")
    check(tmp_path / "lake")


def test_a_part_that_may_not_be_listed_is_an_error_and_no_gap(bucket: FakeS3, tmp_path: Path) -> None:
    bucket.fault("error", on="list", match="CloudTrail/eu-west-1", status=403, code="AccessDenied", times=-1)
    with pytest.raises(SourceError, match=r"AWS refused \(.*AccessDenied"):
        run(tmp_path / "lake")


@pytest.mark.parametrize("kind", ["reset", "half", "torn"])
def test_a_listing_that_never_comes_is_told_in_a_line(
    bucket: FakeS3, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    impatient(monkeypatch)
    bucket.fault(kind, on="list", times=-1)
    with pytest.raises(SourceError, match=r"^s3://trail-logs/AWSLogs: cannot be (listed|reached) \([^\n]*$"):
        list(open_source(PLACE).objects(Round()))


def test_nobody_there(bucket: FakeS3, monkeypatch: pytest.MonkeyPatch) -> None:
    impatient(monkeypatch)
    nowhere = SourceSettings(PLACE, endpoint_url=f"http://127.0.0.1:{free_port()}")
    with pytest.raises(SourceError, match=r"^s3://trail-logs/AWSLogs: cannot be reached \(.*Could not connect"):
        list(open_source(nowhere).objects(Round()))


def test_a_place_that_answers_nothing_any_more_ends_the_run(
    bucket: FakeS3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    impatient(monkeypatch)
    monkeypatch.setattr(s3_source, "LOST", 4)
    bucket.fault("reset", skip=2, times=-1)
    with pytest.raises(SourceError, match=r"^s3://trail-logs/AWSLogs: cannot be reached \("):
        run(tmp_path / "lake")
    bucket.mend()
    run(tmp_path / "lake")
    check(tmp_path / "lake")


def test_without_credentials(bucket: FakeS3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    with pytest.raises(SourceError, match=r"Unable to locate credentials\); configure AWS credentials"):
        run(tmp_path / "lake")


def test_who_may_list_only_below_a_folder_may_name_it(bucket: FakeS3) -> None:
    """S3 answers 403, not 404, for what is not there to those who may not list the whole bucket."""
    for kind in ("head", "get"):
        bucket.fault("error", on=kind, status=403, code="AccessDenied", times=1)
    assert len(list(open_source(PLACE).objects(Round()))) == OBJECTS
    for kind in ("head", "get"):
        bucket.fault("error", on=kind, status=403, code="AccessDenied", times=1)
    with pytest.raises(NoDataError, match=r"^s3://trail-logs/nothing: AWS refused \("):
        list(open_source("s3://trail-logs/nothing").objects(Round()))


def test_a_quarantined_object_is_taken_once_it_is_put_right(bucket: FakeS3, tmp_path: Path) -> None:
    bucket.put(name(11), b"{not json")
    assert run(tmp_path / "lake").objects_failed == 1
    assert [each.uri for each in entries(Lake.open(tmp_path / "lake"))] == [f"s3://{name(11)}"]
    bucket.put(name(11), body(11))
    assert retry(tmp_path / "lake", Settings(jobs=1)).objects_loaded == 1
    assert entries(Lake.open(tmp_path / "lake")) == []
    check_sums(tmp_path / "lake", records_read=EVENTS * OBJECTS, duplicates=OBJECTS - 1)


# How it is reached


def test_a_bucket_in_another_region(bucket: FakeS3, tmp_path: Path) -> None:
    for kind in ("get", "list"):
        bucket.fault("elsewhere", on=kind, region="ap-southeast-2", times=-1)
    run(tmp_path / "lake")
    check(tmp_path / "lake")


def test_the_requester_pays(bucket: FakeS3, tmp_path: Path) -> None:
    for kind in ("get", "list"):
        bucket.fault("unless", on=kind, header="(?i)x-amz-request-payer: requester", times=-1)
    with pytest.raises(SourceError, match="AWS refused"):
        run(tmp_path / "lake")
    run(tmp_path / "lake", SourceSettings(PLACE, name="paid", request_payer=True))
    check(tmp_path / "lake")


def test_each_source_by_a_role_or_profile_or_endpoint_of_its_own(
    bucket: FakeS3, aws: Aws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", bucket.url)  # `aws` is moto, which gives out the role's credentials
    (tmp_path / "config").write_text(
        "[profile archive]\naws_access_key_id = AKIAARCHIVE\naws_secret_access_key = x\nregion = eu-west-1\n"
    )
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    role = "arn:aws:iam::444455556666:role/reader"
    ways = {
        "Credential=ASIA": SourceSettings(PLACE, name="a", role_arn=role, external_id="e-1"),
        "Credential=AKIAARCHIVE": SourceSettings(PLACE, name="b", profile="archive"),
        "Credential=testing": SourceSettings(PLACE, name="c", endpoint_url=bucket.url),
    }
    for number, (header, source) in enumerate(ways.items()):
        bucket.mend()
        for kind in ("get", "list"):
            bucket.fault("unless", on=kind, header=header, times=-1)
        if "endpoint" in repr(source) and source.endpoint_url:
            monkeypatch.setenv("AWS_ENDPOINT_URL_S3", f"http://127.0.0.1:{free_port()}")
        run(tmp_path / f"lake{number}", source)
        check(tmp_path / f"lake{number}")
    with pytest.raises(SourceError, match=r"profile .nobody.* could not be found.*name a profile"):
        run(tmp_path / "lake", SourceSettings(PLACE, name="d", profile="nobody"))
