"""What a verification found: counts and times a chain, every problem, a verdict; as JSON and as rows of the lake."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pyarrow as pa

from pipeline.assurance.inventory import Inventory
from pipeline.assurance.problems import GAPS, Problem
from pipeline.lake.tables import Lake
from pipeline.lake.verifications import store_verification
from pipeline.records.schema import VERIFICATION_PROBLEMS, VERIFICATIONS, VERIFIED_DIGESTS
from pipeline.times import iso

# Sums of the chains' own.
COUNTS = ("digests_checked", "digests_valid", "logs_listed", "logs_in_lake", "logs_valid", "logs_unsigned")

_DIGESTS = """
select d.chain, d.uri as object, d.sha256, d.status, d.start_time, d.end_time, count(j.object) as logs_listed,
    count(*) filter (j.in_lake) as logs_in_lake, count(*) filter (j.state = 'valid') as logs_valid
from digests as d left join judged as j on j.digest = d.number
group by d.number, d.chain, d.uri, d.sha256, d.status, d.start_time, d.end_time order by d.chain, d.end_time, d.uri
"""
_CHAINS = """
select chain, count(*) as digests_checked, count(*) filter (status = 'valid') as digests_valid,
    sum(logs_listed)::bigint as logs_listed, sum(logs_in_lake)::bigint as logs_in_lake,
    sum(logs_valid)::bigint as logs_valid,
    coalesce(sum(logs_listed) filter (status <> 'valid'), 0)::bigint as logs_unsigned,
    min(start_time) as from_time, max(end_time) as to_time
