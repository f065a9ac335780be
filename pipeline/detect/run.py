"""All rules over the log together: which events each matches, and the findings that makes."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pipeline.detect import kinds
from pipeline.detect.candidates import TABLE as CHOSEN
from pipeline.detect.candidates import choose
from pipeline.detect.findings import EPISODES, Episode, finding
from pipeline.detect.run_correlations import correlated, wanted
from pipeline.detect.scan import MATCHED, TABLE, Scanned, matched, scan
from pipeline.detect.sigma import fields
from pipeline.detect.sigma.conditions import sql, tests
from pipeline.detect.sigma.correlations import RuleSet
from pipeline.detect.sigma.macros import MACROS
from pipeline.detect.sigma.rules import Rule
from pipeline.engines.duckdb import Engine
from pipeline.errors import QueryError


@dataclass
class Detected:
    """What was found, and the rules that could not be asked, each with place and reason."""

    findings: list[dict[str, Any]] = field(default_factory=list)
    refused: list[QueryError] = field(default_factory=list)


def detect(engine: Engine, rules: RuleSet, since: datetime | None = None, until: datetime | None = None) -> Detected:
    """The findings of every rule in a window (both ends included); None leaves it open.

    The view `events` must be there (`Catalog.install_views`).
    """
    engine.con.execute(MACROS)
    asked, unfit = _askable(engine, rules.rules)
    numbers = {rule.about.id: number for number, rule in enumerate(asked)}
    correlations = [each for each in rules.correlations if numbers.keys() >= set(each.parts)]
    detected = Detected(refused=rules.refused + unfit)
    window = {"since": since, "until": until}
    engine.drop(TABLE)
    try:
        found = kinds.find(engine, [rule.condition for rule in asked], window)
        if found.live:
            choose(engine, asked, correlations, numbers, found, window)
            scanned = scan(engine, asked, found, wanted(correlations, numbers))
            detected.findings += _single_events(engine, asked, scanned)
            detected.findings += correlated(engine, correlations, numbers, scanned)
    finally:
        engine.drop(kinds.TABLE, CHOSEN, TABLE)
    return detected


def _single_events(engine: Engine, rules: list[Rule], scanned: Scanned) -> list[dict[str, Any]]:
    """The findings of the rules that are told of by themselves."""
    shown = [number for number in scanned.kinds.live if rules[number].shown]
    engine.con.execute(f"create or replace temp view {MATCHED} as {matched(set(shown), scanned)}")
    try:
        found = engine.query(EPISODES, {"rules": shown}, "rules").to_pylist()
    finally:
        engine.con.execute(f"drop view {MATCHED}")
    return [finding(rules[each.pop("rule")].about, Episode(**each)) for each in found]


def _askable(engine: Engine, rules: list[Rule]) -> tuple[list[Rule], list[QueryError]]:
    """The rules DuckDB takes, and for the others why not. All are bound at once, and one by one if that fails.

    Where fields lie is ours to know; what can fail is what a rule's values make.
    """

    def bind(asked: list[str]) -> None:
        columns = f"select *, ''::varchar as tested from ({fields.ROWS})"
        engine.columns(f"select [{', '.join(asked)}] as met from ({columns}) limit 0")

    try:
        bind([test for rule in rules for test in tests(rule.condition, "tested")])
        return rules, []
    except QueryError:
        pass
    fit: list[Rule] = []
    refused: list[QueryError] = []
    for rule in rules:
        try:
            bind([sql(rule.condition)])
            fit.append(rule)
        except QueryError as error:
            refused.append(rule.document.fault(("detection",), error.problem, "mend the rule"))
    return fit, refused
