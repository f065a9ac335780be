"""One verification: what there is, each chain of digests, then the logs they list, in the place and in the lake.

A digest that proves nothing (altered, moved, unreadable) has no say over logs, and its hour counts as a hole.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa

from pipeline.assurance import digests, logs, reading
from pipeline.assurance.chains import USABLE, Chain, Node
from pipeline.assurance.digests import Digest, Log, Unreadable
from pipeline.assurance.inventory import Inventory
from pipeline.assurance.keys import Keys
from pipeline.assurance.outcome import ChainOutcome, Outcome
from pipeline.assurance.problems import Problem
from pipeline.assurance.reading import Progress
from pipeline.errors import NoDataError
from pipeline.lake.tables import Lake
from pipeline.lake.verifications import hashes
from pipeline.sources.base import Refusal, Round, Selection, Source, SourceObject
from pipeline.times import iso

# Digests of a run follow each other to the second; a break longer than this is one.
_SEAM = timedelta(minutes=5)
_COVERED = pa.schema(
    [
        *[(name, pa.string()) for name in ("chain", "root", "account", "region")],
        ("since", pa.timestamp("us", tz="UTC")),
        ("until", pa.timestamp("us", tz="UTC")),
    ]
)


@dataclass(frozen=True)
class Task:
    """What to verify: digests whose hour touches [since, until), in `location`, which `source` opens.

    With `quick` an object that is still the one the lake read (by uri, etag and size) is not read again.
    `limit` is the most bytes a log may unpack to.
    """

    source: Source
    location: str
    keys: Keys
    since: datetime | None = None
    until: datetime | None = None
    accounts: frozenset[str] = frozenset()
    regions: frozenset[str] = frozenset()
    lake: Lake | None = None
    quick: bool = False
    limit: int = 1 << 30


def verify(task: Task, progress: Progress | None = None) -> Outcome:
    """Checks every digest and every log that digests list. Stores nothing.

    Raises NoDataError where there is no digest, SourceError where the place or the public keys cannot be had.
    What is wrong with single objects is in the outcome.
    """
    run = _Run(task, progress or (lambda what, done, total: None))
    try:
        return run.go()
    finally:
        run.inventory.close()


# (number, object, what it is matched by, root, end as its name has it)
_Found = tuple[int, SourceObject, str, str, datetime]
_Coming = Future[tuple[Digest, list[Log]]]


@dataclass
class _Run:
    task: Task
    progress: Progress
    problems: list[Problem] = field(default_factory=list)
    covered: list[dict[str, Any]] = field(default_factory=list)
    chains: list[ChainOutcome] = field(default_factory=list)
    done: int = 0

    def __post_init__(self) -> None:
        self.inventory = Inventory(self.task.location)

    def go(self) -> Outcome:
        """The whole of it, in order."""
        task, inventory = self.task, self.inventory
        wanted = self._selection()
        this, own = Round(wanted), task.source.wanted
        inventory.fill(item for item in task.source.objects(this) if wanted.takes(item) and own.takes(item))
        found = inventory.chains()
        self.total = inventory.rows("select count(*) from objects where chain is not null")[0][0]
        for chain, account, region, trail in found:
            self._chain(ChainOutcome(chain, account, region, trail))
        if not self.chains:
            told = f" from {iso(task.since)}" if task.since else ""
            remedy = "turn on log file validation of the trail, or name the place that holds CloudTrail-Digest"
            raise NoDataError(task.location, f"there are no digest files{told}", remedy)
        inventory.register("covered", pa.Table.from_pylist(self.covered, schema=_COVERED))
        if task.lake:
            inventory.add_ledger(hashes(task.lake))
            if task.quick:
                inventory.trust_ledger()
        logs.check(inventory, task.source, task.limit, self.progress)
        self.problems += logs.judge(inventory, task.location)
        more, unlisted = logs.unlisted(inventory, task.since, task.until)
        self.problems += more + self._misnamed()
        outcome = Outcome(uuid.uuid4().hex, task.location, datetime.now(UTC), self.chains, self.problems, unlisted)
        outcome.count(inventory)
        return outcome

    def _selection(self) -> Selection:
        """Objects by the day in their names, with a day to spare: a digest's successor is needed, and late logs."""
        task, day = self.task, timedelta(days=1)
        since = (task.since - day).date() if task.since and task.since.year > 1 else None
        until = (task.until + day).date() if task.until and task.until.year < 9999 else None
        return Selection(task.accounts, task.regions, since, until)

    def _chain(self, told: ChainOutcome) -> None:
        task = self.task
        listed = self._wanted(self.inventory.digests(told.chain))
        nodes = list(self._nodes(listed))
        if not nodes:
            return
        items = {number: item for number, item, *_ in listed}
        chain = Chain(
            told.chain,
            told.region,
            nodes,
            task.keys,
            self._signature(items),
            task.location,
            self.inventory.match,
            task.since,
            task.until,
        )
        chain.walk()
        inside = chain.inside()
        self._edges(chain, inside)
        self._cover(chain, told, inside)
        self.problems += chain.problems
        useful = {each.number for each in inside if each.status in USABLE}
        self.inventory.forget_logs([each.number for each in nodes if each.number not in useful])
        for each in inside:
            digest = each.digest
            said = (digest.sha256, each.status, digest.fingerprint) if digest else (None, each.status, None)
            self.inventory.add_digest((each.number, told.chain, each.uri, each.root, *said, each.start, each.end))
        told.unsigned = [each.uri for each in inside if each.status == "unsigned"]
        if inside:
            self.chains.append(told)

    def _wanted(self, found: list[_Found]) -> list[_Found]:
        """Digests of the window by their names, and two behind it, which carry the last one's signature."""
        task = self.task
        after = [each for each in found if task.until and each[4] - timedelta(hours=1) >= task.until]
        extra = {each[0] for each in after[2:]}
        return [each for each in found if each[0] not in extra and (task.since is None or each[4] > task.since)]

    def _nodes(self, listed: list[_Found]) -> Iterator[Node]:
        """Each digest read, its logs taken in."""
        keyed = ((found, found[1]) for found in listed)
        for found, _, coming in reading.each(self.task.source, keyed, digests.parse):
            yield self._node(found, coming)
            self.done += 1
            self.progress("digests", self.done, self.total)

    def _node(self, found: _Found, coming: _Coming) -> Node:
        number, item, place, root, end = found
        node = Node(number, item.uri, place, root, end)
        try:
            node.digest, listed = coming.result()
        except Unreadable as error:
            node.fault = str(error)
        except (OSError, Refusal) as error:
            node.fault = reading.why(error)
        else:
            self.inventory.list_logs(number, listed)
        return node

    def _signature(self, items: dict[int, SourceObject]) -> Callable[[Node], tuple[str, str] | None]:
        """Asks the place for the signature of a digest, once."""
        known: dict[int, tuple[str, str] | None] = {}

        def ask(node: Node) -> tuple[str, str] | None:
            if node.number not in known:
                kept = self.task.source.metadata(items[node.number])
                names = ("signature", "signature-algorithm")
                known[node.number] = None if kept is None else (kept.get(names[0], ""), kept.get(names[1], ""))
            return known[node.number]

        return ask

    def _edges(self, chain: Chain, inside: list[Node]) -> None:
        """A window that was asked for and goes on after the newest digest."""
        until = self.task.until
        if not until or not inside or chain.backfill:
            return
        until = min(until, datetime.now(UTC) - logs.SLACK)
        last = max(each.end for each in inside)
        if last < until:
            detail = f"the newest digest ends here: nothing vouches for {iso(last)} to {iso(until)}"
            chain.problems.append(Problem("gap", inside[-1].uri, detail, chain.name, last, until))

    def _cover(self, chain: Chain, told: ChainOutcome, inside: list[Node]) -> None:
        """The spans of time for which an unbroken run of usable digests speaks."""
        if chain.backfill:
            return
        runs: dict[str, dict[str, Any]] = {}
        for node in inside:
            if node.status not in USABLE:
                continue
            last = runs.get(node.root)
            if last and node.start - last["until"] <= _SEAM:
                last["until"] = max(last["until"], node.end)
                continue
            row = {"chain": chain.name, "root": node.root, "account": told.account, "region": told.region}
            runs[node.root] = row | {"since": node.start, "until": node.end}
            self.covered.append(runs[node.root])

    def _misnamed(self) -> list[Problem]:
        """Objects that lie among the digests under a name that no digest has."""
        rows = self.inventory.rows(
            "select uri, account, region from objects where kind = 'CloudTrail-Digest' and chain is null order by uri"
        )
        told = "lies among the digests and has not the name of one; it was not looked at"
        return [Problem("unreadable", uri, told, f"{account}/{region}/-") for uri, account, region in rows]
