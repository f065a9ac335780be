"""Compliance: every requirement of a framework with its verdict, the reason, and the rows behind it.

A requirement is as good as its worst control, in the order of `WORST_FIRST`; nothing that lacks data passes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pyarrow as pa

from pipeline.catalog import Catalog
from pipeline.engines.duckdb import Engine
from pipeline.errors import UsageError
from pipeline.evidence import frameworks
from pipeline.evidence.controls import SNAPSHOT_GRACE, Evidence, Outcome, Window, gather, judge
from pipeline.evidence.frameworks import Framework, Requirement
from pipeline.times import iso, shifted

# A known fault outweighs missing data, which outweighs what a person has yet to look at: only a requirement of which
# all controls pass has passed.
WORST_FIRST = ("fail", "no_evidence", "manual", "not_covered", "pass")
PERIOD = timedelta(days=30)
MAX_ROWS = 100


@dataclass(frozen=True)
class Report:
    """A framework judged over a window: `requirements` in the shape of `comply`, and the evidence it stands on.

    `newest` is the newest event in the lake, None where there are none.
    """

    framework: Framework
    window: Window
    evidence: Evidence
    newest: datetime | None
    requirements: list[dict[str, Any]]


def comply(
    engine: Engine,
    catalog: Catalog,
    framework: Framework | str,
    since: datetime | None = None,
    until: datetime | None = None,
    as_of: datetime | None = None,
    max_rows: int = MAX_ROWS,
) -> list[dict[str, Any]]:
    """One object a requirement: framework, requirement, section, title, verdict, reason, controls, rows, rows_total.

    `engine` reads the whole lake, not the window alone: whether writes are logged at all, the rest of it tells.
    `controls` is a list of `{id, verdict, questions}`; `rows` holds at most `max_rows` of each question, its values
    as JSON has them. Raises UsageError for an unknown framework or a window that ends before it begins.
    """
    return report(engine, catalog, framework, window(engine, since, until, as_of), max_rows).requirements


def report(
    engine: Engine,
    catalog: Catalog,
    framework: Framework | str,
    period: Window,
    max_rows: int = MAX_ROWS,
    progress: Callable[[str], None] = lambda _: None,
) -> Report:
    """The same with the window and the evidence; `progress` is told the id of each requirement."""
    if isinstance(framework, str):
        framework = frameworks.get(frameworks.load(catalog), framework)
    if not engine.views:
        catalog.install_views(engine)
    evidence = gather(engine, catalog, period)
    outcomes: dict[str, Outcome] = {}
    found = []
    for each in framework.requirements:
        progress(each.id)
        for question in each.questions:
            if question not in outcomes:
                outcomes[question] = judge(engine, catalog, framework.measures[question], evidence)
        found.append(
            _requirement(framework, each, [outcomes[question] for question in each.questions], period, max_rows)
        )
    return Report(framework, period, evidence, engine.as_of(), found)


def window(
    engine: Engine, since: datetime | None = None, until: datetime | None = None, as_of: datetime | None = None
) -> Window:
    """The period to judge: by default the last 30 days before `as_of`, or the log's whole time where that is shorter.

    `as_of` defaults to the newest event, or to the present where there are no events.
    """
    newest = engine.as_of()
    moment = as_of or newest or datetime.now(UTC)
    end = until or moment
    if since is None:
        since = shifted(end, -PERIOD)
        first = engine.query('select min(eventTime) as first from lake."events"')["first"][0].as_py()
        if first is not None and since < first < end:
            since = first
    if since > end:
        raise UsageError("window", f"it begins at {iso(since)} and ends at {iso(end)}", "give --from before --to")
    reaches_now = newest is None or end >= newest
    return Window(since, end, moment, None if reaches_now else end + SNAPSHOT_GRACE)


def worst(verdicts: list[str]) -> str:
    """The verdict that speaks for several, by the order of `WORST_FIRST`."""
    return min(verdicts, key=WORST_FIRST.index)


def _requirement(
    framework: Framework, requirement: Requirement, outcomes: list[Outcome], period: Window, max_rows: int
) -> dict[str, Any]:
    controls = _controls(outcomes)
    reasons = dict.fromkeys(each.reason for each in outcomes)
    rows = [row for each in outcomes for row in _rows(each, max_rows)]
    return {
        "framework": framework.id,
        "requirement": requirement.id,
        "section": requirement.section,
        "title": requirement.title,
        "verdict": worst([each.verdict for each in outcomes]) if outcomes else requirement.verdict,
        "reason": " · ".join(reasons) if outcomes else requirement.reason,
        "controls": controls,
        "rows": rows,
        "rows_total": sum(each.rows.num_rows for each in outcomes),
        "window_start": iso(period.since),
        "window_end": iso(period.until),
        "as_of": iso(period.as_of),
    }


def _controls(outcomes: list[Outcome]) -> list[dict[str, Any]]:
    """One object a control; one that several questions speak for has the worst of their verdicts."""
    by_control: dict[str, list[Outcome]] = {}
    for each in outcomes:
        by_control.setdefault(each.measure.control, []).append(each)
    return [
        {
            "id": control,
            "verdict": worst([each.verdict for each in group]),
            "questions": [
                {
                    "id": each.measure.question,
                    "verdict": each.verdict,
                    "reason": each.reason,
                    "because": each.measure.because,
                    "rows_total": each.rows.num_rows,
                }
                for each in group
            ],
        }
        for control, group in by_control.items()
    ]


def _rows(outcome: Outcome, max_rows: int) -> list[dict[str, Any]]:
    capped: pa.Table = outcome.rows.slice(0, max_rows)
    return [
        {"question": outcome.measure.question} | {name: _plain(value) for name, value in row.items()}
        for row in capped.to_pylist()
    ]


def _plain(value: Any) -> Any:
    """A value as JSON has it: times in CloudTrail's form, days in ISO's."""
    if isinstance(value, datetime):
        return iso(value)
    if isinstance(value, date):
        return value.isoformat()
    return [_plain(each) for each in value] if isinstance(value, list) else value
