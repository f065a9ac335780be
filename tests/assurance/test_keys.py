"""Public keys: files as the AWS CLI prints them, and ListPublicKeys, asked in the region that signed."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest

from pipeline.assurance.keys import KeyFiles, ListedKeys
from pipeline.assurance.verify import Task, verify
from pipeline.config import SourceSettings
from pipeline.errors import SourceError, UsageError
from pipeline.sources.base import open_source
from tests.assurance.chains import START, Trail, fingerprint, key_file, public_der, to_folder
from tests.assurance.conftest import kinds
from tests.aws.cloudtrail import CloudTrail

DAY = timedelta(days=1)


@pytest.fixture
def asked(cloudtrail: CloudTrail, monkeypatch: pytest.MonkeyPatch) -> CloudTrail:
    """CloudTrail on loopback, reached by the environment."""
    for name, value in cloudtrail.environment.items():
        monkeypatch.setenv(name, value)
    return cloudtrail


def run(folder: Path) -> list[str]:
    settings = SourceSettings(str(folder))
    return kinds(verify(Task(open_source(settings), settings.location, ListedKeys(settings))))


def test_each_region_is_asked_for_its_own_keys(asked: CloudTrail, tmp_path: Path) -> None:
    asked.add_public_key(public_der("first"), START - DAY, START + DAY, fingerprint("first"), "eu-west-1")
    asked.add_public_key(public_der("second"), START - DAY, START + DAY, fingerprint("second"), "us-east-1")
    folder = to_folder(tmp_path / "trail", Trail().hours(3), Trail(region="us-east-1", key="second").hours(3))
    assert run(folder) == []


def test_a_key_of_another_region_is_not_taken(asked: CloudTrail, tmp_path: Path) -> None:
    asked.add_public_key(public_der("first"), START - DAY, START + DAY, fingerprint("first"), "us-east-1")
    assert run(to_folder(tmp_path / "trail", Trail().hours(3))) == ["unknown_key"]


def test_a_digest_signed_long_after_its_hour(asked: CloudTrail, tmp_path: Path) -> None:
    """Backfill digests are signed when they are made, by a key that was not in use in the hour they are about."""
    asked.add_public_key(public_der("first"), START - DAY, START + DAY, fingerprint("first"))
    asked.add_public_key(public_der("second"), START + 5 * DAY, START + 6 * DAY, fingerprint("second"))
    trail = Trail().hours(3)
    trail.previous, trail.key = None, "second"
    for number in range(2):
        begin = START + timedelta(hours=number)
        trail.digest(begin, begin + timedelta(hours=1), [trail.log(begin + timedelta(minutes=9))], backfill=True)
    assert run(to_folder(tmp_path / "trail", trail)) == []


def test_aws_is_asked_once_a_month_and_once_more_for_a_key_it_does_not_know(asked: CloudTrail, tmp_path: Path) -> None:
    asked.add_public_key(public_der("first"), START - 60 * DAY, START, fingerprint("first"))
    trail = Trail(moment=START - 33 * DAY).hours(60, logs=0)  # from 29 September into October
    trail.key = "second"
    keys, calls = ListedKeys(SourceSettings(str(tmp_path))), []
    original = keys._ask
    keys._ask = lambda *asking: (calls.append(asking), original(*asking))[1]  # type: ignore[method-assign]
    trail.hours(30, logs=0)
    folder = to_folder(tmp_path / "trail", trail)
    found = verify(Task(open_source(str(folder)), str(folder), keys))
    assert kinds(found) == ["unknown_key"] and found.total("digests_valid") == 60
    # October, whose answer holds the key of September too; and once up to now for the key that AWS does not know.
    assert len(calls) == 2


def test_aws_that_refuses_ends_the_run(asked: CloudTrail, tmp_path: Path) -> None:
    asked.configure(denied=["eu-west-1"])
    with pytest.raises(SourceError, match=r"public keys of eu-west-1.*--keys FILE"):
        run(to_folder(tmp_path / "trail", Trail().hours(2)))


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("{", "is no JSON"),
        ("[" * 100_000, "is no JSON"),
        ("{}", "has no PublicKeyList"),
        ("[7]", "has no PublicKeyList"),
        ('{"PublicKeyList": []}', "holds no public key"),
        ('{"PublicKeyList": [{"Fingerprint": "f", "Value": "!"}]}', "public key 1 cannot be understood"),
        ('{"PublicKeyList": [{"Fingerprint": "f", "Value": "QUJD"}]}', "public key 1 cannot be understood"),
        ('{"PublicKeyList": [{"Value": "QUJD"}]}', "public key 1 cannot be understood"),
        ('{"PublicKeyList": [null]}', "public key 1 cannot be understood"),
    ],
)
def test_a_file_that_holds_no_keys(tmp_path: Path, content: str, problem: str) -> None:
    path = tmp_path / "keys.json"
    path.write_text(content)
    with pytest.raises(UsageError, match=problem):
        KeyFiles([path])


def test_several_answers_in_files_and_in_one(tmp_path: Path) -> None:
    first, second = key_file(tmp_path / "a.json", "first"), key_file(tmp_path / "b.json", "second")
    both = tmp_path / "both.json"
    both.write_text(json.dumps([json.loads(first.read_text()), json.loads(second.read_text())]))
    for files in ([first, second], [both]):
        known = KeyFiles(files)
        assert all(known.find(fingerprint(each), "any", START, START) for each in ("first", "second"))


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        KeyFiles([tmp_path / "none.json"])
