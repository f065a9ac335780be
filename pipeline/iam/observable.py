"""Whether CloudTrail can show that an action was used: as a management event, as a data event, or not at all.

An absence in the log proves nothing about an action that the log could not have shown. Three sources decide:
`data/observable.toml` (data events and what is never recorded, a source a row), the mapping (any event that needs
the action), and `data/no_api.json`: actions that no API operation is named after, worked out from botocore's
models and the reference's own links by `python -m pipeline.iam.refresh`.
"""

from __future__ import annotations

import json
import tomllib
from dataclasses import dataclass
from functools import cached_property, lru_cache
from importlib import resources as package

from pipeline.iam.actions import Mapper, mapper


@dataclass(frozen=True)
class DataEvents:
    """Actions recorded as data events of one resource type; `member` names the container in a usage row's request."""

    bits: int
    resource_type: str
    member: str


class Observability:
    """Sets of actions by how CloudTrail records them, as bits over the catalogue; make it with `observability()`."""

    def __init__(self, by: Mapper) -> None:
        self.mapper = by
        self.catalogue = by.catalogue

    @cached_property
    def _table(self) -> dict[str, list[list[object]]]:
        text = package.files("pipeline.iam").joinpath("data/observable.toml").read_text("utf-8")
        return dict(tomllib.loads(text))

    @cached_property
    def data_events(self) -> tuple[DataEvents, ...]:
        """The kinds of data events, in the order of the table; an action belongs to the first that names it."""
        found, taken = [], 0
        for patterns, kind, member in self._table["data"]:
            bits = self._bits(patterns) & ~taken
            taken |= bits
            found.append(DataEvents(bits, str(kind), str(member)))
        return tuple(found)

    @cached_property
    def silent(self) -> dict[int, str]:
        """Why CloudTrail never records an action, by its position in the catalogue."""
        from pipeline.iam.catalogue import positions

        reasons = dict.fromkeys(positions(self._without_api), "no API operation of this name is documented")
        for patterns, why in self._table["silent"]:
            reasons |= dict.fromkeys(positions(self._bits(patterns)), str(why))
        return reasons

    @cached_property
    def _without_api(self) -> int:
        """Actions no operation is named after and no row of the mapping leads to."""
        named = json.loads(package.files("pipeline.iam").joinpath("data/no_api.json").read_text("utf-8"))
        bits = 0
        for prefix, names in named.items():
            for name in names:
                bits |= self.catalogue.match(f"{prefix}:{name}")
        recorded = self.mapped_by_rule | self.catalogue.match("apigateway:*")
        for kind in self.data_events:
            recorded |= kind.bits
        return bits & ~recorded

    @cached_property
    def mapped_by_rule(self) -> int:
        """Actions that some row of the mapping leads to."""
        rows = [*self.mapper.table["rules"], *self.mapper.table["inferred"]]
        return self._bits([action for row in rows for action in row[2]])

    def _bits(self, patterns: object) -> int:
        bits = 0
        for pattern in patterns if isinstance(patterns, list) else []:
            bits |= self.catalogue.match(pattern)
        return bits


@lru_cache(maxsize=1)
def observability() -> Observability:
    """What CloudTrail can show of this installation's catalogue, made once a process."""
    return Observability(mapper())
