"""Whether a request is allowed: AWS's evaluation of every policy that bears on it, with the reason.

An explicit Deny anywhere decides. Then SCPs (every level), the VPC endpoint's policy, and a grant: by the resource's
own policy, by an identity policy within boundary and session policy, across accounts by both. How closely the
resource's policy names the caller decides which of the others can still take its grant away.
Sources: "Policy evaluation logic", "Cross-account policy evaluation logic", "Permissions boundaries for IAM
entities", "SCP evaluation", "RCP evaluation", "Key policies in AWS KMS" (AWS's pages).
"""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources as files
from typing import Any

from pipeline.errors import PolicyError, UsageError
from pipeline.iam import grammar
from pipeline.iam.conditions import Literal
from pipeline.iam.decisions import LAYERS, Decision, Request, matched
from pipeline.iam.principals import Grade, Principal
from pipeline.iam.rules import Hit, Rule, compile_policy
from pipeline.iam.undecided import Open, Outcome, explore

_KINDS = {"rcp": grammar.RCP, "scp": grammar.SCP, "vpc_endpoint": grammar.ENDPOINT, "resource": grammar.RESOURCE}
_MEMBERS = ("identity", "boundary", "session", "scps", "rcps", "resource", "vpc_endpoint")
_REMEMBERED = 200_000
# Characters of a request times patterns of the policies to hold them against: some seconds of work. Policies of the
# sizes AWS takes need a thousandth of it; fewer patterns than the second number can never reach it.
_MOST_WORK, _FEW = 1 << 26, 500
_ROLE = re.compile(r"arn:[^:]*:iam::[^:]*:role/(aws-service-role/)?")
_KEY = re.compile(r"arn:[^:]*:kms:[^:]*:[^:]*:key/")


@dataclass(frozen=True)
class Scene:
    """What applies to one caller, action and resource.

    `mandatory`: the resource's policy must allow; `levels`: of SCPs; `fenced`: RCPs bear on it.
    """

    limited: bool
    root: bool
    cross: bool
    mandatory: bool
    levels: int
    fenced: bool
    boundary: bool
    session: bool
    endpoint: bool

    def outcome(self, hits: Iterable[Hit]) -> Outcome:
        """The decision where exactly these statements are about the request, and what blocks it."""
        allowed: set[str] = set()
        denied: set[str] = set()
        levels: set[int] = set()
        grade = Grade.NONE
        for rule, how in hits:
            if not rule.allows:
                denied.add(rule.layer)
            elif rule.layer == "scp":
                levels.add(rule.level)
            elif rule.layer == "resource":
                grade = max(grade, how)
            else:
                allowed.add(rule.layer)
        if denied:
            return "explicit_deny", next(layer for layer in LAYERS if layer in denied)
        if len(levels) < self.levels:
            return "implicit_deny", "scp"
        if self.endpoint and "vpc_endpoint" not in allowed:
            return "implicit_deny", "vpc_endpoint"
        blocked = self._ungranted(allowed, grade)
        return ("implicit_deny", blocked) if blocked else ("allowed", None)

    def _ungranted(self, allowed: set[str], grade: Grade) -> str | None:
        """What keeps the caller from a grant."""
        if not self.limited and not self.root:
            return None if grade else "resource"
        if not self.cross:
            if grade is Grade.DIRECT:
                return None
            if self.mandatory and not grade:
                return "resource"
        # Across accounts the caller's own account must allow too, however the resource's policy names it.
        needed = {"boundary": self.boundary, "session": self.session}
        if self.cross or grade is not Grade.ROLE:
            needed = {"identity": not self.root} | needed
        missing = next((layer for layer, asked in needed.items() if asked and layer not in allowed), None)
        return missing or ("resource" if self.cross and not grade else None)


