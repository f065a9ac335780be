"""One call's actions judged by the proposal with the rest in place, and by today's policies beside it.

The principal's own side is asked: the proposal, kept policies, boundary, SCPs and RCPs of today. What a snapshot does
not hold (a resource's own policy, a VPC endpoint's, a session's) let the call pass when it was made and is taken to
leave the choice to the account; a role's trust policy is in the snapshot and is asked too.
Sources: "Policy evaluation logic", "Cross-account policy evaluation logic" (AWS's pages).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from pipeline.access.granted import Attached, Library, Principal, parsed
from pipeline.access.replay.targets import Call, Target, held
from pipeline.access.world import known
from pipeline.errors import PolicyError, UsageError
from pipeline.iam.decisions import Decision, Request
from pipeline.iam.evaluate import Evaluator
from pipeline.iam.policy import Statement
from pipeline.iam.principals import principal as caller_of
from pipeline.iam.variables import Context

ALLOWED, DENIED, CONDITIONAL, NOT_BY_POLICY = "allowed", "denied", "conditional", "not_by_policy"
UNREADABLE = "(a policy that cannot be read)"
LACKING = "(a policy the snapshot lacks)"
UNTOLD = "(what else the request asked for)"
# "AWS services that work with IAM": those whose resources have policies that can allow by themselves.
_WITH_POLICIES = frozenset(
    (
        *("s3", "s3express", "s3-outposts", "kms", "sqs", "sns", "lambda", "secretsmanager", "ecr", "dynamodb"),
        *("kinesis", "events", "glue", "backup", "es", "logs", "codeartifact", "codebuild", "acm-pca", "iot", "ses"),
        *("elasticfilesystem", "execute-api", "mediastore", "schemas", "serverlessrepo", "ssm", "glacier"),
    )
)
_NO = ("implicit_deny", "explicit_deny")
# "IAM and AWS STS condition context keys", iam:PassedToService: the service principal in the role's trust policy.
_PASSED_TO = {"lambda": "lambda.amazonaws.com", "ec2": "ec2.amazonaws.com"}


@dataclass(frozen=True)
class Verdict:
    """`result` is allowed, denied, conditional or not_by_policy; `keys` what a conditional one hangs on.

    `by` says in words what denies, or for not_by_policy what let the call pass; `as_today`: conditional on the very
    statements that apply today.
    """

    result: str
    keys: tuple[str, ...] = ()
    by: str = ""
    as_today: bool = False


class Side:
    """One set of identity policies with the rest in place. A document that cannot be read leaves answers open."""

    def __init__(self, principal: Principal, library: Library, identity: Iterable[Any], open_: str = "") -> None:
        self.documents = list(identity)
        self.open, self.unread = open_, False
        organization = library.organization
        _, boundary = principal.boundary or ("", None)
        delegated = {"Effect": "Allow", "Principal": {"AWS": principal.account_id}, "Action": "*", "Resource": "*"}
        rest: dict[str, Any] = {
            "boundary": [boundary.document] if boundary else None,
            "scps": [level.documents for level in organization.levels(principal.account_id, "scp")],
            "rcps": [level.documents for level in organization.levels(principal.account_id, "rcp")],
            "resource": {"Version": "2012-10-17", "Statement": [delegated]},
        }
        self.rest = rest
        self.evaluator = self._made(rest)

    def _made(self, rest: Mapping[str, Any]) -> Evaluator:
        """Without what cannot be read; identity policies are then fewer, so that no answer is too good."""
        readable = []
        for document in self.documents:
            try:
                Evaluator({"identity": [document]})
                readable.append(document)
            except PolicyError:
                self.open = self.open or UNREADABLE
        self.documents = readable
        try:
            return Evaluator({**rest, "identity": readable})
        except PolicyError:
            self.open, self.unread = UNREADABLE, True
            return Evaluator({"identity": readable, "resource": rest["resource"]})

    @cached_property
    def statements(self) -> list[Statement]:
        """Every statement that bears on the principal."""
        levels = [*self.rest["scps"], *self.rest["rcps"], self.rest["boundary"] or []]
        listed = [*self.documents, *(document for level in levels for document in level)]
        return [each for document in listed for each in parsed(document).statements]

    def trusting(self, trust: Any) -> Evaluator | None:
        """The same with a role's own trust policy; None where that cannot be read."""
        try:
            return Evaluator({**self.rest, "identity": self.documents, "resource": trust})
        except PolicyError:
            return None

    def decide(self, asked: Request) -> Decision:
        """The decision; conditional instead, where a policy that is not known may allow or take away."""
        made = self.evaluator.decide(asked)
        ungranted = made.decision == "implicit_deny" and made.blocked_by == "identity"
        if self.open and (ungranted or made.decision == "conditional" or (self.unread and made.decision == "allowed")):
            return Decision("conditional", None, made.matched, tuple(dict.fromkeys((*made.conditions, self.open))))
        return made

    def shape(self, made: Decision) -> frozenset[str]:
        """What an answer rests on: its statements' effects, resources and conditions, without names and places."""
        found = []
        for each in made.matched:
            layer, _, place = each.policy.partition("[")
            if layer != "identity":
                found.append(f"{each.policy} {each.index} {each.unknown}")
                continue
            statement = parsed(self.documents[int(place.partition("]")[0])]).statements[each.index]
            told = [statement.effect, statement.resources, statement.not_resource, statement.condition, each.unknown]
            found.append(json.dumps(told, sort_keys=True))
        return frozenset(found)


