"""The window a report is about: what --from and --to say, counted back from `as of`, and said aloud."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from pipeline.cli.context import current

if TYPE_CHECKING:
    from pipeline.engines.duckdb import Engine


def window(
    engine: Engine, since: str | None, until: str | None, lookback: str | None = None
) -> tuple[datetime | None, datetime]:
    """(begin, end) of the window; the end is `as of` unless --to says otherwise. Relative times count from `as of`.

    `begin` is --from, else `lookback` (a span such as "90d") before the end, else None: the log's beginning. Prints
    the window and `as of`, and warns where the newest event is over a day old. Raises NoDataError for an empty lake.
    """
    from pipeline.errors import UsageError
    from pipeline.times import iso, parse_duration, parse_time, shifted

    moment = as_of(engine)
    end = parse_time(until, moment, "--to") if until else moment
    begin = parse_time(since, moment, "--from") if since else None
    if begin is None and lookback:
        settings = current.settings
        place = settings.origin.get("lookback", "settings") if lookback == settings.lookback else "--lookback"
        begin = shifted(end, -parse_duration(lookback, place))
    if begin is not None and begin >= end:
        raise UsageError("--from", f"{iso(begin)} is not before {iso(end)}", "name an earlier time")
    say(engine, begin, end, moment)
    return begin, end


def as_of(engine: Engine) -> datetime:
    """The instant that relative times count back from: --as-of, else the newest event; NoDataError without events."""
    from pipeline.errors import NoDataError
    from pipeline.times import parse_time

    newest = engine.as_of()
    if newest is None:
        raise NoDataError(current.settings.lake, "the lake holds no events", "run trailsift ingest first")
    return parse_time(current.as_of, newest, "--as-of") if current.as_of else newest


def say(engine: Engine, begin: datetime | None, end: datetime, moment: datetime) -> None:
    """Prints a window and `as of`, and warns where the newest event is over a day old."""
    from pipeline.times import iso

    current.say(f"window {iso(begin) if begin else 'from the first event'} to {iso(end)}; as of {iso(moment)}")
    newest = engine.as_of()
    age = datetime.now(UTC) - newest if newest is not None else timedelta(0)
    if newest is not None and age > timedelta(days=1):
        current.say(f"the newest event in the lake is {age.days:,} days old ({iso(newest)})")
    if newest is not None and -age > timedelta(days=1):
        ahead = f"the newest event in the lake is {(-age).days:,} days ahead of this machine's clock ({iso(newest)})"
        current.say(f"{ahead}; --as-of counts from another time")


def tell_ground(engine: Engine, begin: datetime | None, end: datetime, lacking: list[str] | None = None) -> bool:
    """Says what the log lacks of the window and whether it was verified; whether it lacks anything.

    `lacking` are the lines on gaps where the caller knows them.
    """
    from pipeline.assurance.coverage import coverage, gaps
    from pipeline.assurance.statement import statement

    if lacking is None:
        lacking = gaps(coverage(engine), begin or datetime.min.replace(tzinfo=UTC), end)
    for line in (*lacking, *statement(engine, begin, end)):
        current.say(current.names.told(line))
    return bool(lacking)
