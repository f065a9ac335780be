"""The work folder of a collection: what AWS answered, an account and family a file, so that a run can be gone on with.

    DIR/run.json                 when the run began, and whether its snapshot is in the lake
    DIR/ACCOUNT/FAMILY.jsonl     see `pipeline.access.documents.collected`

Only files of these names are touched. A family that is complete is not asked for again; of last-accessed data, which
takes a job a principal, what is there is kept; any other family is begun anew.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Lock
from typing import Any

from pipeline.access.documents import FAMILIES, collected
from pipeline.errors import SnapshotError, UsageError
from pipeline.times import iso

HOURS = 12
RUN = "run.json"
KEPT = "last_accessed"


class Folder:
    """One run's folder; get it by `held`."""

    def __init__(self, root: Path, begun: datetime) -> None:
        self.root, self.begun = root, begun

    def family(self, account: str, name: str, asked: Mapping[str, Any] | None = None) -> FamilyFile:
        """The file of one family; `asked` is what else its answers depend on."""
        path = self.root / account / f"{name}.jsonl"
        path.parent.mkdir(mode=0o700, exist_ok=True)
        first = {"account_id": account, "family": name, "taken_at": iso(self.begun), "asked": dict(asked or {})}
        return FamilyFile(path, first)

    def finish(self, keep: bool) -> None:
        """The snapshot is in the lake: the next run begins anew. Answers stay only where `keep` says so."""
        _write(self.root / RUN, {"begun": iso(self.begun), "committed": True})
        if not keep:
            _clear(self.root)


@contextmanager
def held(root: Path, fresh: bool, now: datetime) -> Iterator[Folder]:
    """The folder of the run that was stopped here less than HOURS ago, else of a new one; nobody else's meanwhile.

    Raises UsageError where another run is at work in it, or it cannot be made.
    """
    try:
        root.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = (root / ".lock").open("w")
    except OSError as error:
        raise UsageError(root, f"cannot be made ({error.strerror})", "name another folder by -d") from None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            remedy = "wait for it, or name another by -d"
            raise UsageError(root, "another iam collect is at work in it", remedy) from None
        begun = None if fresh else _begun(root / RUN, now)
        if begun is None:
            begun = now.replace(microsecond=0)
            _clear(root)
            _write(root / RUN, {"begun": iso(begun), "committed": False})
        yield Folder(root, begun)


def _begun(path: Path, now: datetime) -> datetime | None:
    """When the run that this folder holds began; None where it is through, too old or not readable."""
    try:
        run = json.loads(path.read_text("utf-8"))
        begun = datetime.fromisoformat(run["begun"]).astimezone(UTC)
        through = run["committed"] is not False
    except (OSError, ValueError, TypeError, KeyError):
        return None
    return None if through or not timedelta(0) <= now - begun < timedelta(hours=HOURS) else begun


def _clear(root: Path) -> None:
    for name in FAMILIES:
        for path in root.glob(f"{'[0-9]' * 12}/{name}.jsonl"):
            path.unlink()
    for path in root.glob("[0-9]" * 12):
        if not any(path.iterdir()):
            path.rmdir()


def _write(path: Path, value: Any) -> None:
    """Replaces a file as a whole, so that one who is killed leaves the old one."""
    made = path.with_suffix(".new")
    made.write_text(json.dumps(value), "utf-8")
    made.replace(path)


class FamilyFile:
    """One family's answers, appended as they come; `state` is None until it is through.

    `done` are the principals whose last-accessed data an earlier run brought in.
    """

    def __init__(self, path: Path, first: dict[str, Any]) -> None:
        self.path, self.first = path, first
        self.state: str | None = None
        self.detail: str | None = None
        self.done: frozenset[str] = frozenset()
        self.answered = False
        self._lock = Lock()
        self._resume()

    def _resume(self) -> None:
        """Takes up what an earlier run left, or begins the file."""
        lines = [json.dumps({collected.FIRST: collected.VERSION, **self.first})]
        try:
            text = self.path.read_text("utf-8")
            there = collected.load(text, self.path)
            fits = iso(there.taken_at) == self.first["taken_at"] and there.asked == self.first["asked"]
        except (OSError, UnicodeDecodeError, SnapshotError):
            fits = False
        if fits and there.state == "complete":
            self.state, self.detail = there.state, there.detail
            return
        if fits and self.first["family"] == KEPT:
            # The pages of one principal are written at once; where that was cut off, its last page is missing.
            whole = [str(each.given.get("Arn")) for each in there.answers if each.value.get("IsTruncated") is not True]
            self.done = frozenset(whole)
            kept = zip(there.answers, text.split("\n")[1:], strict=False)  # what follows is the end, or cut off
            lines += [line for answer, line in kept if answer.given.get("Arn") in self.done]
            self.answered = bool(self.done)
        made = self.path.with_suffix(".new")
        with os.fdopen(os.open(made, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            file.write("".join(f"{line}\n" for line in lines))
        made.replace(self.path)

    def read(self) -> collected.Collected:
        """What the file holds by now."""
        return collected.load(self.path.read_text("utf-8"), self.path)

    def append(self, answers: Iterable[tuple[str, Mapping[str, Any], dict[str, Any]]]) -> None:
        """Keeps answers: operation, what it was asked with, the answer."""
        lines = [
            json.dumps({"operation": operation, "given": dict(given), "answer": answer})
            for operation, given, answer in answers
        ]
        with self._lock:
            self._put(lines)
            self.answered = True

    def end(self, state: str, detail: str | None) -> None:
        """The family is through."""
        with self._lock:
            self._put([json.dumps({"state": state, "detail": detail})])
            self.state, self.detail = state, detail

    def drop(self) -> None:
        """Forgets the file, where another says more."""
        self.path.unlink()

    def _put(self, lines: list[str]) -> None:
        with self.path.open("a", encoding="utf-8") as file:
            file.write("".join(f"{line}\n" for line in lines))
