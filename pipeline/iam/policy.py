"""A policy document, parsed: statements whose parts have one shape, and the actions they name.

AWS lets almost everything be a single value or a list; here everything is a tuple. What AWS would reject is
refused with the place of the fault. Source: "Grammar of the IAM JSON policy language".
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import unquote

from pipeline.errors import PolicyError
from pipeline.iam.catalogue import Catalogue, Expansion

_VERSIONS = ("2012-10-17", "2008-10-17")
_ELEMENTS = frozenset(
    ("Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource", "Condition")
)


@dataclass(frozen=True)
class Statement:
    """One statement.

    `not_action`, `not_resource`, `not_principal` say that the names are exceptions, not the rule; `no_resource` that
    it has neither Resource nor NotResource.
    """

    index: int
    sid: str | None
    effect: str
    actions: tuple[str, ...]
    not_action: bool
    resources: tuple[str, ...]
    not_resource: bool
    condition: Mapping[str, Any]
    principal: Any = None
    not_principal: bool = False
    no_resource: bool = False

    @property
    def allows(self) -> bool:
        """Whether this is an Allow; otherwise it is a Deny."""
        return self.effect == "Allow"

    @property
    def everywhere(self) -> bool:
        """Whether it applies to every resource, whatever the request: Resource `*` and no condition."""
        return not self.not_resource and "*" in self.resources and not self.condition

    @property
    def scope(self) -> str:
        """Its resources as one text: the pattern, several joined by ", ", exceptions after "not "."""
        text = ", ".join(self.resources) or "*"
        return f"not {text}" if self.not_resource else text

    def expand(self, catalogue: Catalogue) -> Expansion:
        """The actions it names, as bits over the catalogue, and its patterns that name none."""
        return catalogue.expand(self.actions, self.not_action)


@dataclass(frozen=True)
class Policy:
    """A parsed document; `version` is AWS's default 2008-10-17 where the document names none."""

    version: str
    statements: tuple[Statement, ...]

    @cached_property
    def allows(self) -> tuple[Statement, ...]:
        """The statements that allow."""
        return tuple(each for each in self.statements if each.allows)

    def expand(self, catalogue: Catalogue) -> Expansion:
        """Actions the policy grants on some resource, under some condition, less those it denies outright.

        A Deny takes an action away only where it is sure to: on every resource and without condition.
        `unknown` holds the patterns of any statement that name nothing in the catalogue.
        """
        granted = denied = 0
        unknown: list[str] = []
        for statement in self.statements:
            found = statement.expand(catalogue)
            unknown += found.unknown
            if statement.allows:
                granted |= found.bits
            elif statement.everywhere:
                denied |= found.bits
        return Expansion(granted & ~denied, tuple(dict.fromkeys(unknown)))


def parse(document: object, place: str = "policy") -> Policy:
    """The policy in an object, in JSON text, or in the URL-encoded JSON that IAM's own API gives out.

    Raises PolicyError, whose place is the element at fault (`policy.Statement[2].Effect`).
    """
    document = decode(document, place)
    if not isinstance(document, Mapping):
        raise PolicyError(place, "a policy is a JSON object", "give one with Version and Statement")
    version = document.get("Version", "2008-10-17")
    if version not in _VERSIONS:
        raise PolicyError(f"{place}.Version", f"{repr(version)[:60]} is no version", "write 2012-10-17")
    given = document.get("Statement")
    if given is None:
        raise PolicyError(place, "has no Statement", "give at least one")
    listed = given if isinstance(given, list) else [given]
    statements = tuple(_statement(each, i, f"{place}.Statement[{i}]") for i, each in enumerate(listed))
    return Policy(version, statements)


def decode(text: object, place: str = "policy") -> object:
    """The JSON value of a text, URL-encoded or not; anything but a text is returned as it is."""
    if not isinstance(text, str):
        return text
    plain = unquote(text) if text.lstrip()[:3].upper() in ("%7B", "%0A", "%20") else text
    try:
        return json.loads(plain, object_pairs_hook=members)
    except (ValueError, RecursionError) as error:
        raise PolicyError(place, f"is no JSON ({error})", "give the policy as JSON") from None


def members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """What json.loads makes of an object; ValueError where a member is there twice, which AWS refuses.

    Source: "Grammar of the IAM JSON policy language", policy grammar notes.
    """
    found = dict(pairs)
    if len(found) < len(pairs):
        (twice, _), *_ = Counter(name for name, _ in pairs).most_common(1)
        raise ValueError(f"the member {twice[:80]!r} is there twice")
    return found


def _statement(given: object, index: int, place: str) -> Statement:
    if not isinstance(given, Mapping):
        raise PolicyError(place, "a statement is a JSON object", "give one with Effect and Action")
    for name in given:
        if name not in _ELEMENTS:
            raise PolicyError(f"{place}.{name}", "is no element of a statement", "names mind case: Effect, Action …")
    effect = given.get("Effect")
    if effect not in ("Allow", "Deny"):
        raise PolicyError(f"{place}.Effect", f"{repr(effect)[:60]} is neither Allow nor Deny", "write one of them")
    for one, other in (("Action", "NotAction"), ("Resource", "NotResource"), ("Principal", "NotPrincipal")):
        if one in given and other in given:
            raise PolicyError(place, f"has both {one} and {other}", "keep one of them")
    actions = _texts(given, "NotAction" if "NotAction" in given else "Action", place)
    if not actions:
        raise PolicyError(place, "names no Action", "give Action or NotAction")
    condition = given.get("Condition", {})
    condition = {} if condition == [] else condition
    if not isinstance(condition, Mapping):
        raise PolicyError(f"{place}.Condition", "is no JSON object", 'write {"operator": {"key": value}}')
    sid = given.get("Sid")
    return Statement(
        index=index,
        sid=sid if isinstance(sid, str) else None,
        effect=effect,
        actions=actions,
        not_action="NotAction" in given,
        resources=_texts(given, "NotResource" if "NotResource" in given else "Resource", place),
        not_resource="NotResource" in given,
        condition=condition,
        principal=given.get("Principal", given.get("NotPrincipal")),
        not_principal="NotPrincipal" in given,
        no_resource="Resource" not in given and "NotResource" not in given,
    )


def _texts(given: Mapping[str, Any], name: str, place: str) -> tuple[str, ...]:
    value = given.get(name, [])
    listed = value if isinstance(value, list) else [value]
    return tuple(_each_text(listed, f"{place}.{name}"))


def _each_text(listed: list[Any], place: str) -> Iterator[str]:
    for each in listed:
        if not isinstance(each, str):
            raise PolicyError(
                place, f"{json.dumps(each, default=str)[:60]} is no text", "give a text or a list of texts"
            )
        yield each