from per_digest group by chain
"""


@dataclass
class ChainOutcome:
    """One chain; `unsigned` names digests whose signature is not at hand, `keys` are the fingerprints that signed.

    `logs_unsigned` of the logs listed are so by digests without a checked signature: their hashes are compared, and
    nobody vouches for the hashes.
    """

    chain: str
    account: str
    region: str
    trail: str
    unsigned: list[str] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    digests_checked: int = 0
    digests_valid: int = 0
    logs_listed: int = 0
    logs_in_lake: int = 0
    logs_valid: int = 0
    logs_unsigned: int = 0
    from_time: datetime | None = None
    to_time: datetime | None = None
    problems: int = 0
    gaps: int = 0

    @property
    def verdict(self) -> str:
        """As `verdict` of what was found for the chain."""
        return verdict(self.problems, self.gaps, len(self.unsigned))

    def as_json(self) -> dict[str, Any]:
        """The chain as the command prints it."""
        names = ("chain", "account", "region", "trail", "verdict", *COUNTS, "problems", "gaps", "keys")
        told = {name: getattr(self, name) for name in names}
        heads = {"unsigned_head": self.unsigned[-1] if self.unsigned else None, "unsigned": self.unsigned}
        return told | heads | {"from": _iso(self.from_time), "to": _iso(self.to_time)}


@dataclass
class Outcome:
    """A whole run. `unlisted` counts logs that no digest lists: pending ones are too new, others are in `problems`."""

    run_id: str
    source: str
    verified_at: datetime
    chains: list[ChainOutcome]
    problems: list[Problem]
    unlisted: dict[str, int]
    digests: pa.Table = field(default_factory=VERIFIED_DIGESTS.empty_table)

    def count(self, inventory: Inventory) -> None:
        """Fills in what the tables of the inventory hold; call it once everything is judged."""
        inventory.settle()
        inventory.duckdb.execute(f"create or replace temp table per_digest as {_DIGESTS}")
        rows = inventory.table("select * from per_digest")
        rows = rows.append_column("run_id", pa.array([self.run_id] * rows.num_rows, pa.string()))
        self.digests = rows.select(VERIFIED_DIGESTS.names).cast(VERIFIED_DIGESTS)
        known = {each.chain: each for each in self.chains}
        for name in {each.chain for each in self.problems} - known.keys():
            account, region, _ = (*name.split("/", 2), "", "")[:3]
            known[name] = ChainOutcome(name, account, region, "")
        self.chains = [known[name] for name in sorted(known)]
        for row in inventory.table(_CHAINS).to_pylist():
            for name, value in row.items():
                setattr(known[row["chain"]], name, value)
        for chain, key in inventory.rows(
            "select distinct chain, key from digests where status in ('valid', 'moved') order by 1, 2"
        ):
            known[chain].keys.append(key)
        for problem in self.problems:
            told = known[problem.chain]
            told.gaps += problem.kind in GAPS
            told.problems += problem.kind not in GAPS

    @property
    def failing(self) -> list[Problem]:
        """Problems by which something is wrong, or was not checked."""
        return [each for each in self.problems if each.kind not in GAPS]

    @property
    def gaps(self) -> list[Problem]:
        """Times for which nothing vouches."""
        return [each for each in self.problems if each.kind in GAPS]

    @property
    def verdict(self) -> str:
        """As `verdict` of everything found."""
        return verdict(len(self.failing), len(self.gaps), self.unsigned)

    @property
    def unsigned(self) -> int:
        """Digests whose signature is not at hand."""
        return sum(len(each.unsigned) for each in self.chains)

    def total(self, name: str) -> int:
        """The sum of a count over all chains."""
        return sum(getattr(each, name) for each in self.chains)

    def span(self) -> tuple[datetime | None, datetime | None]:
        """From the first digest's begin to the last one's end."""
        return _span(self.chains)

    def as_json(self) -> dict[str, Any]:
        """One object: counts over all chains, the problems, then each chain."""
        since, until = self.span()
        return {
            "verdict": self.verdict,
            "source": self.source,
            "from": _iso(since),
            "to": _iso(until),
            **{name: self.total(name) for name in COUNTS},
            "unsigned_head": self.unsigned,
            "logs_unlisted": self.unlisted,
            "problems": [each.as_json() for each in self.problems],
            "chains": [each.as_json() for each in self.chains],
            "run_id": self.run_id,
            "verified_at": _iso(self.verified_at),
        }

    def store(self, lake: Lake) -> None:
        """Keeps the run in the lake, where `pipeline.assurance.integrity` finds it."""
        runs = [_run(self, each) for each in self.chains]
        problems = [
            {"run_id": self.run_id, "from_time": each.since, "to_time": each.until, **_of(each)}
            for each in self.problems
        ]
        store_verification(
            lake,
            pa.Table.from_pylist(runs, schema=VERIFICATIONS),
            self.digests,
            pa.Table.from_pylist(problems, schema=VERIFICATION_PROBLEMS),
        )


def verdict(problems: int, gaps: int, unsigned: int) -> str:
    """`invalid`: something is wrong or was not checked; `incomplete`: there are gaps, or digests whose signature is
    not at hand; `valid`: everything was checked and is as CloudTrail delivered it."""
    return "invalid" if problems else "incomplete" if gaps or unsigned else "valid"


def _run(outcome: Outcome, chain: ChainOutcome) -> dict[str, Any]:
    names = ("chain", "trail", "from_time", "to_time", "digests_checked", "digests_valid", "logs_listed")
    told = {name: getattr(chain, name) for name in (*names, "logs_in_lake", "logs_valid", "problems", "gaps", "keys")}
    return told | {
        "run_id": outcome.run_id,
        "source": outcome.source,
        "verified_at": outcome.verified_at,
        "account_id": chain.account,
        "awsRegion": chain.region,
        "digests_unsigned": len(chain.unsigned),
        "verdict": chain.verdict,
    }


def _of(problem: Problem) -> dict[str, str]:
    return {"chain": problem.chain, "kind": problem.kind, "object": problem.object, "detail": problem.detail}


def _span(chains: Iterable[ChainOutcome]) -> tuple[datetime | None, datetime | None]:
    since = [each.from_time for each in chains if each.from_time]
    until = [each.to_time for each in chains if each.to_time]
    return min(since, default=None), max(until, default=None)


def _iso(moment: datetime | None) -> str | None:
    return iso(moment) if moment else None
