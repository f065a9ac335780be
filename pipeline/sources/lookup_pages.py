"""Pages of LookupEvents: what the newest one tells of windows, and a window's events as the bytes of an object."""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from pipeline.sources.windows import Window


class Page:
    """The newest events of [start, until], and which windows they tell all about."""

    def __init__(self, start: datetime, until: datetime, events: list[dict[str, Any]], more: bool) -> None:
        self.start, self.until, self.events = start, until, events
        # Of the oldest second on a page there may be more on the next.
        self.since = min(_time(each) for each in events) if more and events else datetime.min.replace(tzinfo=UTC)

    def whole(self, window: Window) -> bool:
        """Whether all events of the window are on the page."""
        return window.end > self.start and max(window.start, self.start) > self.since

    def within(self, window: Window) -> list[dict[str, Any]]:
        """The window's events; one at its very end belongs to its neighbour too."""
        return [each for each in self.events if window.start <= _time(each) <= window.end]

    def estimate(self, window: Window) -> float:
        """How many events the window may have, were it all like its end."""
        seconds = max(1.0, (self.until - self.since).total_seconds())
        return len(self.events) / seconds * window.span.total_seconds()


class Answer:
    """Events as one LookupEvents page, compressed as they come."""

    def __init__(self) -> None:
        self._zlib = zlib.compressobj(1, wbits=31)
        self._parts: list[bytes] = []
        self.size = 0
        self._write(b'{"Events":[')

    def add(self, events: Sequence[dict[str, Any]]) -> None:
        """Only the record's own text goes on, to the letter: the rest of an entry is drawn from it."""
        for each in events:
            text = each.get("CloudTrailEvent")
            kept = each if text is None else {"CloudTrailEvent": text}
            comma = b"," if self.size > 11 else b""
            self._write(comma + json.dumps(kept, default=str).encode())

    def close(self) -> bytes:
        self._write(b"]}")
        return b"".join([*self._parts, self._zlib.flush()])

    def _write(self, data: bytes) -> None:
        self.size += len(data)
        self._parts.append(self._zlib.compress(data))


def _time(event: dict[str, Any]) -> datetime:
    moment: datetime = event["EventTime"]
    return moment.astimezone(UTC)
