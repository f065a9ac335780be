"""What a proposed SCP would have stopped in whole accounts: who, doing what, where, when and how often.

The SCP is judged as one level of its own: AWS keeps FullAWSAccess beside a policy that only denies, while one that
allows something is taken to stand alone, as an allow list does. Calls that the log shows to have passed are judged by
that level only, since what is in force today let them pass. Whom SCPs do not bind is left out: the management account,
service-linked roles, AWS's services in their own name, and callers of other organizations.
Source: "Service control policies (SCPs)", sections "SCP evaluation" and "Tasks and entities not restricted by SCPs".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from pipeline.access.granted import parsed
from pipeline.access.organization import Organization
from pipeline.access.replay import keys
from pipeline.access.replay.calls import Kind, names_objects, needs, used
from pipeline.access.replay.judge import ALLOWED, CONDITIONAL, DENIED, UNTOLD
from pipeline.access.replay.reading import Reading
from pipeline.access.replay.stops import Effect, Stop
from pipeline.access.replay.targets import Call, Target, held, members, targets
from pipeline.access.snapshots import Engine, Snapshot
from pipeline.errors import UsageError
from pipeline.iam.actions import Mapper
from pipeline.iam.decisions import Decision, Request
from pipeline.iam.evaluate import Evaluator
from pipeline.iam.policy import Statement
from pipeline.iam.principals import Principal, principal
from pipeline.iam.variables import Context

_CALLER = re.compile(r"^arn:[^:]+:iam::(\d{12}):(user|role|root)(?:/.*)?$")
_EVERYTHING = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
_OPEN = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}],
}
# Members of a request by which it is told that a call needed what is only inferred from it.
_TOLD = {"tags", "sourceIdentity"}
_USAGE = """
select principal_arn, awsRegion, eventSource, eventName, eventType, eventCategory, outcome, via_service, request,
    bool_and(access_key_id is not null) as long_lived,
    sum("count")::bigint as calls, min(first_seen) as first_seen, max(last_seen) as last_seen,
    list(distinct sample_event_id order by sample_event_id)[:3] as event_ids
