"""What a downloaded folder cannot prove, as the newest signature stayed in the bucket, must not pass for proved."""

from __future__ import annotations

import gzip
from datetime import timedelta
from pathlib import Path

import pytest

from tests.assurance.chains import HOUR, START, Trail, to_folder
from tests.assurance.conftest import Verify, kinds


@pytest.mark.parametrize("where", ["folder"], indirect=True)
def test_every_link_cut_in_a_folder_proves_nothing(check: Verify) -> None:
    """Digests that all claim to be the first need no signature of each other: that must not pass."""
    trail = Trail().hours(5)
    trail.spoil(trail.logs[1])
    nothing = dict.fromkeys(("S3Bucket", "S3Object", "HashValue", "HashAlgorithm", "Signature"))
    for key, log in zip(trail.digests, trail.logs, strict=True):
        cut = {f"previousDigest{name}": value for name, value in nothing.items()}
        trail.rewrite(key, **cut, logFiles=[trail._listed(log)])
    found = check(trail)
    assert kinds(found) == ["broken_link"] * 4 + ["unsigned_chain"]
    assert (found.verdict, found.total("digests_valid")) == ("invalid", 0)


@pytest.mark.parametrize("where", ["folder"], indirect=True)
def test_a_digest_made_up_to_list_a_log_that_was_added(check: Verify) -> None:
    trail = Trail().hours(6)
    added = trail.log(START + HOUR)
    made_up = Trail(key="other", name="made_up")
    made_up.objects[added] = trail.objects[added]
    made_up.digest(START, START + HOUR, [added], backfill=True)
    assert kinds(check(trail, made_up, keys=("first", "other"))) == ["unsigned_chain"]


@pytest.mark.parametrize("where", ["folder"], indirect=True)
def test_the_newest_digest_altered_to_list_a_log_of_an_earlier_hour(check: Verify) -> None:
    trail = Trail().hours(6)
    added = trail.log(START + timedelta(minutes=20))
    trail.rewrite(trail.digests[-1], logFiles=[trail._listed(added), trail._listed(trail.logs[5])])
    [problem] = check(trail).problems
    assert problem.kind == "extra_log" and problem.object.endswith(added)


@pytest.mark.parametrize("how", ["deleted", "another's bytes", "one byte"])
def test_no_single_change_passes(check_folder: Verify, tmp_path: Path, how: str) -> None:
    """Every object in turn, but the newest digest, of which a folder cannot tell."""
    trail = Trail().hours(4)
    folder = to_folder(tmp_path / "trail", trail)
    keys = sorted(trail.objects.keys() - {trail.digests[-1]})
    for number, key in enumerate(keys):
        data = gzip.decompress(trail.objects[key])
        if how == "deleted":
            (folder / key).unlink()
        elif how == "one byte":
            at = data.rindex(b"2026") + 3
            (folder / key).write_bytes(gzip.compress(data[:at] + b"5" + data[at + 1 :]))
        else:
            (folder / key).write_bytes(trail.objects[keys[number - 1]])
        found = check_folder(folder)
        assert found.failing and found.verdict == "invalid", key
        (folder / key).write_bytes(trail.objects[key])
    assert check_folder(folder).problems == []
