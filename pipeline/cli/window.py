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
    from pipeline.errors import NoDataError, UsageError
    from pipeline.times import iso, parse_duration, parse_time

    newest = engine.as_of()
    if newest is None:
        raise NoDataError(current.settings.lake, "the lake holds no events", "run trailsift ingest first")
    as_of = parse_time(current.as_of, newest, "--as-of") if current.as_of else newest
    end = parse_time(until, as_of, "--to") if until else as_of
    begin = parse_time(since, as_of, "--from") if since else None
    if begin is None and lookback:
        begin = end - parse_duration(lookback, "--lookback")
    if begin is not None and begin >= end:
        raise UsageError("--from", f"{iso(begin)} is not before {iso(end)}", "name an earlier time")
    current.say(f"window {iso(begin) if begin else 'from the first event'} to {iso(end)}; as of {iso(as_of)}")
    age = datetime.now(UTC) - newest
    if age > timedelta(days=1):
        current.say(f"the newest event in the lake is {age.days:,} days old ({iso(newest)})")
    return begin, end
