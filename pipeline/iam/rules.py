"""A statement in its place, compiled: whether it is about a request, and on which unknown keys that hangs."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pipeline.iam import grammar
from pipeline.iam.conditions import Literal, Test, compile_conditions
from pipeline.iam.globs import fits, inside, overlap, tokens
from pipeline.iam.policy import Statement, decode, parse
from pipeline.iam.principals import Grade, Named, compile_principal
from pipeline.iam.variables import Context, Template, Variable, fixed, resolve, template, unknown_keys

Match = Callable[[str], bool]
# Stands among the keys a decision hangs on where only the resource itself would settle it.
RESOURCE = "(the resource)"
_VARIABLE = re.compile(r"\$\{[^}]*\}")


@dataclass(frozen=True, slots=True, eq=False)
class Rule:
    """One statement of one policy. `layer` is the kind of policy, `level` its level for SCPs and RCPs, `order` the
    document's place among its like.

    `policy` names the document by its place in the input, such as `scps[0][1]`.
    """

    layer: str
    level: int
    order: int
    policy: str
    index: int
    sid: str | None
    allows: bool
    actions: tuple[Match, ...]
    not_action: bool
    resources: tuple[Match, ...]
    templates: tuple[Template, ...]
    not_resource: bool
    principal: Named | None
    tests: tuple[Test, ...]
    # The patterns as written, for a resource of which only a glob is known; a variable may stand for anything.
    patterns: tuple[str, ...] = ()

    @property
    def keys(self) -> set[str]:
        """The keys, in lower case, that it asks of a request's context."""
        parts = [part for each in self.templates for part in each]
        parts += [part for test in self.tests for values, _ in test.values for part in values]
        named = {part.key.lower() for part in parts if isinstance(part, Variable)}
        return named | {test.key for test in self.tests}

    def names(self, action: str) -> bool:
        """Whether its Action or NotAction takes in the action, given in lower case."""
        return _any(self.actions, action) is not self.not_action

    def applies(self, resource: str, context: Context, within: tuple[str, ...] = ()) -> bool | tuple[Literal, ...]:
        """Whether resource and conditions fit; else all that is open, every part of which must hold."""
        open_: tuple[Literal, ...] = ()
        about: bool | Literal = self._within(within) if within else self._about(resource, context)
        if about is False:
            return False
        if about is not True:
            open_ = (about,)
        for test in self.tests:
            held = test.holds(context)
            if held is False:
                return False
            if held is not True:
                open_ += (held,)
        return open_ or True

    def _about(self, resource: str, context: Context) -> bool | Literal:
        """Whether it is about the resource."""
        about = _any(self.resources, resource) is not self.not_resource
        if self.templates and about is self.not_resource:
            # Still undecided: a pattern with a variable may name the resource.
            return self._variable_resources(resource, context)
        return about

    def _within(self, globs: tuple[str, ...]) -> bool | Literal:
        """Whether it is about every resource that fits a glob, or about none; else a Literal."""
        if all(any(inside(each, pattern) for pattern in self.patterns) for each in globs):
            return not self.not_resource
        if not any(overlap(each, _VARIABLE.sub("*", pattern)) for each in globs for pattern in self.patterns):
            return self.not_resource
        # Resource and NotResource of the same patterns are each other's opposite.
        atom = ("within", globs, tuple(sorted(self.patterns)))
        return Literal(atom, not self.not_resource, frozenset((RESOURCE,)))

    def _variable_resources(self, resource: str, context: Context) -> bool | Literal:
        """Whether the patterns with variables let the statement be about the resource.

        One whose variable has no value names nothing ("IAM policy elements: Variables and tags").
        """
        unknown: frozenset[str] = frozenset()
        for parts in self.templates:
            keys = unknown_keys(parts, context)
            glob = None if keys else resolve(parts, context)
            if glob is not None and fits(glob)(resource):
                return not self.not_resource
            unknown |= keys
        if unknown:
            atom = ("resource", resource, tuple(sorted(map(repr, self.templates))))
            return Literal(atom, not self.not_resource, unknown)
        return self.not_resource


def _any(matches: tuple[Match, ...], text: str) -> bool:
    # A loop, since a generator costs more than the matching.
    for match in matches:  # noqa: SIM110
        if match(text):
            return True
    return False


# A statement that names caller and action, and how closely it names the caller.
Hit = tuple[Rule, Grade]


def compile_policy(document: object, kind: str, layer: str, place: str, level: int = 0, order: int = 0) -> list[Rule]:
    """The rules of one document, whose place in the input is `place`. Raises PolicyError for what AWS refuses."""
    document = decode(document, place)
    parsed = parse(document, place)
    assert isinstance(document, Mapping)
    grammar.check(document, kind, place)
    variables = parsed.version != "2008-10-17"
    return [_rule(each, variables, layer, level, order, place) for each in parsed.statements]


def _rule(statement: Statement, variables: bool, layer: str, level: int, order: int, place: str) -> Rule:
    here = f"{place}.Statement[{statement.index}]"
    # A resource's own policy may leave it out: trust policies do, and those of ECR repositories.
    patterns = ("*",) if statement.no_resource else statement.resources
    templates = [template(each, wild=True, variables=variables) for each in patterns]
    globs = [(each, fixed(each)) for each in templates]
    return Rule(
        layer=layer,
        level=level,
        order=order,
        policy=place,
        index=statement.index,
        sid=statement.sid,
        allows=statement.allows,
        actions=tuple(fits(tokens(each.lower())) for each in statement.actions),
        not_action=statement.not_action,
        resources=tuple(fits(glob) for _, glob in globs if glob is not None),
        templates=tuple(each for each, glob in globs if glob is None),
        not_resource=statement.not_resource,
        principal=_principal(statement, here),
        tests=compile_conditions(statement.condition, variables, f"{here}.Condition"),
        patterns=tuple(patterns),
    )


def _principal(statement: Statement, place: str) -> Named | None:
    if statement.principal is None:
        return None
    name = "NotPrincipal" if statement.not_principal else "Principal"
    return compile_principal(statement.principal, statement.not_principal, f"{place}.{name}")
