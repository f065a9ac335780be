"""The exception tree: each error is one line a person can act on, and knows its exit code.

TrailsiftError          1  something failed
├── UsageError          2  the command was asked for something it cannot do
├── NoDataError         5  the question is fine, the lake has nothing to answer it with
├── SourceError         1  a place logs come from cannot be read
│   └── UnreachableError 1  it cannot be read now; the same request may succeed later
├── SinkError           1  a place findings go to does not take one
│   └── SinkDownError    1  it takes none now; the next run tries again
├── LakeError           1  the lake cannot be opened, written or understood
│   └── CrewError       1  a worker process died in the middle of its work
├── QueryError          1  a question file or an SQL text is wrong
├── SnapshotError       1  an IAM snapshot file cannot be understood
└── PolicyError         1  a document is no IAM policy
"""

from __future__ import annotations


class TrailsiftError(Exception):
    """Reads `<place>: <what is wrong>; <what to do>`; `remedy` may be empty."""

    exit_code = 1

    def __init__(self, place: object, problem: str, remedy: str = "") -> None:
        self.place, self.problem, self.remedy = str(place), problem, remedy
        super().__init__(f"{place}: {problem}; {remedy}" if remedy else f"{place}: {problem}")

    def __reduce__(self) -> tuple[type[TrailsiftError], tuple[str, str, str]]:
        return type(self), (self.place, self.problem, self.remedy)  # a worker sends it to the process that told it


class UsageError(TrailsiftError):
    """The request itself is at fault: an unknown id, a malformed time, a missing path."""

    exit_code = 2


class NoDataError(TrailsiftError):
    """There is nothing to answer from: an empty lake, no snapshot, no events in the window."""

    exit_code = 5


class SourceError(TrailsiftError):
    """A source as a whole cannot be read; a single bad object is quarantined instead."""


class UnreachableError(SourceError):
    """The source cannot be read now: it is busy, or the network is down. The same request may succeed later."""


class SinkError(TrailsiftError):
    """A place findings go to does not take one of them."""


class SinkDownError(SinkError):
    """A place findings go to takes none now: it is not reached, refuses whoever asks, or wants to be left alone."""


class LakeError(TrailsiftError):
    """The lake cannot be opened or written."""


class CrewError(LakeError):
    """A worker process of ingestion died: killed, or out of memory. Nothing of its batch is in the lake."""


class QueryError(TrailsiftError):
    """A question cannot be loaded or run; `place` is `file:line:column` where one is known."""


class SnapshotError(TrailsiftError):
    """An IAM snapshot file is not one of the documents AWS gives out."""


class PolicyError(TrailsiftError):
    """A document is no IAM policy; `place` names the element at fault."""
