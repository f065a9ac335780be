"""Files and folders on this machine, in any layout."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from pipeline.config import SourceSettings
from pipeline.errors import NoDataError, SourceError, UsageError
from pipeline.sources.base import Round, Source, SourceObject

# What a folder is searched for; a file that is named itself may be called anything.
SUFFIXES = (".json", ".json.gz", ".jsonl", ".jsonl.gz", ".ndjson", ".ndjson.gz", ".gz")


class LocalSource(Source):
    """A file, or every log file below a folder; symbolic links to folders are not followed."""

    name = "local"

    @classmethod
    def claims(cls, text: str) -> bool:
        """Any text: a path is what no other source claims."""
        return True

    def __init__(self, settings: SourceSettings) -> None:
        self.path = Path(settings.location).expanduser()

    def objects(self, this: Round) -> Iterator[SourceObject]:
        """Files in the order of their paths; raises UsageError, NoDataError or SourceError before the first."""
        if not self.path.exists():
            raise UsageError(self.path, "no such file or folder", "name one that exists")
        if not self.path.is_dir():
            yield _object(self.path)
            return
        found = False
        for folder, folders, names in os.walk(self.path, onerror=self._refuse):
            folders.sort()
            for name in sorted(names):
                if name.lower().endswith(SUFFIXES) and not name.startswith("."):
                    found = True
                    yield _object(Path(folder, name))
        if not found:
            raise NoDataError(self.path, "no log files in this folder", f"looked for {' '.join(SUFFIXES)}")

    def read(self, item: SourceObject) -> bytes:
        """The file's bytes."""
        return Path(item.address).read_bytes()

    def _refuse(self, error: OSError) -> None:
        raise SourceError(
            error.filename, f"cannot be listed ({error.strerror})", "give the right to read it"
        ) from error


def _object(path: Path) -> SourceObject:
    # Not resolve(): a link keeps the name it was given, which is its identity in the ledger.
    address = str(path.absolute())
    try:
        status = path.stat()
        etag, size = f"{status.st_mtime_ns:x}", status.st_size
    except OSError:
        # A dangling link: listed all the same, so that reading it fails by name and is counted.
        etag, size = "", 0
    return SourceObject(os.fsencode(address).decode(errors="backslashreplace"), etag, size, address)
