"""Findings held against the truth: which are alerts, which of them are benign, what was found of each incident.

- An **alert** is a finding that is not of severity informational.
- It is **benign** if it shares no event with any incident.
- An incident is **found** by a finding that has an event of one of its steps that says something (not "who am I")
  and that starts within the incident; an alert that has such an event but started before is counted as `touched`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

SEVERITIES = ["critical", "high", "medium", "low", "informational"]


def moment(text: str) -> datetime:
    """A time of the truth or of a finding."""
    return datetime.fromisoformat(text)


@dataclass
class Found:
    """What became of an incident: the first finding of it, and the seconds from its beginning to that."""

    kind: str
    what: str  # how it began, at what pace, and the steps with their counts of events
    seconds: float | None = None  # from the beginning to the first event that a finding of it holds
    rules: list[str] = field(default_factory=list)
    touched: bool = False


@dataclass
class Verdict:
    """Of one source of findings (`anomalies`, `detect`, or both) over one judged month."""

    principals: int
    findings: list[dict[str, Any]]
    severities: Counter[str] = field(default_factory=Counter)
    benign: list[dict[str, Any]] = field(default_factory=list)
    hits: list[dict[str, Any]] = field(default_factory=list)
    incidents: list[Found] = field(default_factory=list)

    @property
    def rate(self) -> float:
        """Benign alerts a principal."""
        return len(self.benign) / max(self.principals, 1)

    @property
    def precision(self) -> float | None:
        """The share of alerts that hold an event of an incident; None without alerts."""
        alerts = len(self.benign) + len(self.hits)
        return len(self.hits) / alerts if alerts else None

    @property
    def found(self) -> int:
        """Incidents found."""
        return sum(each.seconds is not None for each in self.incidents)


def judge(truth: dict[str, Any], findings: Iterable[dict[str, Any]]) -> Verdict:
    """The verdict on these findings."""
    made = Verdict(len(truth["principals"]), list(findings))
    made.severities = Counter(each["severity"] for each in made.findings)
    owner = {event: n for n, each in enumerate(truth["incidents"]) for event in each["event_ids"]}
    telling = {
        event: n
        for n, each in enumerate(truth["incidents"])
        for step in each["steps"]
        if not step["trivial"]
        for event in step["event_ids"]
    }
    made.incidents = [Found(each["kind"], _told(each)) for each in truth["incidents"]]
    for each in made.findings:
        if each["severity"] == "informational":
            continue
        ids = set(each["event_ids"])
        (made.hits if ids & owner.keys() else made.benign).append(each)
        for number in {telling[event] for event in ids & telling.keys()}:
            _credit(made.incidents[number], truth["incidents"][number], each)
    return made


def _told(incident: dict[str, Any]) -> str:
    steps = ", ".join(f"{step['step']} {len(step['event_ids'])}" for step in incident["steps"])
    return f"{incident['entry']}, {incident['pace']}; {steps}"


def _credit(found: Found, incident: dict[str, Any], finding: dict[str, Any]) -> None:
    began = moment(finding["first_seen"])
    begin, end = moment(incident["begin"]), moment(incident["end"])
    if not begin <= began <= end:
        found.touched = True
        return
    seconds = (began - begin).total_seconds()
    found.seconds = seconds if found.seconds is None else min(found.seconds, seconds)
    if finding["rule"] not in found.rules:
        found.rules.append(finding["rule"])


def causes(truth: dict[str, Any], findings: Iterable[dict[str, Any]]) -> Counter[tuple[str, str]]:
    """(rule, why) of findings: the story whose events they hold most, else the everyday life of a kind of principal."""
    story = {event: each["kind"] for each in truth["stories"] for event in each["event_ids"]}
    kinds = {each["arn"]: each["kind"] for each in truth["principals"]}
    counted: Counter[tuple[str, str]] = Counter()
    for each in findings:
        named = Counter(story[event] for event in each["event_ids"] if event in story)
        if named:
            why = named.most_common(1)[0][0]
        else:
            why = f"everyday: {kinds.get(each['principal_arn'], each['principal_arn'] or 'nobody')}"
        counted[each["rule"], why] += 1
    return counted
