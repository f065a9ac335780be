"""Permissions somebody answers for: kept whatever the log says, with an owner, a reason and an end.

They are tables `[[exclusions]]` of `trailsift.toml`. What they cover keeps its verdict, is left out of what could go,
and is counted, so that nothing disappears silently; one that has ended covers nothing and is told.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from pipeline.access.granted import Grant, Principal
from pipeline.config import ExclusionSettings
from pipeline.errors import UsageError
from pipeline.iam.catalogue import Catalogue
from pipeline.iam.globs import matches

_CRITERIA = ("principal", "path", "tag", "action", "sid")


@dataclass(frozen=True)
class Exclusion:
    """One table, read; `until` is its last day."""

    given: ExclusionSettings
    until: date | None

    @property
    def text(self) -> str:
        """Why and whose, as a report tells it."""
        end = f", until {self.until}" if self.until else ""
        return f"{self.given.reason} ({self.given.owner}{end})"

    def names(self, principal: Principal) -> bool:
        """Whether the principal, its path and its tags fit."""
        given = self.given
        tags = [each for each in principal.item.get("Tags") or [] if isinstance(each, dict)]
        return (
            (not given.principal or matches(given.principal, principal.arn))
            and (not given.path or matches(given.path, principal.path))
            and (not given.tag or any(matches(given.tag, f"{each.get('Key')}={each.get('Value')}") for each in tags))
        )

    def bits(self, grant: Grant, catalogue: Catalogue) -> int:
        """The grant's actions that it covers."""
        if self.given.sid and not matches(self.given.sid, grant.sid or ""):
            return 0
        return grant.bits & (catalogue.match(self.given.action) if self.given.action else catalogue.everything)


class Exclusions:
    """The exclusions in force on a day."""

    def __init__(self, given: Sequence[ExclusionSettings], today: date) -> None:
        """Raises UsageError for one that covers everything, or whose end is no day."""
        every = [Exclusion(each, _day(each, number)) for number, each in enumerate(given, 1)]
        for number, each in enumerate(every, 1):
            if not any(getattr(each.given, name) for name in _CRITERIA):
                raise UsageError(_place(number), "covers everything", f"give one of {', '.join(_CRITERIA)}")
        self.ended = [each for each in every if each.until and each.until < today]
        self.list = [each for each in every if each not in self.ended]

    def notes(self) -> list[str]:
        """What has ended, a line each."""
        return [f"an exclusion ended on {each.until}: {each.text}" for each in self.ended]

    def of(self, principal: Principal) -> list[Exclusion]:
        """Those that name the principal."""
        return [each for each in self.list if each.names(principal)]


def exclusions(given: Sequence[ExclusionSettings]) -> Exclusions:
    """The exclusions in force today."""
    return Exclusions(given, datetime.now(UTC).date())


def grace(days: int) -> timedelta | None:
    """The grace of new permissions, of the setting in days; None where it is the whole window."""
    return timedelta(days=days) if days else None


def covered(found: Sequence[Exclusion], scope: Sequence[Grant], catalogue: Catalogue) -> list[tuple[int, str]]:
    """Sets of actions of a scope's grants that exclusions cover, each with the exclusion's text."""
    made = []
    for each in found:
        bits = 0
        for grant in scope:
            bits |= each.bits(grant, catalogue)
        if bits:
            made.append((bits, each.text))
    return made


def _day(given: ExclusionSettings, number: int) -> date | None:
    try:
        return date.fromisoformat(given.until) if given.until else None
    except ValueError:
        raise UsageError(_place(number), f"until = {given.until!r} is no day", "write 2026-12-31") from None


def _place(number: int) -> str:
    return f"trailsift.toml: exclusions {number}"
