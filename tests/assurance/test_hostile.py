"""Digests written by somebody who wishes us ill: nothing they say leads anywhere, costs the run, or passes."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from pipeline.assurance import digests
from pipeline.assurance.digests import Unreadable
from tests.assurance.chains import BUCKET, Trail, to_folder
from tests.assurance.conftest import Verify, kinds


@pytest.mark.parametrize(
    "named", ["../../secret.json.gz", "/etc/passwd", "AWSLogs/111122223333/../../../secret.json.gz"]
)
def test_paths_that_lead_outside_are_only_names(check_folder: Verify, tmp_path: Path, named: str) -> None:
    secret = tmp_path / "secret.json.gz"
    secret.write_bytes(gzip.compress(b"secret"))
    listed = {"s3Bucket": BUCKET, "s3Object": named, "hashValue": "0" * 64, "hashAlgorithm": "SHA-256"}
    trail = Trail().hours(2)
    trail.hour(change=lambda content: content["logFiles"].append(listed))
    trail.hours(2)
    read: list[str] = []
    folder = to_folder(tmp_path / "trail", trail)
    from pipeline.sources.local import LocalSource

    original = LocalSource.read
    try:
        LocalSource.read = lambda self, item: read.append(item.address) or original(self, item)  # type: ignore
        found = check_folder(folder)
    finally:
        LocalSource.read = original  # type: ignore[method-assign]
    assert [(each.kind, each.object) for each in found.problems] == [("missing_log", f"{BUCKET}/{named}")]
    assert read and all(Path(each).resolve().is_relative_to(folder.resolve()) for each in read)


BAD: dict[str, Any] = {
    "no object": [1, 2],
    "logs are no list": {"logFiles": "many"},
    "a log is no object": {"logFiles": [7]},
    "a hash is a number": {
        "logFiles": [{"s3Bucket": "b", "s3Object": "k", "hashValue": 1, "hashAlgorithm": "SHA-256"}]
    },
    "a time that is none": {"digestEndTime": "yesterday"},
    "a year that is none": {"digestEndTime": "9999-99-99T00:00:00Z"},
    "ends before it begins": {"digestStartTime": "2026-11-02T00:00:00Z"},
    "a key too long": {"digestS3Object": "k" * 5_000},
    "a signature too long": {"previousDigestSignature": "ab" * 5_000},
    "a place of another type": {"digestS3Bucket": {"name": "b"}},
    "a fingerprint that is missing": {"digestPublicKeyFingerprint": None},
}


@pytest.mark.parametrize("bad", BAD)
def test_content_of_a_wrong_shape_costs_one_digest(check_folder: Verify, tmp_path: Path, bad: str) -> None:
    trail = Trail().hours(5)
    content = BAD[bad] if isinstance(BAD[bad], list) else trail.content(trail.digests[2]) | BAD[bad]
    trail.objects[trail.digests[2]] = gzip.compress(json.dumps(content).encode())
    found = check_folder(to_folder(tmp_path / "trail", trail))
    [problem] = found.problems
    assert problem.kind == "unreadable" and problem.object.endswith(trail.digests[2])
    assert len(problem.detail) < 400
    # The one before it lost its signature with it, and the newest of a folder has none.
    assert (found.total("digests_checked"), found.total("digests_valid"), found.unsigned) == (5, 2, 2)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x1f\x8b",
        gzip.compress(b"{}", mtime=0)[:-4],
        gzip.compress(b"[" * 2_000_000, mtime=0),
        gzip.compress(b'{"logFiles":' + b"[" * 100_000, mtime=0),
        gzip.compress(b'{"digestS3Object": "\\ud800"}', mtime=0),
        gzip.compress(b"\xff\xfe", mtime=0),
    ],
    ids=["empty", "header", "cut", "deep", "deep in a member", "surrogate", "no UTF-8"],
)
def test_bytes_that_are_no_digest(check_folder: Verify, tmp_path: Path, data: bytes) -> None:
    trail = Trail().hours(4)
    trail.objects[trail.digests[1]] = data
    assert kinds(check_folder(to_folder(tmp_path / "trail", trail))) == ["unreadable"]


def test_an_object_that_unpacks_without_end(
    monkeypatch: pytest.MonkeyPatch, check_folder: Verify, tmp_path: Path
) -> None:
    monkeypatch.setattr(digests, "DIGEST_BYTES", 1 << 20)
    trail = Trail().hours(4)
    bomb = gzip.compress(b" " * (8 << 20))
    trail.objects[trail.digests[1]] = trail.objects[trail.logs[2]] = bomb
    found = check_folder(to_folder(tmp_path / "trail", trail), limit=1 << 20)
    assert kinds(found) == ["altered_log", "unreadable"]
    assert all("unpacks to more than 1,048,576 bytes" in each.detail for each in found.problems)


def test_a_long_list(check_folder: Verify, tmp_path: Path) -> None:
    listed = {"s3Bucket": BUCKET, "hashValue": "0" * 64, "hashAlgorithm": "SHA-256"}
    trail = Trail().hours(1)
    trail.hour(change=lambda told: told.update(logFiles=[listed | {"s3Object": f"k{n}"} for n in range(50_000)]))
    trail.hours(2, logs=0)
    found = check_folder(to_folder(tmp_path / "trail", trail))
    assert found.total("logs_listed") == 50_001
    assert kinds(found).count("missing_log") == 50_000


def test_a_hash_by_another_algorithm_is_not_taken_for_checked(check_folder: Verify, tmp_path: Path) -> None:
    trail = Trail().hours(1)
    trail.hour(change=lambda told: told["logFiles"][0].update(hashAlgorithm="MD5"))
    trail.hours(2)
    assert kinds(check_folder(to_folder(tmp_path / "trail", trail))) == ["unreadable"]


def test_a_signature_by_another_algorithm_is_not_taken_for_checked(check_folder: Verify, tmp_path: Path) -> None:
    trail = Trail().hours(1)
    trail.hour(change=lambda told: told.update(digestSignatureAlgorithm="none"))
    trail.hours(2)
    assert kinds(check_folder(to_folder(tmp_path / "trail", trail))) == ["unreadable"]


def test_digests_that_name_each_other_end(check_folder: Verify, tmp_path: Path) -> None:
    trail = Trail().hours(4)
    first = trail.content(trail.digests[-1])
    trail.rewrite(trail.digests[0], previousDigestS3Bucket=BUCKET, previousDigestS3Object=first["digestS3Object"])
    assert "altered_digest" in kinds(check_folder(to_folder(tmp_path / "trail", trail)))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"{}", "missing required field"),
        (b"null", "is no digest"),
        (gzip.compress(b"{}", mtime=0) + b"x", "no gzip follow"),
    ],
)
def test_what_is_said_of_it(text: bytes, reason: str) -> None:
    with pytest.raises(Unreadable, match=reason):
        digests.parse(text)
