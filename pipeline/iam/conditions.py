"""A Condition element, compiled: every operator and every key must hold; of a key's values any one.

Sources: "IAM JSON policy elements: Condition", "… Condition operators", "Single-valued vs. multivalued context keys"
and "Conditions with multiple context keys or values" (AWS's pages).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.errors import PolicyError
from pipeline.iam.operators import OPERATORS, Match, Operator
from pipeline.iam.variables import Context, Template, Unknown, fixed, resolve, template, unknown_keys

_QUALIFIERS = {"forallvalues": "all", "foranyvalue": "any"}


@dataclass(frozen=True, slots=True)
class Literal:
    """A test whose outcome an incomplete context leaves open: equal `atom`s have equal outcomes, `sign` negates.

    `keys`: the keys, as the policy spells them, that would settle it.
    """

    atom: tuple[Any, ...]
    sign: bool
    keys: frozenset[str]


@dataclass(frozen=True, slots=True)
class Test:
    """One operator on one key. `values` holds, per value, its template and, where it has no variable, its match."""

    operator: Operator
    qualifier: str
    if_exists: bool
    key: str
    spelt: str
    values: tuple[tuple[Template, Match | None], ...]

    def holds(self, context: Context) -> bool | Literal:
        """Whether it holds; a Literal where the context does not tell."""
        found = context.get(self.key)
        if self.operator.name == "Null":
            return self._null(found)
        if isinstance(found, Unknown):
            return self._literal(frozenset((self.spelt,)))
        if not found:
            # ForAllValues holds where there is nothing to compare, ForAnyValue does not ("Set operators").
            return self.if_exists or (self.operator.negated if not self.qualifier else self.qualifier == "all")
        if self.qualifier and not any(found):
            return self.qualifier == "all"
        matches, unknown = self._matches(context)
        decided = self._decide(found, matches)
        # More values can only make a positive operator truer and a negated one falser.
        if unknown and decided is self.operator.negated:
            return self._literal(unknown)
        return decided

    def _null(self, found: tuple[str, ...] | Unknown) -> bool | Literal:
        absent, present = (any(match(word) for _, match in self.values if match) for word in ("true", "false"))
        if not isinstance(found, Unknown):
            return present if found else absent
        if absent is present:
            return absent
        return Literal(("Null", self.key), absent, frozenset((self.spelt,)))

    def _matches(self, context: Context) -> tuple[list[Match], frozenset[str]]:
        """Matches of the values, and unknown keys of variables. Nothing equals a variable without a value."""
        matches: list[Match] = []
        unknown = frozenset[str]()
        for parts, match in self.values:
            if match is None:
                keys = unknown_keys(parts, context)
                glob = None if keys else resolve(parts, context)
                unknown |= keys
                match = _safe(self.operator, glob) if glob is not None else None
            if match is not None:
                matches.append(match)
        return matches, unknown

    def _decide(self, found: tuple[str, ...], matches: list[Match]) -> bool:
        each = (any(match(value) for match in matches) for value in found)
        if self.operator.negated:
            # Without a qualifier none may match: "Not" of the positive operator.
            return any(not one for one in each) if self.qualifier == "any" else not any(each)
        return all(each) if self.qualifier == "all" else any(each)

    def _literal(self, keys: frozenset[str]) -> Literal:
        values = tuple(sorted((repr(parts) for parts, _ in self.values)))
        name = self.operator.name
        if self.operator.negated and not self.qualifier:
            # Exactly the opposite of the positive operator, present key or not; IfExists adds nothing to it.
            return Literal((name.replace("Not", "", 1), "", False, self.key, values), False, keys)
        return Literal((name, self.qualifier, self.if_exists, self.key, values), True, keys)


def _safe(operator: Operator, glob: Any) -> Match | None:
    try:
        return operator.make(glob)
    except ValueError:
        return None


def compile_conditions(block: Mapping[str, Any], variables: bool, place: str) -> tuple[Test, ...]:
    """The tests of a Condition element; `variables`: the document's version has them.

    Raises PolicyError for an operator, key or value that AWS refuses.
    """
    return tuple(test for name, keys in block.items() for test in _tests(name, keys, variables, f"{place}.{name}"))


def _tests(name: str, keys: object, variables: bool, place: str) -> Iterable[Test]:
    qualifier, colon, rest = name.lower().rpartition(":")
    base = rest.removesuffix("ifexists")
    operator = OPERATORS.get(base)
    if operator is None or (colon and qualifier not in _QUALIFIERS):
        raise PolicyError(place, "is no condition operator", "see IAM's page on condition operators")
    if operator.name == "Null" and base != rest:
        raise PolicyError(place, "Null cannot be combined with IfExists", "write Null")
    if not isinstance(keys, Mapping):
        raise PolicyError(place, "is no JSON object", 'write {"key": value}')
    seen: set[str] = set()
    for key, value in keys.items():
        if not isinstance(key, str) or ":" not in key:
            raise PolicyError(f"{place}.{key}", "is no condition key", "write SERVICE:KEY, such as aws:SourceIp")
        if key.lower() in seen:
            raise PolicyError(f"{place}.{key}", "is there twice, in other letters", "key names mind no case; keep one")
        seen.add(key.lower())
        yield Test(
            operator=operator,
            qualifier=_QUALIFIERS.get(qualifier, ""),
            if_exists=base != rest,
            key=key.lower(),
            spelt=key,
            values=tuple(_values(operator, value, variables, f"{place}.{key}")),
        )


def _values(operator: Operator, given: object, variables: bool, place: str) -> Iterable[tuple[Template, Match | None]]:
    for each in given if isinstance(given, list) else [given]:
        if isinstance(each, bool):
            each = "true" if each else "false"
        if not isinstance(each, str | int | float):
            raise PolicyError(place, "is no text, number or truth value", "give one, or a list of them")
        parts = template(str(each), operator.wild, variables and operator.variables)
        glob = fixed(parts)
        try:
            yield parts, None if glob is None else operator.make(glob)
        except ValueError as error:
            raise PolicyError(place, f"{str(each)[:60]!r} {error}", f"{operator.name} compares no other") from None
