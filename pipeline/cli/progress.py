"""How a long run shows itself: a bar on a terminal, a plain line every ten seconds elsewhere; always on stderr.

A run without end has no bar to fill: it says a line for each batch, and what is wrong as it meets it.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from pipeline.cli.context import one_line

if TYPE_CHECKING:
    from pipeline.cli.context import Context
    from pipeline.ingest.summary import Summary

EVERY_SECONDS = 10.0
SHOWN = 20  # lines of what was wrong


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


@dataclass
class Following:
    """What a run that follows its sources says, as it happens."""

    context: Context
    also: Callable[[Summary], None] | None = None

    def committed(self, batch: Summary) -> None:
        """Says what is in the lake now, if anything, and what was wrong; then does what else is to be done."""
        self._say(batch)
        if self.also and batch.events_new:
            self.also(batch)

    def _say(self, batch: Summary) -> None:
        complain(batch.problems, self.context)
        if self.context.progress and batch.objects_loaded + batch.objects_failed + batch.objects_skipped:
            bad = f", {batch.quarantined + batch.objects_failed:,} refused" if batch.partial else ""
            self.context.say(
                f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} {batch.events_new:,} new events from "
                f"{batch.objects_loaded:,} objects, {batch.duplicates:,} duplicates{bad}"
            )

    def trouble(self, error: Exception, seconds: float) -> None:
        """Says what failed and is tried again."""
        complain([f"{error}; trying again in {seconds:.0f} s"], self.context)


def complain(problems: Sequence[str], context: Context) -> None:
    """Says what was wrong, which is no talk: the first lines of it, and how many more there are."""
    for line in problems[:SHOWN]:
        print(f"trailsift: {one_line(line)}", file=sys.stderr)
    if len(problems) > SHOWN:
        context.say(f"… and {len(problems) - SHOWN:,} more: trailsift lake quarantine")


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