class Evaluator:
    """A set of policies, compiled once; `decide` answers any number of requests, and repeated ones from memory."""

    def __init__(self, policies: object) -> None:
        """`policies` is the member of that name of a line of `iam evaluate`. Raises PolicyError with the place."""
        if not isinstance(policies, Mapping):
            raise PolicyError("policies", "is no JSON object", f"give some of {', '.join(_MEMBERS)}")
        for name in policies:
            if name not in _MEMBERS:
                raise PolicyError(f"policies.{name}", "is no kind of policy", f"give some of {', '.join(_MEMBERS)}")
        self._rules: list[Rule] = []
        self._levels = 0
        for name in _MEMBERS:
            self._add(name, policies.get(name))
        # Answers name statements in the order of the layers and of the input.
        self._rules.sort(key=lambda rule: (LAYERS.index(rule.layer), rule.level, rule.order, rule.index))
        layers = {name for name in ("boundary", "vpc_endpoint") if policies.get(name)}
        self._given = layers | ({"session"} if policies.get("session") is not None else set())
        self._keys = tuple(sorted({key for rule in self._rules for key in rule.keys}))
        patterns = Counter(key for rule in self._rules for test in rule.tests for key in [test.key] * len(test.values))
        patterns[""] = sum(len(rule.resources) + len(rule.templates) for rule in self._rules)
        self._patterns = patterns if patterns.total() > _FEW else Counter[str]()
        self._about: dict[tuple[Any, ...], tuple[Scene, tuple[Hit, ...]]] = {}
        self._naming: dict[str, list[Rule]] = {}
        self._memory: dict[tuple[Any, ...], Decision] = {}

    def _add(self, name: str, given: object) -> None:
        """Compiles one member: a document, a list of them, or a list of levels of them."""
        if given is None:
            return
        if name in ("scps", "rcps"):
            for level, documents in enumerate(_listed(given, name)):
                self._compile(name[:-1], level, _listed(documents, f"{name}[{level}]"), f"{name}[{level}]")
            self._levels = len(_listed(given, name)) if name == "scps" else self._levels
        elif name in ("session", "resource"):
            self._rules += compile_policy(given, _KINDS.get(name, grammar.IDENTITY), name, name)
        else:
            self._compile(name, 0, _listed(given, name), name)

    def _compile(self, layer: str, level: int, documents: Sequence[object], place: str) -> None:
        kind = _KINDS.get(layer, grammar.IDENTITY)
        for i, document in enumerate(documents):
            self._rules += compile_policy(document, kind, layer, f"{place}[{i}]", level, i)

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys, in lower case, that its policies ask of a request's context."""
        return self._keys

    def decide(self, asked: Request) -> Decision:
        """The decision on one request. Raises UsageError where request and policies together are out of all bounds."""
        context = asked.context
        get = context.values.get
        key = (
            asked.principal.key, asked.action, asked.resource, asked.account, context.partial, asked.within,
            *[get(name) for name in self._keys],
        )  # fmt: skip
        found = self._memory.get(key)
        if found is None:
            if len(self._memory) >= _REMEMBERED:
                self._memory.clear()
            found = self._memory[key] = self._decide(asked)
        return found

    def _weigh(self, asked: Request) -> None:
        """Refuses a request whose texts are too long to be held against the many patterns there are."""
        texts = asked.context.values
        work = self._patterns[""] * len(asked.resource)
        work += sum(number * sum(map(len, texts.get(key, ()))) for key, number in self._patterns.items() if key)
        if work > _MOST_WORK:
            raise UsageError("request", "is too long for so many patterns", "no policies that AWS takes have as many")

    def _decide(self, asked: Request) -> Decision:
        if self._patterns:
            self._weigh(asked)
        scene, candidates = self._candidates(asked)
        if asked.action.lower() == "sts:getcalleridentity" and asked.principal.account:
            # No permission is needed, and a Deny changes nothing ("GetCallerIdentity", AWS STS API reference).
            return Decision("allowed", None, ())
        hits: list[Hit] = []
        undecided: list[Open] = []
        for hit in candidates:
            applies = hit[0].applies(asked.resource, asked.context, asked.within)
            if applies is not False:
                hits.append(hit)
            if applies is not True and applies is not False:
                undecided.append((hit, applies))
        if not undecided:
            return Decision(*scene.outcome(hits), matched(hits))
        unknown = {id(rule): _keys(literals) for (rule, _), literals in undecided}
        sure = [hit for hit in hits if id(hit[0]) not in unknown]
        outcome, keys = explore(scene.outcome, sure, undecided)
        if not keys:
            return Decision(*outcome, matched(sure))
        return Decision("conditional", None, matched(hits, unknown), keys)

    def _candidates(self, asked: Request) -> tuple[Scene, tuple[Hit, ...]]:
        """What applies, and the statements that name caller and action; the same for all resources of an account."""
        caller, action = asked.principal, asked.action.lower()
        owner = asked.account or _account(asked.resource) or caller.account
        role = _ROLE.match(asked.resource) if action.startswith("sts:") else None
        mandatory = bool(role) or action.startswith("sts:assumerole") or bool(_KEY.match(asked.resource))
        # RCPs keep no service from its own role ("Resources and entities not restricted by RCPs").
        linked = role is not None and role[1] is not None
        key = (caller.key, action, owner, mandatory, linked)
        found = self._about.get(key)
        if found is None:
            if len(self._about) >= _REMEMBERED:
                self._about.clear()
            fenced = rcp_applies(action) and not linked and not caller.service_linked
            scene = self._scene(caller, owner, mandatory, fenced)
            found = self._about[key] = scene, tuple(self._hits(caller, action, scene))
        return found

    def _scene(self, caller: Principal, owner: str | None, mandatory: bool, fenced: bool) -> Scene:
        limited = caller.limited
        return Scene(
            limited=limited,
            root=caller.kind == "root",
            cross=caller.account is not None and owner != caller.account,
            mandatory=mandatory,
            levels=0 if caller.service_linked or caller.account is None else self._levels,
            fenced=fenced,
            boundary=limited and "boundary" in self._given,
            # GetFederationToken without a session policy gives no permissions ("Permissions for GetFederationToken").
            session=limited and ("session" in self._given or caller.kind == "federated_user"),
            endpoint="vpc_endpoint" in self._given,
        )

    def _hits(self, caller: Principal, action: str, scene: Scene) -> Iterable[Hit]:
        bounded = "boundary" in self._given
        layers = {"resource", "vpc_endpoint"}
        layers |= {"identity", "boundary", "session"} if scene.limited else set()
        layers |= {"scp"} if scene.levels else set()
        layers |= {"rcp"} if scene.fenced else set()
        if action not in self._naming:
            if len(self._naming) >= _REMEMBERED:
                self._naming.clear()
            self._naming[action] = [rule for rule in self._rules if rule.names(action)]
        for rule in self._naming[action]:
            if rule.layer in layers:
                grade = Grade.DIRECT if rule.principal is None else rule.principal.grade(caller, bounded)
                if grade:
                    yield rule, grade


def _keys(literals: Iterable[Literal]) -> tuple[str, ...]:
    return tuple(sorted({key for each in literals for key in each.keys}))


def _listed(given: object, place: str) -> Sequence[object]:
    if not isinstance(given, list):
        raise PolicyError(place, "is no list", "give a list, with or without members")
    return given


def _account(resource: str) -> str | None:
    parts = resource.split(":", 5)
    return parts[4] if len(parts) == 6 and parts[4].isdigit() else None


@lru_cache(maxsize=1)
def _organizations() -> dict[str, frozenset[str]]:
    text = files.files("pipeline.iam").joinpath("data/organizations.toml").read_text("utf-8")
    return {name: frozenset(each.lower() for each in listed) for name, listed in tomllib.loads(text).items()}


def rcp_applies(action: str) -> bool:
    """Whether resource control policies bear on an action, given in lower case."""
    known = _organizations()
    return action.partition(":")[0] in known["rcp_services"] and action not in known["rcp_exempt"]
