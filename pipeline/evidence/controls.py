"""Controls: the verdict of one question, and whether the data could have shown what the question looks for.

The second half is what makes the first worth anything. An empty answer counts as `pass` only where every account's log
covers every day of the period, or every account has an IAM report taken in it; otherwise it is `no_evidence`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.catalog import Catalog
from pipeline.engines.duckdb import Engine
from pipeline.evidence.frameworks import LOG_NEEDS, Measure
from pipeline.times import iso

# An IAM snapshot at the end of a period is often taken on the day after.
SNAPSHOT_GRACE = timedelta(days=1)
_REPORTS = {
    "credential_report": ("credential_report", "credential report"),
    "root_credentials": ("credential_report", "credential report"),
    "authorization_details": ("authorization_details", "authorization details"),
    "password_policy": ("password_policy", "password policy"),
}
_NAMED = 3  # accounts told by name in a reason


@dataclass(frozen=True)
class Window:
    """The period judged. `taken_until` is the last time an IAM snapshot may be of; None: the newest counts.

    A period that reaches the newest event reaches the present, so that a snapshot taken after that event belongs to it.
    """

    since: datetime
    until: datetime
    as_of: datetime
    taken_until: datetime | None

    def params(self, declared: dict[str, Any]) -> dict[str, str]:
        """Those of the window's values that a question declares, as text."""
        known = {"since": self.since, "until": self.until, "taken_until": self.taken_until}
        return {name: moment.isoformat() for name, moment in known.items() if name in declared and moment is not None}


@dataclass(frozen=True)
class Evidence:
    """What there is to judge from: a row of log coverage an account, a row an account and IAM report."""

    window: Window
    log: dict[str, dict[str, Any]]
    reports: dict[tuple[str, str], dict[str, Any]]

    @property
    def accounts(self) -> list[str]:
        """Every account that the log or a snapshot has ever shown."""
        return sorted(set(self.log) | {account for account, _ in self.reports})

    @property
    def events(self) -> int:
        """Management events of the period."""
        return sum(row["management"] for row in self.log.values())

    def missing(self, needs: tuple[str, ...]) -> list[str]:
        """In words, why an empty answer would prove nothing; empty where it would."""
        found: list[str] = []
        if any(need in LOG_NEEDS for need in needs):
            found += _per_account(self.accounts, lambda account: self._log_gap(account, needs), "there are no events")
        for report, name in dict.fromkeys(_REPORTS[need] for need in needs if need in _REPORTS):
            root = "root_credentials" in needs
            fault = partial(self._stale, report=report, name=name, root=root)
            found += _per_account(self.accounts, fault, f"there is no {name}")
        return found

    def gaps(self) -> list[str]:
        """In words, what the log lacks of the period, whatever is asked."""
        return _per_account(self.accounts, lambda account: self._log_gap(account, ()), "there are no events")

    def _log_gap(self, account: str, needs: tuple[str, ...]) -> str | None:
        row = self.log.get(account)
        if row is None:
            return "is in the IAM snapshot and not in the log"
        if not row["management"]:
            return "delivered no management event in the period"
        if row["missing_count"]:
            return f"delivered nothing on {_days(row['missing_days'], row['missing_count'])}"
        if row["lost_objects"]:
            return f"lacks {row['lost_objects']:,} log objects of the period that digests list"
        if "home" in needs and not row["home_events"]:
            return f"delivered nothing from {row['home_region']}, where global services record"
        for need in ("reads", "writes"):
            if need in needs and not row[f"{need}_ever"]:
                return f"has never delivered a management event that {need}"
        return None

    def _stale(self, account: str, report: str, name: str, root: bool) -> str | None:
        row = self.reports.get((account, report))
        by = f" taken by {_day(self.window.taken_until)}" if self.window.taken_until else ""
        if row is None:
            return f"has no {name}{by}"
        if row["taken_at"] < self.window.since:
            return f"has a {name} of {_day(row['taken_at'])}, before the period"
        if root and not row["has_root"]:
            return f"has a {name} without its root user"
        if row["unclear"]:
            return f"has a {name} that leaves open what {row['unclear']} users have"
        return None


@dataclass(frozen=True)
class Outcome:
    """The verdict of one question: `pass`, `fail`, `no_evidence` or `manual`, why, and the rows behind it."""

    measure: Measure
    verdict: str
    reason: str
    rows: pa.Table


def gather(engine: Engine, catalog: Catalog, window: Window) -> Evidence:
    """What the lake has of the window; a scan of a few columns of all events."""
    coverage, snapshots = "compliance/log_coverage", "compliance/snapshot_coverage"
    log = catalog.run(engine, coverage, window.params(catalog.get(coverage).params), window.as_of)
    reports = catalog.run(engine, snapshots, window.params(catalog.get(snapshots).params), window.as_of)
    return Evidence(
        window,
        {row["account_id"]: row for row in log.to_pylist()},
        {(row["account_id"] or "unknown", row["report"]): row for row in reports.to_pylist()},
    )


