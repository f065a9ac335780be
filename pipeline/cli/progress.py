"""How a long run shows itself: a bar on a terminal, a plain line every ten seconds elsewhere; always on stderr."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipeline.cli.context import Context
    from pipeline.ingest.summary import Summary

EVERY_SECONDS = 10.0


@contextmanager
def progress(context: Context) -> Iterator[Callable[[Summary, int, int], None] | None]:
    """Gives the callback `ingest` reports to, fitting what stderr is; None where talk is not wanted."""
    if context.quiet or not context.progress:
        yield None
    elif sys.stderr.isatty():
        with _bar(context.color) as report:
            yield report
    else:
        yield _Lines().report


@contextmanager
def _bar(color: bool) -> Iterator[Callable[[Summary, int, int], None]]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True, no_color=not color)
    columns = [TextColumn("objects"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[talk]}")]
    with Progress(*columns, TimeRemainingColumn(), console=console, transient=True) as bar:
        task = bar.add_task("ingest", total=None, talk="")
        yield lambda summary, done, total: bar.update(task, completed=done, total=total, talk=_talk(summary))


class _Lines:
    def __init__(self) -> None:
        self.last = time.monotonic()

    def report(self, summary: Summary, done: int, total: int) -> None:
        """Prints a line if the last one is long enough ago."""
        if time.monotonic() - self.last >= EVERY_SECONDS:
            self.last = time.monotonic()
            left = summary.seconds / done * (total - done) if done else 0
            print(f"objects {done:,}/{total:,} · {_talk(summary)} · {left:,.0f} s left", file=sys.stderr)


def _talk(summary: Summary) -> str:
    rate = summary.records_read / summary.seconds if summary.seconds else 0
    return (
        f"{summary.events_new:,} events committed ({rate:,.0f}/s) · {summary.bytes_read / 1e6:,.1f} MB · "
        f"{summary.quarantined + summary.objects_failed:,} quarantined"
    )
