"""Each way in which a trail can be tampered with, in a bucket and in a downloaded folder.

What is expected follows from AWS's "CloudTrail log file integrity: custom implementations": a digest is proved by the
signature in its object's metadata or in its successor; a log by the hash in a digest that is proved.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from tests.assurance.chains import BUCKET, HOUR, START, Trail, key_file
from tests.assurance.conftest import Verify, kinds


def test_an_intact_trail(check: Verify, where: str) -> None:
    trail = Trail().hours(3, logs=2).hours(2, logs=0).hours(1)
    found = check(trail)
    head = where == "folder"  # the signature of the newest digest stays in the bucket
    assert found.problems == []
    assert found.verdict == ("incomplete" if head else "valid")
    told = found.as_json()
    assert (told["digests_checked"], told["digests_valid"], told["unsigned_head"]) == (6, 6 - head, int(head))
    assert (told["logs_listed"], told["logs_valid"], told["logs_in_lake"]) == (7, 7, 0)
    assert told["logs_unsigned"] == int(head)
    assert (told["from"], told["to"]) == ("2026-11-01T10:01:31Z", "2026-11-01T16:01:31Z")
    [chain] = found.chains
    assert [each.endswith(trail.digests[-1]) for each in chain.unsigned] == [True] * head
    assert (chain.account, chain.region, chain.trail) == ("111122223333", "eu-west-1", "main")


def test_an_altered_log(check: Verify) -> None:
    trail = Trail().hours(5)
    trail.spoil(trail.logs[1])
    found = check(trail)
    [problem] = found.problems
    assert (problem.kind, problem.since, problem.until) == ("altered_log", START + HOUR, START + 2 * HOUR)
    assert problem.object.endswith(trail.logs[1])
    assert (found.verdict, found.total("logs_valid"), found.total("logs_listed")) == ("invalid", 4, 5)


@pytest.mark.parametrize("how", ["cut short", "bytes after it", "not JSON, not gzip"])
def test_a_log_whose_bytes_are_spoiled(check: Verify, how: str) -> None:
    trail = Trail().hours(5)
    data = trail.objects[trail.logs[0]]
    trail.objects[trail.logs[0]] = {"cut short": data[:-9], "bytes after it": data + b"more"}.get(how, b"nonsense")
    assert kinds(check(trail)) == ["altered_log"]


def test_a_deleted_log(check: Verify) -> None:
    trail = Trail().hours(5)
    trail.remove(trail.logs[2])
    [problem] = check(trail).problems
    assert (problem.kind, problem.object) == ("missing_log", f"{BUCKET}/{trail.logs[2]}")


def test_an_altered_digest_has_no_say_over_logs(check: Verify) -> None:
    trail = Trail().hours(6)
    trail.rewrite(trail.digests[2], logFiles=[])
    found = check(trail)
    [problem] = found.problems
    assert problem.kind == "altered_digest" and problem.object.endswith(trail.digests[2])
    assert found.total("logs_listed") == 5
    assert found.unlisted.get("extra", 0) == 0


def test_a_digest_and_its_log_altered_together(check: Verify) -> None:
    trail = Trail().hours(6)
    trail.spoil(trail.logs[2])
    trail.rewrite(trail.digests[2], logFiles=[trail._listed(trail.logs[2])])
    assert kinds(check(trail)) == ["altered_digest"]


@pytest.mark.parametrize("count", [1, 2, 3])
def test_deleted_digests_are_told_by_the_time_they_leave_open(check: Verify, where: str, count: int) -> None:
    trail = Trail().hours(8)
    trail.remove(*trail.digests[3 : 3 + count])
    found = check(trail)
    [problem] = found.problems
    assert problem.kind == "missing_digest"
    assert problem.object == f"{BUCKET}/{trail.digests[2 + count]}"  # what the next one names
    assert (problem.since, problem.until) == (START + 3 * HOUR, START + (3 + count) * HOUR)
    assert ("1 digest is missing" if count == 1 else f"{count} digests in a row are missing") in problem.detail
    # In a folder the digest before the hole loses its signature, which stood in the first of those deleted.
    lost = int(where == "folder")
    assert ("went with it" in problem.detail) == bool(lost)
    assert found.total("digests_valid") == 8 - count - 2 * lost
    assert found.unsigned == 2 * lost


def test_the_oldest_digest_deleted(check: Verify) -> None:
    trail = Trail().hours(5)
    trail.remove(trail.digests[0])
    found = check(trail)
    # The log of that hour lies before all that the digests vouch for.
    assert kinds(found) == ["gap", "missing_digest"]


def test_a_moved_digest(check: Verify) -> None:
    trail = Trail().hours(5)
    data, metadata = trail.objects.pop(trail.digests[2]), trail.metadata.pop(trail.digests[2])
    elsewhere = trail.digests[2].replace("/2026/11/01/", "/2026/11/02/")
    trail.objects[elsewhere], trail.metadata[elsewhere] = data, metadata
    found = check(trail)
    assert kinds(found) == ["missing_digest", "moved_digest"]
    moved = next(each for each in found.problems if each.kind == "moved_digest")
    assert moved.object.endswith(elsewhere) and trail.digests[2] in moved.detail


def test_a_link_that_does_not_fit(check: Verify) -> None:
    """The digest is CloudTrail's by its signature, and the hash it gives of the one before is another's."""
    trail = Trail().hours(3)
    trail.hour(change=lambda content: content.update(previousDigestHashValue="0" * 64))
    trail.hours(2)
    [problem] = check(trail).problems
    assert problem.kind == "broken_link" and problem.object.endswith(trail.digests[3])


def test_a_digest_replaced_by_another_genuine_one(check: Verify, where: str) -> None:
    trail = Trail().hours(2)
    before = trail.previous
    trail.hours(1, logs=2)
    genuine = trail.digests[2]
    trail.hours(2)
    # Signed by the same key for the same place, but not the one that the chain went on from.
    trail.previous, tail = before, trail.previous
    trail.digest(START + 2 * HOUR, START + 3 * HOUR, [trail.logs[2]])
    trail.previous = tail
    found = check(trail)
    # The bucket has the signature of what lies there now; in a folder only the successor's is left, which proves
    # that the content is not what CloudTrail went on from.
    assert kinds(found) == (["altered_digest"] if where == "folder" else ["broken_link", "extra_log"])
    assert genuine.rpartition("/")[2] in " ".join(each.object + each.detail for each in found.problems)


def test_logging_stopped_and_started_again_is_a_gap(check: Verify, where: str) -> None:
    trail = Trail().hours(4)
    trail.stop(timedelta(hours=5))
    trail.hours(4)
    found = check(trail)
    [problem] = found.problems
    assert (problem.kind, problem.since, problem.until) == ("gap", START + 4 * HOUR, START + 9 * HOUR)
    assert found.failing == [] and found.verdict == "incomplete"
    # No digest goes on from the last before the stop: in a folder it is unsigned, as the newest is.
    assert found.total("digests_valid") == (6 if where == "folder" else 8)


def test_a_key_that_is_not_at_hand(check: Verify, where: str) -> None:
    found = check(Trail().hours(5), keys=("other",))
    [problem] = found.problems
    assert problem.kind == "unknown_key"
    assert f"{5 - (where == 'folder')} digests" in problem.detail
    assert (found.total("digests_valid"), found.verdict) == (0, "invalid")


def test_another_key_under_the_right_fingerprint(check: Verify, tmp_path: Path, where: str) -> None:
    found = check(Trail().hours(4), key_path=key_file(tmp_path / "forged.json", first="other"))
    assert set(kinds(found)) <= {"altered_digest", "broken_link"}
    assert len(found.problems) == 4 - (where == "folder")
    assert (found.total("digests_valid"), found.verdict) == (0, "invalid")


def test_keys_are_rotated_in_mid_chain(check: Verify) -> None:
    trail = Trail().hours(3)
    trail.key = "second"
    trail.hours(3)
    assert check(trail, keys=("first", "second")).problems == []
    [problem] = check(trail, keys=("first",)).problems
    assert problem.kind == "unknown_key" and problem.since == START + 3 * HOUR


def test_the_newest_digest_altered(check: Verify, where: str) -> None:
    trail = Trail().hours(5)
    trail.rewrite(trail.digests[-1], logFiles=[])
    found = check(trail)
    if where == "bucket":
        assert kinds(found) == ["altered_digest"]
    else:  # nothing at hand could tell, and that is what is said
        assert found.problems == []
        assert (found.verdict, found.unsigned) == ("incomplete", 1)


def test_the_link_of_the_newest_digest_altered(check: Verify, where: str) -> None:
    trail = Trail().hours(5)
    trail.rewrite(trail.digests[-1], previousDigestSignature="ab" * 256)
    found = check(trail)
    # In the bucket the digest before is proved by its own metadata; in a folder one of the two was altered.
    assert kinds(found) == (["altered_digest"] if where == "bucket" else ["broken_link"])


@pytest.mark.parametrize("where", ["bucket"], indirect=True)
def test_a_signature_taken_away_from_the_bucket(check: Verify) -> None:
    trail = Trail().hours(4)
    trail.metadata[trail.digests[-1]] = {}
    assert kinds(check(trail)) == ["altered_digest"]


def test_a_log_that_no_digest_lists(check: Verify) -> None:
    trail = Trail().hours(6)
    key = trail.log(START + HOUR + timedelta(minutes=30))
    [problem] = check(trail).problems
    assert problem.kind == "extra_log" and problem.object.endswith(key)


def test_a_file_among_the_logs_without_the_name_of_one(check: Verify) -> None:
    trail = Trail().hours(5)
    folder = trail.logs[0].rpartition("/")[0]
    trail.objects[f"{folder}/added.json.gz"] = trail.objects[trail.logs[0]]
    assert kinds(check(trail)) == ["extra_log"]


def test_the_newest_logs_may_lack_a_digest(check: Verify) -> None:
    trail = Trail().hours(4)
    trail.log(trail.moment + timedelta(minutes=20))
    found = check(trail)
    assert found.problems == [] and found.unlisted == {"pending": 1}


def test_logs_long_after_the_last_digest(check: Verify) -> None:
    """Validation was turned off, or the newest digests were deleted: nothing vouches for them."""
    trail = Trail().hours(6)
    trail.remove(*trail.digests[-3:])
    found = check(trail)
    assert kinds(found) == ["undigested_logs"]
    assert found.verdict == "invalid"


def test_a_region_without_digests(check: Verify) -> None:
    bare = Trail(region="us-east-1", home="us-east-1").hours(2)
    bare.remove(*bare.digests)
    [problem] = check(Trail().hours(3), bare).problems
    assert problem.kind == "undigested_logs" and "us-east-1" in problem.object and problem.detail.startswith("2 logs")
