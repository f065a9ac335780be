"""A pace of calls that every process of one user on this machine keeps together, for services that count calls.

The next free moment lies in a small locked file; a caller takes it, moves it on and waits for it, so that calls are
spread evenly however many threads and processes make them.
"""

from __future__ import annotations

import fcntl
import os
import re
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from threading import Event

from pipeline.errors import SourceError

# Calls are this much further apart than the limit says, since the network bunches them.
_MARGIN = 1.04
# A moment further ahead than this was written before the machine was started anew (CLOCK_MONOTONIC begins again).
_STALE = 900.0


class Pace:
    """`per_second` calls under one `key`, shared through `folder()`."""

    def __init__(self, key: str, per_second: float) -> None:
        self.interval = _MARGIN / per_second
        self.path = folder() / re.sub(r"[^A-Za-z0-9_-]", "_", key)

    def wait(self, stop: Event | None = None) -> None:
        """Returns when this caller may call; at once where `stop` is set."""
        (stop or Event()).wait(max(0.0, self.reserve() - time.monotonic()))

    def reserve(self) -> float:
        """The moment (of time.monotonic) at which this caller may call, and no other."""
        now = time.monotonic()
        return self._move(lambda free: (max(free, now) + self.interval, max(free, now)))

    def back_off(self, seconds: float) -> None:
        """Nobody calls for so long."""
        later = time.monotonic() + seconds
        self._move(lambda free: (max(free, later), 0.0))

    def _move(self, change: Callable[[float], tuple[float, float]]) -> float:
        """Replaces the next free moment by the first of what `change` makes of it, and gives the second."""
        with os.fdopen(os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600), "r+b", 0) as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            try:
                free = float(file.read() or 0)
            except ValueError:
                free = 0.0
            if free > time.monotonic() + _STALE:
                free = 0.0
            free, result = change(free)
            file.seek(0)
            file.write(f"{free:020.6f}".encode())
        return result


def folder() -> Path:
    """Where processes of this user meet; raises SourceError where somebody else holds the place."""
    path = Path(tempfile.gettempdir()) / f"trailsift-{os.getuid()}"
    path.mkdir(mode=0o700, exist_ok=True)
    if path.is_symlink() or path.stat().st_uid != os.getuid():
        raise SourceError(path, "belongs to somebody else", "name a folder of your own in TMPDIR")
    return path