from lake.usage
where last_seen >= $since and first_seen <= $until and outcome <> 'denied'
group by all
order by all
"""
_ACCOUNTS = "select distinct account_id from lake.usage where account_id is not null order by all"


def what_if(
    engine: Engine,
    snapshot: Snapshot | None,
    mapper: Mapper,
    documents: list[Any],
    accounts: Iterable[str] | None,
    since: datetime,
    until: datetime,
) -> Effect:
    """The effect of SCPs, together one level, on all the log shows of [since, until].

    `accounts` limits it, None is every account that the log was delivered for. Raises UsageError for an account of
    which the log holds nothing.
    """
    there = [row["account_id"] for row in engine.query(_ACCOUNTS).to_pylist()]
    chosen = sorted(set(there if accounts is None else accounts))
    for each in chosen:
        if each not in there:
            raise UsageError("--account", f"the log holds nothing of {each}", f"it holds {', '.join(there) or 'none'}")
    return _WhatIf(engine, snapshot, mapper, documents, chosen, since, until).effect()


@dataclass(frozen=True)
class _Asked:
    """One row of calls with what the SCP does not plainly allow of it."""

    kind: Kind
    call: Call
    judged: tuple[tuple[str, Target, Decision], ...]


class _WhatIf:
    """One question on its way."""

    def __init__(
        self,
        engine: Engine,
        snapshot: Snapshot | None,
        mapper: Mapper,
        documents: list[Any],
        accounts: list[str],
        since: datetime,
        until: datetime,
    ) -> None:
        self.engine, self.mapper, self.accounts = engine, mapper, accounts
        self.snapshot = snapshot
        self.organization = Organization(snapshot or Snapshot(until, {}, {}))
        self.window = {"since": since, "until": until}
        self.statements: list[Statement] = [each for one in documents for each in parsed(one).statements]
        whole = [] if any(each.allows for each in self.statements) else [_EVERYTHING]
        level = [*documents, *whole]
        self.evaluator = Evaluator({"identity": [_EVERYTHING], "scps": [level], "resource": _OPEN})
        self.left_out: dict[str, int] = {}
        self.stops: dict[tuple[str, ...], Stop] = {}
        self.events = self.unmapped = 0
        self.read: tuple[Reading, dict[str, Any]] | None = None
        self.held = {account: held(snapshot, account) for account in accounts}

    def effect(self) -> Effect:
        """Everything, in order of result, principal, action and region."""
        asked = [_Asked(kind, call, self._judged(kind, call)) for kind, call in self._bound()]
        doubtful = {(each.kind.source, each.kind.name) for each in asked if each.judged}
        if doubtful:
            callers = {each.call.who for each in asked if each.judged}
            asked = self._detailed(asked, doubtful, callers)
        for each in asked:
            self.events += each.call.count
            self._stop(each)
        self._ids(doubtful)
        stops = sorted(self.stops.values(), key=lambda each: each.place)
        return Effect(self.accounts, stops, self.events, self.unmapped, self.left_out, self._notes())

    def _bound(self) -> Iterator[tuple[Kind, Call]]:
        """Calls of principals that the SCP binds and that need a permission."""
        for row in self.engine.query(_USAGE, self.window).to_pylist():
            kind, _, call = used(row)
            mapped = self.mapper.map_call(kind.source, kind.name, kind.type, kind.category, call.request)
            if mapped.state == "no_action":
                continue
            if why := self._unbound(call.who):
                self.left_out[why] = self.left_out.get(why, 0) + call.count
            elif mapped.state == "unmapped":
                self.unmapped += call.count
            else:
                yield kind, call

    def _unbound(self, arn: str) -> str:
        """Why SCPs of these accounts do not bind a principal; empty where they do."""
        match = _CALLER.match(arn)
        if not match:
            return "AWS services and callers that are no user, role or root user"
        if match[1] not in self.accounts:
            return "callers of other accounts"
        if self.organization.manages(match[1]):
            return "the management account"
        return "service-linked roles" if _caller(arn).service_linked else ""

    def _judged(self, kind: Kind, call: Call) -> tuple[tuple[str, Target, Decision], ...]:
        """What the call needs that the SCP does not plainly allow."""
        account = _account(call.who)
        found = []
        for needed in needs(self.mapper, kind, call):
            certain = needed.basis != "inferred" or needed.action == "iam:PassRole" or call.request.keys() & _TOLD
            for target in targets(needed.action, call, self.held[account]):
                made = self._decide(needed.action, target, call, account)
                if made.decision != ALLOWED:
                    unsure = "" if certain else UNTOLD
                    found.append((needed.action, target, _open(made, unsure) if unsure else made))
        return tuple(found)

    def _decide(self, action: str, target: Target, call: Call, account: str) -> Decision:
        arn = target.globs[0]
        if arn != "*" and (not arn.startswith("arn:") or arn.count(":") < 5):
            return Decision(CONDITIONAL, None, (), ("(a resource that is no ARN)",))
        given = dict(self._known(call.who, account)) | dict(call.context)
        within = () if target.known else target.globs
        return self.evaluator.decide(Request(_caller(call.who), action, arn, None, Context(given, True), within))

    def _known(self, arn: str, account: str) -> dict[str, Any]:
        """Keys the log's name of a principal settles ("AWS global condition context keys")."""
        kind = arn.split(":")[5].partition("/")[0]
        organization = self.organization.id_of(account)
        given: dict[str, Any] = {
            "aws:PrincipalArn": arn,
            "aws:PrincipalAccount": account,
            "aws:PrincipalType": {"user": "User", "role": "AssumedRole", "root": "Account"}[kind],
            "aws:PrincipalIsAWSService": False,
            "aws:PrincipalServiceName": None,
            "aws:PrincipalServiceNamesList": None,
            "aws:username": arn.rpartition("/")[2] if kind == "user" else None,
        }
        return given | ({"aws:PrincipalOrgID": organization} if organization else {})

    def _detailed(self, asked: list[_Asked], doubtful: set[tuple[str, str]], callers: set[str]) -> list[_Asked]:
        """The same with doubtful calls as the events tell them; the roll-up's where there are no such events."""
        named = {each for one in asked for action, _, _ in one.judged for each in members(action)}
        objects = sorted({each for one in self.statements for each in one.resources if names_objects(each)})
        who = self.window | {"principals": sorted(callers)}
        users = [each for each in callers if ":user/" in each]
        rows = None
        times = keys.moments(self.statements)
        for wanted, fold in ((named, False), (named, True), (None, True)):
            reading = Reading(wanted, self.evaluator.keys, times, objects, users, fold=fold, many=True)
            rows = reading.calls(self.engine, doubtful, who)
            if rows is not None:
                self.read = reading, who
                break
        there = {(kind.source, kind.name, call.who) for kind, _, call in rows or ()}
        found = [each for each in asked if (each.kind.source, each.kind.name, each.call.who) not in there]
        return found + [_Asked(kind, call, self._judged(kind, call)) for kind, _, call in rows or ()]

    def _stop(self, asked: _Asked) -> None:
        """Counts one row of calls towards what the SCP stops of it."""
        call, counted = asked.call, set()
        for action, target, made in asked.judged:
            result = CONDITIONAL if made.decision == CONDITIONAL else DENIED
            by = next((each.sid or f"statement {each.index}" for each in made.matched if each.effect == "Deny"), "")
            by = by or ("" if result == CONDITIONAL else "no statement allows it")
            key = (call.who, action, call.region, result, by, *made.conditions)
            if key not in self.stops:
                account = _account(call.who)
                self.stops[key] = Stop(account, call.who, action, call.region, result, by, made.conditions)
            if key not in counted:
                counted.add(key)
                self.stops[key].add(call)
            self.stops[key].name(target)

    def _ids(self, doubtful: set[tuple[str, str]]) -> None:
        """All event ids of what would have been denied."""
        denied = [each for each in self.stops.values() if each.result == DENIED and each.numbers]
        if not denied or self.read is None:
            return
        reading, who = self.read
        numbers = sorted({number for each in denied for number in each.numbers})
        ids = reading.ids(self.engine, doubtful, who, numbers)
        for each in denied:
            each.event_ids = [one for number in sorted(each.numbers) for one in ids.get(number, ())]

    def _notes(self) -> list[str]:
        notes = [f"{count:,} calls left out: {why}" for why, count in sorted(self.left_out.items())]
        if not self.organization.headed:
            notes.append(
                "no account is known to be the management account, which SCPs do not bind (trailsift iam import tells)"
            )
        if self.unmapped:
            notes.append(f"{self.unmapped:,} calls map to no catalogued action and were not judged")
        return notes


def _account(arn: str) -> str:
    return arn.split(":")[4]


def _open(made: Decision, key: str) -> Decision:
    """The decision, but open: whether the call needed the action is not known."""
    return Decision(CONDITIONAL, None, made.matched, tuple(dict.fromkeys((*made.conditions, key))))


@lru_cache(maxsize=65536)
def _caller(arn: str) -> Principal:
    return principal(arn)
