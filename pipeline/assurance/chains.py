"""One chain of digests, walked from its newest to its oldest: whose signature fits, and what is missing between.

A digest is signed where it lies (in the metadata of its object) and once more in its successor, which repeats the
signature. So a downloaded folder proves every digest but the newest of a run, whose signature stayed in the bucket.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from pipeline.assurance import places
from pipeline.assurance.digests import ALGORITHM, Digest
from pipeline.assurance.keys import Keys
from pipeline.assurance.places import Match
from pipeline.assurance.problems import Problem
from pipeline.assurance.reading import why
from pipeline.assurance.signatures import fits
from pipeline.sources.base import Refusal
from pipeline.times import iso

HOUR = timedelta(hours=1)
# Statuses of a digest whose list of logs is compared with the logs there are.
USABLE = ("valid", "unsigned", "unknown_key")
_LONG_AGO = datetime.min.replace(tzinfo=UTC)


@dataclass(slots=True)
class Node:
    """An object that is a digest by its name. `status` is valid, unsigned, unknown_key, moved, altered or unreadable.

    `place` is what it is matched by, `named_end` the end of its hour as its name has it; `signature` is the one that
    fits.
    """

    number: int
    uri: str
    place: str
    root: str
    named_end: datetime
    digest: Digest | None = None
    fault: str = ""
    status: str = ""
    signature: str = ""
    moved: bool = False

    @property
    def start(self) -> datetime:
        """When its hour begins, supposed where it cannot be read or proves nothing."""
        untrusted = self.digest is None or self.status in ("altered", "unreadable")
        return self.named_end - HOUR if untrusted or not self.digest else self.digest.start

    @property
    def end(self) -> datetime:
        """When its hour ends: as its content says, unless that is at odds with a name in the right place."""
        if self.digest and (self.moved or abs(self.digest.end - self.named_end) < HOUR):
            return self.digest.end
        return self.named_end


@dataclass
class Chain:
    """The digests of one account, region and trail, the oldest first, and the window they are judged in.

    `location` is where they were looked for. `metadata` gives the signature and its algorithm that the place keeps
    beside a digest; None where it keeps none of any object.
    """

    name: str
    region: str
    nodes: list[Node]
    keys: Keys
    metadata: Callable[[Node], tuple[str, str] | None]
    location: str
    match: Match
    since: datetime | None = None
    until: datetime | None = None
    problems: list[Problem] = field(default_factory=list)

    def inside(self) -> list[Node]:
        """Digests of the window, the oldest first."""
        low, high = self.since or _LONG_AGO, self.until
        return [each for each in self.nodes if each.end > low and (high is None or each.start < high)]

    def walk(self) -> None:
        """Gives every digest its status, and finds the problems of those in the window."""
        for node in self.nodes:
            node.moved = node.digest is not None and self._own(node.digest) != node.place
        self.nodes.sort(key=lambda each: (each.end, each.uri))
        self._there = {each.place for each in self.nodes}
        self._followers: dict[str, list[Node]] = {}
        for node in self.nodes:
            if node.digest and node.digest.previous:
                link = node.digest.previous
                self._followers.setdefault(places.named(link.bucket, link.key, self.match), []).append(node)
        for node in reversed(self.nodes):
            self._judge(node)
        inside = {id(each) for each in self.inside()}
        found = [each for node in self.nodes if id(node) in inside for each in self._problems(node)]
        self.problems = list({(each.kind, each.object): each for each in found}.values())
        self.problems += self._strangers(inside) + self._unproved()

    def _judge(self, node: Node) -> None:
        if node.digest is None:
            node.status = "unreadable"
            return
        if node.digest.algorithm != ALGORITHM:
            node.status, node.fault = "unreadable", f"is signed by {node.digest.algorithm!r}, not {ALGORITHM}"
            return
        try:
            node.status = self._status(node, node.digest)
        except (OSError, Refusal) as error:
            node.status, node.fault = "unreadable", f"has a signature that {why(error)}"

    def _status(self, node: Node, digest: Digest) -> str:
        links = [each.digest.previous for each in self._behind(node) if each.digest]
        offered = [link.signature for link in links if link]
        key = self.keys.find(digest.fingerprint, self.region, digest.start, digest.end)
        node.signature = next((each for each in offered if key and fits(digest, each, key)), "")
        if not node.signature and (key or not offered):
            kept = self.metadata(node)
            if kept is not None:
                offered.append(kept[0])
                good = kept[1] == ALGORITHM and key and fits(digest, kept[0], key)
                node.signature = kept[0].lower() if good else ""
        if not offered:
            return "unsigned"
        if key is None:
            return "unknown_key"
        if not node.signature:
            return "altered"
        return "moved" if node.moved else "valid"

    def _behind(self, node: Node) -> list[Node]:
        """Digests that name this one as the one before them."""
        assert node.digest
        return [each for each in self._followers.get(self._own(node.digest), []) if each.end > node.end]

    def _own(self, digest: Digest) -> str:
        """Where the digest says that it lies."""
        return places.named(digest.bucket, digest.key, self.match)

    def _problems(self, node: Node) -> Iterator[Problem]:
        if node.status == "unreadable":
            yield self._problem("unreadable", node.uri, f"the digest {node.fault}", node)
        elif node.status == "altered":
            yield self._altered(node)
        elif node.digest and node.moved:
            detail = f"says it lies at {node.digest.bucket}/{node.digest.key}"
            yield self._problem("moved_digest", node.uri, detail, node)
        yield from self._link(node)

    def _altered(self, node: Node) -> Problem:
        assert node.digest
        behind = self._behind(node)
        trusted = [each for each in behind if each.status in ("valid", "moved")]
        if not behind or trusted or self.metadata(node) is not None:
            told = "in its successor" if trusted else "of its object"
            detail = f"the signature {told} does not fit its content (SHA-256 {node.digest.sha256})"
            if trusted and self.metadata(node) == ("", ""):
                detail += ", and the object carries none"
            return self._problem("altered_digest", node.uri, detail, node)
        detail = (
            f"the signature in {places.name(behind[0].uri)}, which is {behind[0].status}, does not fit it; "
            "one of the two was altered"
        )
        return self._problem("broken_link", node.uri, detail, node)

    def _link(self, node: Node) -> Iterator[Problem]:
        """What is wrong between this digest and the one before it."""
        older = next((each for each in reversed(self.nodes) if each.end < node.end and each.status != "moved"), None)
        link = node.digest.previous if node.digest else None
        if node.status in ("altered", "unreadable"):  # its link proves nothing; the times still tell
            if older and node.start - older.end > HOUR / 2 and not self.backfill:
                yield self._missing(node, older, "digests before " + places.name(node.uri))
        elif link is None:
            yield from self._beginning(node, older)
        elif places.named(link.bucket, link.key, self.match) in self._there:
            yield from self._broken(node)
        elif (end := places.read(link.key).time) and self.since and end <= self.since:
            return
        elif self.match is Match.KEY and not places.within(self.location, f"{link.bucket}/{link.key}"):
            detail = f"{places.name(node.uri)} goes on from it; it was not looked at"
            yield self._problem("outside", f"s3://{link.bucket}/{link.key}", detail, node)
        else:
            yield self._missing(node, older, f"{link.bucket}/{link.key}")

    def _beginning(self, node: Node, older: Node | None) -> Iterator[Problem]:
        """What a digest leaves open that says that none comes before it. Backfill digests may begin anew each time."""
        begin = older.end if older else self.since
        if begin is None or self.backfill:
            return
        if older and node.status == "unsigned":
            detail = f"says that the chain begins anew after {iso(begin)}, and has no signature that proves it"
            yield self._problem("broken_link", node.uri, detail, node)
        elif older or begin < node.start:
            told = "logging or validation was stopped and started again" if older else "the chain begins here"
            detail = f"{told}: nothing vouches for {iso(begin)} to {iso(node.start)}"
            yield Problem("gap", node.uri, detail, self.name, begin, node.start)

    def _broken(self, node: Node) -> Iterator[Problem]:
        assert node.digest and node.digest.previous
        link = node.digest.previous
        own = places.named(link.bucket, link.key, self.match)
        for older in [each for each in self.nodes if each.place == own and each.status == "valid"]:
            assert older.digest
            wrong = ["signature"] * (link.signature != older.signature) + ["hash"] * (
                link.sha256 != older.digest.sha256
            )
            if wrong:
                told = " and ".join(wrong)
                detail = f"its {told} of the digest before are not those of {places.name(older.uri)}"
                yield self._problem("broken_link", node.uri, detail, node)

    def _missing(self, node: Node, older: Node | None, name: str) -> Problem:
        """A hole in the chain. One digest names only the one before it, so that two in a row are told by the time."""
        until = node.start
        if older is None:
            detail = f"the digest before {iso(until)} is not there; what came before it is not vouched for"
            return Problem("missing_digest", name, detail, self.name, None, until)
        span = until - older.end
        count = max(1, round(span / max(node.end - node.start, timedelta(minutes=1))))
        told = "1 digest is" if count == 1 or self.backfill else f"{count:,} digests in a row are"
        detail = f"{told} missing: nothing vouches for {iso(older.end)} to {iso(until)}"
        if older.status == "unsigned":
            detail += f"; the signature of {places.name(older.uri)} went with it"
        return Problem("missing_digest", name, detail, self.name, older.end, until)

    def _strangers(self, inside: set[int]) -> list[Problem]:
        """Signatures by keys that are not at hand, told once a key."""
        found: dict[str, list[Node]] = {}
        for node in self.nodes:
            if node.status == "unknown_key" and node.digest and id(node) in inside:
                found.setdefault(node.digest.fingerprint, []).append(node)
        problems = []
        for fingerprint, nodes in found.items():
            detail = f"{len(nodes):,} digests are signed by the key {fingerprint}, which is not among the public keys"
            detail += f" of {self.region}: their signatures were not checked"
            problems.append(Problem("unknown_key", nodes[0].uri, detail, self.name, nodes[0].start, nodes[-1].end))
        return problems

    def _unproved(self) -> list[Problem]:
        """A chain of which nothing is proved at all: anybody could have written it."""
        inside = self.inside()
        if not inside or any(each.status != "unsigned" for each in inside):
            return []
        detail = f"none of the {len(inside):,} digests of this chain has its signature here: nothing proves any of them"
        return [Problem("unsigned_chain", inside[-1].uri, detail, self.name, inside[0].start, inside[-1].end)]

    def _problem(self, kind: str, thing: str, detail: str, node: Node) -> Problem:
        return Problem(kind, thing, detail, self.name, node.start, node.end)

    @property
    def backfill(self) -> bool:
        """Whether these digests were made later, for logs that the hourly ones missed: they have no rhythm."""
        return self.name.endswith(" backfill")
