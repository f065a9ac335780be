"""Points add up: unusual things of one principal that lie within a day of each other make an episode.

Each question gives at most the points its header allows, and of several things of a kind the first counts whole, the
second half, the third a third; so a hundred new calls weigh no more than some, and nothing weak is told alone. An
episode begins where the points of the next 24 hours reach the threshold and goes on until nothing unusual happened for
PAUSE.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby

WINDOW = timedelta(hours=24)
PAUSE = timedelta(days=3)
# What comes after the first day belongs to an episode from this share of the threshold; less is everyday life again.
_TAIL = 0.2


@dataclass(frozen=True)
class Part:
    """One unusual thing: which question (`rule`) saw it, whose, when, what, and its points.

    `attribute` and `value` are those of the view `behaviour`; `commonness` is unseen, rare, infrequent or frequent.
    """

    rule: str
    principal_arn: str
    account_id: str | None
    begin: datetime
    end: datetime
    attribute: str
    value: str | None
    usual: str
    unusual: str
    commonness: str
    points: int

    @property
    def thing(self) -> tuple[str, str, str | None]:
        """What counts once, however often it is seen."""
        return self.rule, self.attribute, self.value


@dataclass(frozen=True)
class Episode:
    """The parts of one stretch, in the order of time, and the most points of any 24 hours of it."""

    parts: list[Part]
    score: int

    def by_points(self) -> list[Part]:
        """Each thing once, the weightiest first, then in the order of time."""
        best: dict[tuple[str, str, str | None], Part] = {}
        for part in self.parts:
            if part.thing not in best or part.points > best[part.thing].points:
                best[part.thing] = part
        return sorted(best.values(), key=lambda each: (-each.points, each.begin, each.rule, each.value or ""))


@dataclass(frozen=True)
class Stretch:
    """All parts of one principal and account in the order of time; `scores[i]` are the points of 24 hours from i."""

    parts: list[Part]
    scores: list[int]

    def episodes(self, threshold: int) -> Iterator[Episode]:
        """The episodes that reach the threshold."""
        at = 0
        while at < len(self.parts):
            if self.scores[at] < threshold:
                at += 1
                continue
            end = at + 1
            parts = [self.parts[at]]
            while end < len(self.parts) and self.parts[end].begin - parts[-1].begin <= PAUSE:
                part = self.parts[end]
                if part.begin - parts[0].begin < WINDOW or part.points >= _TAIL * threshold:
                    parts.append(part)
                end += 1
            yield Episode(parts, max(self.scores[at:end]))
            at = end


def stretches(parts: Iterable[Part], most: Mapping[str, int]) -> list[Stretch]:
    """The parts by principal and account; `most` is how many points each question may give to 24 hours."""

    def whose(part: Part) -> tuple[str, str]:
        return part.principal_arn, part.account_id or ""

    ordered = sorted(parts, key=lambda each: (*whose(each), each.begin, each.rule, each.attribute, each.value or ""))
    found = []
    for _, group in groupby(ordered, whose):
        own = list(group)
        found.append(Stretch(own, [_points(own, at, most) for at in range(len(own))]))
    return found


def _points(parts: list[Part], at: int, most: Mapping[str, int]) -> int:
    """The points of the 24 hours from part `at` on, each thing once, each question within its limit.

    Of several things of one kind the second counts half, the third a third: who goes to one new place, or takes up one
    new duty, soon sees more of it.
    """
    things: dict[tuple[str, str, str | None], int] = {}
    for part in parts[at:]:
        if part.begin - parts[at].begin >= WINDOW:
            break
        things[part.thing] = max(part.points, things.get(part.thing, 0))
    kinds: dict[tuple[str, str], list[int]] = {}
    for (rule, attribute, _), points in things.items():
        kinds.setdefault((rule, attribute), []).append(points)
    rules: dict[str, float] = {}
    for (rule, _), given in kinds.items():
        weighed = sum(points / place for place, points in enumerate(sorted(given, reverse=True), 1))
        rules[rule] = rules.get(rule, 0) + weighed
    return round(sum(min(points, most[rule]) for rule, points in rules.items()))
