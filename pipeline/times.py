"""Times as people write them, as UTC instants: `-7d`, `2026-11-01`, `2026-11-01T10:00:00Z`, `now`."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta

from pipeline.errors import UsageError

_RELATIVE = re.compile(r"^-(\d{1,6})([smhdw])$")
_UNIT = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def parse_time(text: str, as_of: datetime, place: str = "time") -> datetime:
    """The instant `text` names; relative times count back from `as_of` (the newest event in the lake).

    A date without a time is its midnight, a time without a zone is UTC.
    Raises UsageError, naming `place`, for anything else.
    """
    text = text.strip()
    if text == "now":
        return as_of
    if _RELATIVE.match(text):
        try:
            return as_of - parse_duration(text[1:], place)
        except OverflowError:
            raise UsageError(place, f"{text!r} reaches back before year 1", "name a shorter span") from None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(place, f"{text!r} is no time", "write -7d, 2026-11-01 or 2026-11-01T10:00:00Z") from None
    try:
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except OverflowError:
        raise UsageError(place, f"{text!r} lies outside the years 1 to 9999", "name another time") from None


def parse_duration(text: str, place: str = "duration") -> timedelta:
    """The span `90d`, `12h`, `2w`, `30m` or `45s` names; raises UsageError for anything else."""
    match = _RELATIVE.match(f"-{text.strip()}")
    if not match:
        raise UsageError(place, f"{text!r} is no span of time", "write 90d, 12h, 2w, 30m or 45s")
    return timedelta(**{_UNIT[match[2]]: int(match[1])})


def shifted(moment: datetime, span: timedelta) -> datetime:
    """`moment` and `span` later (or earlier), but never outside of the years 1 to 9999, where a log's times may lie."""
    try:
        return moment + span
    except OverflowError:
        return (datetime.max if span > timedelta(0) else datetime.min).replace(tzinfo=UTC)


def iso(moment: datetime) -> str:
    """CloudTrail's own way of writing an instant, to the second: `2026-11-01T10:00:00Z`."""
    moment = moment.astimezone(UTC)
    return f"{moment.year:04}-{moment:%m-%dT%H:%M:%SZ}"


def day_start(day: date) -> datetime:
    """Midnight UTC at which `day` begins."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