def judge(engine: Engine, catalog: Catalog, measure: Measure, evidence: Evidence) -> Outcome:
    """Asks the question of a measure and judges the answer."""
    declared = catalog.get(measure.question).params
    rows = catalog.run(engine, measure.question, evidence.window.params(declared), evidence.window.as_of)
    missing = evidence.missing(measure.needs)
    violations, reviews = split(rows, measure.occurrence)
    if violations.num_rows:
        verdict, text = "fail", _found(measure, violations, reviews)
    elif reviews.num_rows:
        verdict, text = "manual", f"{_tally(measure, reviews)} to review{_shades(reviews)}"
    elif missing:
        found = f"no {measure.what[0]} found, but " if measure.from_log and evidence.events else ""
        return Outcome(measure, "no_evidence", found + "; ".join(missing), rows)
    elif measure.otherwise != "pass":
        verdict, text = measure.otherwise, measure.reason
    else:
        verdict, text = "pass", f"no {measure.what[0]} {_scope(measure, evidence)}"
    if missing:
        text += f"; and there may be more: {'; '.join(missing)}"
    if measure.note and verdict == "pass":
        text += f"; {measure.note}"
    return Outcome(measure, verdict, text, rows)


def split(rows: pa.Table, occurrence: str) -> tuple[pa.Table, pa.Table]:
    """The rows that are violations, and those for a person to review."""
    if occurrence == "row":
        violation = pc.fill_null(pc.equal(rows["judgement"], "violation"), False)
        return rows.filter(violation), rows.filter(pc.invert(violation))
    return (rows, rows.slice(0, 0)) if occurrence == "fail" else (rows.slice(0, 0), rows)


def _found(measure: Measure, violations: pa.Table, reviews: pa.Table) -> str:
    more = f"; {_count(reviews):,} more to review" if reviews.num_rows else ""
    return f"{_tally(measure, violations)}{_shades(violations)}{more}"


def _tally(measure: Measure, rows: pa.Table) -> str:
    number = _count(rows)
    return f"{number:,} {measure.what[0] if number == 1 else measure.what[1]}"


def _count(rows: pa.Table) -> int:
    """Occurrences: the sum of the column `count` where rows are groups, else the rows."""
    return int(pc.sum(rows["count"]).as_py() or 0) if "count" in rows.column_names else int(rows.num_rows)


def _shades(rows: pa.Table) -> str:
    """What the number hides: how many were tried in vain, how many the benchmark does not name, of how many callers."""
    parts = []
    if "outcome" in rows.column_names:
        vain = _count(rows.filter(pc.not_equal(rows["outcome"], "ok")))
        if vain:
            parts.append(f"{_count(rows) - vain:,} happened, {vain:,} refused or failed")
    if "in_benchmark" in rows.column_names:
        beyond = _count(rows.filter(pc.invert(rows["in_benchmark"])))
        if beyond:
            parts.append(f"{beyond:,} beyond the benchmark's list")
    if "principal_arn" in rows.column_names:
        callers = len(rows["principal_arn"].unique())
        parts.append(f"by {callers:,} principal{'' if callers == 1 else 's'}")
    return f" ({', '.join(parts)})" if parts else ""


def _scope(measure: Measure, evidence: Evidence) -> str:
    accounts = f"{len(evidence.accounts)} account{'' if len(evidence.accounts) == 1 else 's'}"
    if measure.from_log:
        regions = sorted({region for row in evidence.log.values() for region in row["regions"]})
        return f"among {evidence.events:,} management events of {accounts} in {', '.join(regions)}"
    report, name = next(_REPORTS[need] for need in measure.needs if need in _REPORTS)
    taken = sorted({_day(row["taken_at"]) for (_, kind), row in evidence.reports.items() if kind == report})
    return f"in the {name} of {accounts}, taken {' and '.join({taken[0]: 0, taken[-1]: 0})}"


def _per_account(accounts: list[str], fault: Callable[[str], str | None], nothing: str) -> list[str]:
    if not accounts:
        return [nothing]
    faults = [f"account {account} {text}" for account in accounts if (text := fault(account))]
    more = [f"and {len(faults) - _NAMED} more accounts"] if len(faults) > _NAMED else []
    return faults[:_NAMED] + more


def _days(days: list[date], count: int) -> str:
    shown = ", ".join(each.isoformat() for each in days[:_NAMED])
    return f"{shown} and {count - _NAMED:,} more days" if count > _NAMED else shown


def _day(moment: datetime | None) -> str:
    return iso(moment)[:10] if moment else ""
