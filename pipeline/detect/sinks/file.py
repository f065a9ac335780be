"""A file as a sink: one JSON object a line, appended, for whatever collects logs on this machine."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from pipeline.config import SinkSettings
from pipeline.detect.sinks.base import Finding, Sink, message
from pipeline.errors import SinkDownError
from pipeline.export.cells import as_json

_CHUNK = 1 << 16
# How every line of ours begins, a message's first member being the finding's id.
_BEGIN = b'{"id":"'


class FileSink(Sink):
    """`path`: a line is there whole and on the disk, or not at all. Moving the file away is for who reads it."""

    kind = "file"
    needs = "path"

    def __init__(self, settings: SinkSettings) -> None:
        super().__init__(settings)
        self.path = Path(settings.path).expanduser()
        self.place = str(self.path)

    def send(self, finding: Finding, change: str, state: str) -> None:
        """Appends a line; what a writer that died left of one is taken away first."""
        line = as_json(message(finding, change)).encode(errors="replace") + b"\n"
        try:
            # Opened for each line, so that a file that was moved away is made anew.
            with self.path.open("ab+", buffering=0) as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                end = self._whole(file.fileno())
                try:
                    _write(file.fileno(), line)
                    os.fsync(file.fileno())
                except OSError:
                    os.ftruncate(file.fileno(), end)
                    raise
        except OSError as error:
            problem = f"cannot be written ({error.strerror or error})"
            raise SinkDownError(f"sink {self.name} ({self.place})", problem, "name another file") from error

    def _whole(self, file: int) -> int:
        """The size of the file's whole lines, to which it is cut. Half a line that is none of ours is left alone."""
        size = os.fstat(file).st_size
        if not size or os.pread(file, 1, size - 1) == b"\n":
            return size
        at = _last_line(file, size)
        half = os.pread(file, len(_BEGIN), at)
        if not _BEGIN.startswith(half):
            problem = "does not end with a whole line"
            raise SinkDownError(f"sink {self.name} ({self.place})", problem, "name another file, or end its last line")
        os.ftruncate(file, at)
        return at


def _last_line(file: int, size: int) -> int:
    """Where the last line begins, which no line break ends."""
    end = size
    while end:
        start = max(0, end - _CHUNK)
        found = os.pread(file, end - start, start).rfind(b"\n")
        if found >= 0:
            return start + found + 1
        end = start
    return 0


def _write(file: int, line: bytes) -> None:
    while line:
        line = line[os.write(file, line) :]