class Judge:
    """Judges what one principal did by `new`, its side under the proposal, and `now`, its side today."""

    def __init__(self, principal: Principal, library: Library, new: Side, now: Side) -> None:
        self.principal, self.library, self.new, self.now = principal, library, new, now
        self.caller = caller_of(principal.arn)
        self.known = known(principal, library.organization)
        self.held = held(library.snapshot, principal.account_id, principal.arn)
        self.asked = tuple(sorted({*new.evaluator.keys, *now.evaluator.keys}))
        self._trusting: dict[tuple[bool, str], Evaluator | None] = {}

    @cached_property
    def roles(self) -> dict[str, dict[str, Any]]:
        """AWS's own JSON of every role, by ARN."""
        return {each["Arn"]: each for each in self.library.snapshot.of("role")}

    @cached_property
    def forwarded(self) -> bool:
        """Whether no service can have assumed the principal, so that one that calls as it passes on its request."""
        if self.principal.kind == "user":
            return True
        trust = self.principal.item.get("AssumeRolePolicyDocument")
        try:
            statements = parsed(trust).statements if trust else ()
        except PolicyError:
            return False
        named = [each.principal for each in statements if each.allows]
        return bool(named) and all(isinstance(each, dict) and "Service" not in each for each in named)

    def verdict(self, action: str, target: Target, call: Call) -> Verdict:
        """What becomes of one action on one resource."""
        arn = target.globs[0]
        if arn != "*" and (not arn.startswith("arn:") or arn.count(":") < 5):
            return Verdict(CONDITIONAL, ("(a resource that is no ARN)",))
        asked = self._request(action, target, call)
        new = self.new.decide(asked)
        if new.decision == "allowed":
            return Verdict(ALLOWED)
        now = self.now.decide(asked)
        trusted = self._trusted(self.new, action, target, asked)
        if trusted == "allowed":
            return Verdict(NOT_BY_POLICY, by="role trust policy") if now.decision in _NO else Verdict(ALLOWED)
        if new.decision == "conditional":
            same = now.decision == "conditional" and self.new.shape(new) == self.now.shape(now)
            return Verdict(CONDITIONAL, new.conditions, as_today=same and not self.new.open)
        if trusted == "conditional" and new.decision == "implicit_deny":
            return Verdict(CONDITIONAL, ("(the role's trust policy)",))
        return self._denied(action, new, now)

    def _denied(self, action: str, new: Decision, now: Decision) -> Verdict:
        """A call that passed although no policy of today's allows it does not need the proposal to allow it; a Deny
        that the proposal adds stops it all the same."""
        own = ("explicit_deny", "identity")
        added = (new.decision, new.blocked_by) == own != (now.decision, now.blocked_by)
        if now.decision not in _NO or added:
            return Verdict(DENIED, by=self._words(new))
        if now.decision == "explicit_deny" or now.blocked_by != "identity":
            return Verdict(NOT_BY_POLICY, by=f"unknown: {self._words(now)} today, so something changed since the call")
        if action.partition(":")[0] in _WITH_POLICIES:
            return Verdict(NOT_BY_POLICY, by="resource policy, perhaps: no policy of the principal's allows it today")
        return Verdict(NOT_BY_POLICY, by="unknown: no policy of the principal's allows it today")

    def _words(self, made: Decision) -> str:
        if made.decision == "implicit_deny":
            return f"no {_LAYERS.get(made.blocked_by or '', made.blocked_by)} allows it"
        sids = [each.sid for each in made.matched if each.effect == "Deny" and each.sid]
        named = f" ({sids[0]})" if sids else ""
        return f"a Deny of {_LAYERS.get(made.blocked_by or '', made.blocked_by)}{named} meets it"

    def _request(self, action: str, target: Target, call: Call) -> Request:
        context = self._context(action, target, call)
        first = target.globs[0]
        within = () if target.known else target.globs
        owner = first.split(":")[4] if target.known and first.count(":") >= 5 else ""
        return Request(self.caller, action, first, owner if owner.isdigit() else None, context, within)

    def _context(self, action: str, target: Target, call: Call) -> Context:
        given = self.known | dict(call.context)
        arn = target.globs[0]
        if target.known and arn.count(":") >= 5 and arn.split(":")[4].isdigit():
            given["aws:ResourceAccount"] = arn.split(":")[4]
        if action == "iam:PassRole":
            given |= {"iam:PassedToService": to} if (to := self._passed_to(target, call)) else {}
        return Context(given, partial=True)

    def _passed_to(self, target: Target, call: Call) -> str | None:
        """The service a role is passed to: the only one of the caller's choosing that the role's trust names."""
        prefix = call.source.partition(".")[0]
        role = self.roles.get(target.globs[0], {})
        try:
            statements = parsed(role.get("AssumeRolePolicyDocument") or {}).statements
        except PolicyError:
            statements = ()
        named: set[str] = set()
        for each in statements:
            given = each.principal.get("Service", []) if isinstance(each.principal, dict) else []
            named |= {name for name in (given if isinstance(given, list) else [given]) if isinstance(name, str)}
        fitting = [name for name in named if name.partition(".")[0].partition("-")[0] == prefix]
        return fitting[0] if len(fitting) == 1 else _PASSED_TO.get(prefix)

    def _trusted(self, side: Side, action: str, target: Target, asked: Request) -> str | None:
        """What a role's own trust policy makes of an assumption; None for anything else."""
        role = self.roles.get(target.globs[0]) if action == "sts:AssumeRole" and target.known else None
        if role is None or "AssumeRolePolicyDocument" not in role:
            return None
        key = (side is self.new, target.globs[0])
        if key not in self._trusting:
            self._trusting[key] = side.trusting(role["AssumeRolePolicyDocument"])
        evaluator = self._trusting[key]
        return evaluator.decide(asked).decision if evaluator else None


_LAYERS = {
    "identity": "identity policy",
    "boundary": "permission boundary",
    "scp": "SCP",
    "rcp": "RCP",
    "resource": "resource policy",
}


def kept(principal: Principal, replaced: set[str] | None) -> list[Attached]:
    """Identity policies that stay; `replaced` names those that go (None: all) by name, ARN or as `unused` tells them.

    Raises UsageError for a name that is none of the principal's.
    """
    if replaced is None:
        return []
    named = [(each, {each.by, each.by.split(" via group ")[0], name_of(each)}) for each in principal.attached]
    for name in sorted(replaced):
        if not any(name in names for _, names in named):
            held = ", ".join(sorted({name_of(each) for each in principal.attached})) or "none"
            raise UsageError(name, "is no policy of the principal", f"it has {held}")
    return [each for each, names in named if not names & replaced]


def name_of(attached: Attached) -> str:
    """A policy's own name."""
    plain = attached.by.split(" via group ")[0]
    return plain.removeprefix("inline policy ") if plain.startswith("inline policy ") else plain.rpartition("/")[2]
