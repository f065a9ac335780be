"""Following: rounds without end, each source in its turn, through troubles that pass, until told to stop."""

from __future__ import annotations

import time
from collections.abc import Callable

from pipeline.errors import CrewError, SourceError, UnreachableError
from pipeline.ingest.rounds import Rounds
from pipeline.ingest.summary import Summary
from pipeline.sources.base import Source

# Pauses after a trouble double from the first to the longest, in seconds.
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0
# How often in a row a worker may die before the run is given up: what kills it will not pass by itself.
DEATHS = 5
# Lines of problems that a run without end keeps for its summary.
KEPT_PROBLEMS = 1_000

Trouble = Callable[[Exception, float], None]  # (what went wrong, seconds until the next try)


class Follower:
    """Goes round the sources: one that waits for news itself whenever nothing else is due, others at intervals."""

    def __init__(self, rounds: Rounds, trouble: Trouble | None = None) -> None:
        self.rounds, self.trouble = rounds, trouble
        self.total = Summary()
        self.due = dict.fromkeys(rounds.sources, 0.0)  # monotonic seconds
        self.tries = dict.fromkeys(rounds.sources, 0)
        self.deaths = 0

    def go(self) -> Summary:
        """Runs until told to stop. Raises what will not pass: SourceError, LakeError, CrewError after many."""
        stop = self.rounds.stop
        while not stop.is_set():
            turn = self._turn()
            if turn:
                self._take(turn)
            else:
                stop.wait(max(0.0, min(self.due.values()) - time.monotonic()))
        return self.total

    def _turn(self) -> list[Source]:
        """Whose turn it is: all that are due and answer at once, else the one that has waited longest to wait."""
        now = time.monotonic()
        due = sorted((each for each in self.due if self.due[each] <= now), key=self.due.__getitem__)
        return [each for each in due if not each.waits] or due[:1]

    def _take(self, turn: list[Source]) -> None:
        try:
            summary, more = self.rounds.take(turn)
        except (UnreachableError, CrewError) as error:
            self._put_off(turn, error)
            return
        self.deaths = 0
        self.total.add(summary)
        del self.total.problems[KEPT_PROBLEMS:]
        for each in turn:
            self.tries[each] = 0
            at_once = each.waits or each in more
            self.due[each] = time.monotonic() + (0 if at_once else self.rounds.settings.batch_seconds)

    def _put_off(self, turn: list[Source], error: SourceError | CrewError) -> None:
        self.deaths = self.deaths + 1 if isinstance(error, CrewError) else 0
        if self.deaths >= DEATHS:
            raise error
        pause = min(FIRST_PAUSE * 2 ** min(self.tries[turn[0]], 10), LONGEST_PAUSE)
        for each in turn:
            self.tries[each] += 1
            self.due[each] = time.monotonic() + pause
        if self.trouble:
            self.trouble(error, pause)
