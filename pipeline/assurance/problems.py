"""What can be wrong with a trail's digests and logs: the kinds, how much each weighs, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pipeline.times import iso

# kind -> (what it says, what to do)
KINDS = {
    "altered_digest": (
        "a digest whose signature does not fit its content",
        "treat its hour as tampered with: find who wrote to the object (S3 data events, versions), restore the version",
    ),
    "altered_log": (
        "a log whose content is not what CloudTrail delivered",
        "restore the object's first version if the bucket keeps versions, and find out who replaced it",
    ),
    "missing_digest": (
        "digests that the chain names and that are not there",
        "restore them from the bucket's versions or a copy; with --from after them they are left out",
    ),
    "missing_log": (
        "a log that a digest lists and that is not there",
        "restore it from the bucket's versions, or complete the download (aws s3 sync)",
    ),
    "moved_digest": (
        "a digest that does not lie where CloudTrail put it",
        "verify the place where CloudTrail delivered it; a copy can be verified as a downloaded folder",
    ),
    "broken_link": (
        "a digest whose account of the one before does not fit it",
        "one of the two is not what CloudTrail delivered: verify the bucket, where each carries its own signature",
    ),
    "unsigned_chain": (
        "digests without any signature at hand",
        "verify the bucket, whose objects carry the signatures; a folder proves a digest by the one after it",
    ),
    "unknown_key": (
        "a signature by a key that is not at hand",
        "give the keys of that region and time: aws cloudtrail list-public-keys --region R --start-time … > keys.json",
    ),
    "extra_log": (
        "an object among the logs that no digest lists",
        "find out who wrote it: another trail without validation, or somebody who adds to the log",
    ),
    "undigested_logs": (
        "logs that no digest vouches for",
        "turn on log file validation of that trail; where it was on, digests were deleted",
    ),
    "altered_in_lake": (
        "a log that the lake took with other content than CloudTrail delivered",
        "ingest the whole place again into a new lake, once the logs there are verified",
    ),
    "outside": (
        "an object that lies outside the place that was verified",
        "verify that place too, or a prefix that holds both",
    ),
    "unreadable": (
        "an object that could not be read or understood",
        "see the detail; grant the right to read it, or restore it",
    ),
    "gap": (
        "a time for which nothing vouches: logging or validation was off",
        "look for StopLogging and UpdateTrail at its begin: who turned it off, and why",
    ),
}
# Told, and nothing is wrong with what was delivered: the log says nothing about that time.
GAPS = frozenset({"gap"})


@dataclass(frozen=True)
class Problem:
    """One thing wrong; `chain` is the chain of digests it belongs to, `since` to `until` the time it is about."""

    kind: str
    object: str
    detail: str
    chain: str = ""
    since: datetime | None = None
    until: datetime | None = None

    def as_json(self) -> dict[str, Any]:
        """The problem as the command prints it."""
        times = {"from": iso(self.since) if self.since else None, "to": iso(self.until) if self.until else None}
        return {"kind": self.kind, "object": self.object, "detail": self.detail, "chain": self.chain, **times}
