"""Ways by which permissions lead to more permissions, and which of them a set of actions opens.

The ways are data (data/escalation.toml), each with where it was published. What is found is what may be: whether a
role worth passing exists, or a condition stands in the way, is for the evaluation of the single calls to say.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources

from pipeline.iam.catalogue import Catalogue


@dataclass(frozen=True)
class Escalation:
    """One way: who holds all of `actions` gains `gain` (policy, credentials, role, takeover or limits) by `how`.

    `meaning` says the gain in words, `source` where the way was published.
    """

    actions: tuple[str, ...]
    gain: str
    how: str
    meaning: str
    source: str


@lru_cache(maxsize=1)
def table() -> tuple[Escalation, ...]:
    """Every way that is known, in the order of the file."""
    text = resources.files("pipeline.iam").joinpath("data/escalation.toml").read_text("utf-8")
    given = tomllib.loads(text)
    return tuple(
        Escalation(tuple(actions.split()), gain, how, given["gains"][gain], given["sources"][source])
        for actions, gain, how, source in given["table"]["rows"]
    )


def escalations(granted: int, catalogue: Catalogue) -> tuple[Escalation, ...]:
    """The ways all of whose actions are in the set `granted`, bits over the catalogue."""
    return tuple(way for way in table() if all(catalogue.match(each) & granted for each in way.actions))
