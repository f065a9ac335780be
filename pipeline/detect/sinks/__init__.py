"""Findings go out: each configured sink is told of every finding whose state is news to it, at least once.

The lake's table `deliveries` says what each sink was told. A delivery is stored after it was made, so that a run which
dies in between makes it once more and never loses it; the finding's id, which stays the same, tells the two apart.
A sink under another name is another sink, and is told everything again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from time import monotonic
from typing import TYPE_CHECKING, Any

from pipeline.config import Settings, SinkSettings
from pipeline.errors import SinkDownError, SinkError, TrailsiftError
from pipeline.export.cells import stamp
from pipeline.lake.failpoints import hit
from pipeline.names import Names

if TYPE_CHECKING:
    from pipeline.detect.sinks.base import Sink
    from pipeline.lake.deliveries import Delivery
    from pipeline.lake.tables import Lake

# Statuses in which nobody is told of a finding.
QUIET = ("muted", "resolved")
# Deliveries are stored so many at a time, or after so many seconds: that much is repeated after a kill at most.
_TOGETHER, _SECONDS = 100, 5.0
_PATIENCE = 3  # findings in a row that a sink may refuse before the rest are left to the next run


@dataclass
class Told:
    """What became of one sink's findings: how many it was told of, and how many are left for a later run.

    `failed` it did not take, `later` grew too soon after it was told last; `problem` is the last it had, or "".
    """

    sink: str
    sent: int = 0
    failed: int = 0
    later: int = 0
    problem: str = ""


def deliver(
    lake: Lake, settings: Settings, findings: Sequence[dict[str, Any]], say: Callable[[str], None]
) -> list[Told]:
    """Sends to each sink of the settings what is news to it, the gravest first.

    `findings` are the current ones, whatever their status: what is muted or resolved is not sent, and being open
    again is news (seen so by an earlier run, or by the finding's `reopened_at`). What a sink does not take is left for
    the next run and told through `say` in one line; the other sinks go on. Raises LakeError where the lake cannot be
    read or written.
    """
    from pipeline.detect.anomalies import SEVERITIES
    from pipeline.lake.deliveries import last_deliveries

    if not settings.sinks:
        return []
    known = last_deliveries(lake)
    names = Names.read(settings.names, settings.origin.get("names", "[names]"))
    findings = [_called(each, names) for each in findings]
    ranked = sorted(findings, key=lambda each: (SEVERITIES.index(each["severity"]), each["first_seen"], each["id"]))
    return [_serve(lake, each, ranked, known, say) for each in settings.sinks]


def _called(finding: dict[str, Any], names: Names) -> dict[str, Any]:
    """The finding with `account_name` and `principal_owner`, where the settings have them."""
    owner = names.owner(finding["principal_arn"]) if finding["principal_arn"] else None
    called = {"account_name": names.account(finding["account"]), "principal_owner": owner}
    return finding | {name: text for name, text in called.items() if text}


def deliver_current(lake: Lake, settings: Settings, say: Callable[[str], None]) -> list[Told]:
    """As `deliver`, of the findings that the lake holds; their history tells what was opened again between two runs."""
    from pipeline.detect.store import states

    if not settings.sinks:
        return []
    lake.make()
    found, muted = states(lake)
    standing = []
    for each in found.values():
        if each.successor is None:
            again = [row["at"] for row in each.history if row["change"] in ("reopened", "unmuted")]
            standing.append(muted.told(each) | ({"reopened_at": max(again)} if again else {}))
    return deliver(lake, settings, standing, say)


def described(settings: Settings) -> list[dict[str, str]]:
    """Each configured sink: `name, kind, place` (without what is secret), `least`, and the `problem` it has, or ""."""
    from pipeline.detect.sinks.base import open_sink

    found = []
    for each in settings.sinks:
        place, problem = "", ""
        try:
            place = open_sink(each).place
        except TrailsiftError as error:
            problem = str(error)
        found.append({"name": each.name, "kind": each.kind, "place": place, "least": each.least, "problem": problem})
    return found


def try_out(settings: SinkSettings) -> str:
    """Sends a finding that is none, so that somebody can see it arrive; gives the place. Raises as `Sink.send` does."""
    from pipeline.detect.sinks.base import open_sink

    now = datetime.now(UTC)
    sink = open_sink(settings)
    finding = dict.fromkeys(("principal_arn", "account", "region")) | {
        "id": f"test-{now:%Y%m%dT%H%M%S}",
        "rule": "test",
        "title": "Trailsift reaches this place",
        "severity": "informational",
        "status": "open",
        "first_seen": now,
        "last_seen": now,
        "count": 0,
        "evidence": [f"sent by trailsift sinks test {settings.name}"],
        "action": "Nothing is to be done.",
    }
    try:
        sink.send(finding, "test", digest(finding))
    finally:
        sink.close()
    return sink.place


def digest(finding: dict[str, Any]) -> str:
    """What a sink was told of a finding, in short: it changes when the finding grows, not when somebody takes it."""
    times = [stamp(finding[name]) for name in ("first_seen", "last_seen")]
    return hashlib.sha256(json.dumps([finding["severity"], finding["count"], *times]).encode()).hexdigest()


def _serve(
    lake: Lake,
    settings: SinkSettings,
    findings: list[dict[str, Any]],
    known: dict[tuple[str, str], Delivery],
    say: Callable[[str], None],
) -> Told:
    from pipeline.detect.sinks.base import open_sink

    told = Told(settings.name)
    try:
        sink = open_sink(settings)
    except TrailsiftError as error:
        told.problem = str(error)
        say(f"{error}; nothing is sent to it")
        return told
    due = list(_due(sink, findings, known, datetime.now(UTC), told))
    try:
        _send(lake, sink, due, told)
    finally:
        sink.close()
    told.failed = sum(change not in QUIET for _, change in due) - told.sent
    if told.problem:
        say(f"{told.problem}; left for the next run: {told.failed:,}")
    return told


def _due(
    sink: Sink, findings: list[dict[str, Any]], known: dict[tuple[str, str], Delivery], now: datetime, told: Told
) -> Iterator[tuple[dict[str, Any], str]]:
    """What the sink is to be told, each with what it is: found, grew, reopened, or a quiet status to be noted only."""
    for each in findings:
        last = known.get((sink.name, each["id"]))
        if each["status"] in QUIET:
            if last and last.state not in QUIET:
                yield each, each["status"]
        elif not sink.wants(each):
            continue
        elif last is None:
            yield each, "found"
        elif last.state in QUIET or each.get("reopened_at", last.delivered_at) > last.delivered_at:
            yield each, "reopened"
        elif last.state != digest(each):
            if now - last.delivered_at >= sink.repeat:
                yield each, "grew"
            else:
                told.later += 1


def _send(lake: Lake, sink: Sink, due: list[tuple[dict[str, Any], str]], told: Told) -> None:
    """Tells the sink, counts what it took, and stores what it was told."""
    from pipeline.lake.deliveries import Delivery, remember_deliveries

    made: list[Delivery] = []
    refused, stored = 0, monotonic()
    try:
        for finding, change in due:
            state = change if change in QUIET else digest(finding)
            if change not in QUIET:
                try:
                    sink.send(finding, change, state)
                    told.sent, refused = told.sent + 1, 0
                except SinkError as error:
                    told.problem, refused = str(error), refused + 1
                    if isinstance(error, SinkDownError) or refused == _PATIENCE:
                        break
                    continue
            made.append(Delivery(sink.name, finding["id"], state, change, datetime.now(UTC)))
            if len(made) >= _TOGETHER or monotonic() - stored > _SECONDS:
                hit("sent-untold")
                remember_deliveries(lake, made)
                made, stored = [], monotonic()
    finally:
        hit("sent-untold")
        remember_deliveries(lake, made)
