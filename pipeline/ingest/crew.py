"""The worker processes of ingestion and the pipes to them; they serve one run after another."""

from __future__ import annotations

import multiprocessing
import sys
from collections.abc import Iterator
from multiprocessing.connection import Connection, wait
from typing import Any

from pipeline.errors import CrewError
from pipeline.ingest.workers import Orders, work


class Crew:
    """Worker processes, started at once: before the lake's libraries start threads of their own, which forking harms.

    A crew that a run left in the middle of its work is replaced when the next run begins.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._orders: Orders | None = None
        self._clean = True
        # Forking is quickest; where it is not safe beside system libraries (macOS) a fresh process is started.
        self._start("fork" if sys.platform == "linux" else "spawn")

    def begin(self, orders: Orders) -> None:
        """Has every worker ask for tasks. Orders are sent where they are others than before: what a worker keeps of
        its sources, such as connections, serves many runs."""
        if not self._clean:
            self.close()
            self._start("spawn")
        self._clean = False
        new = orders if orders != self._orders else None
        self._orders = orders
        for pipe in self.pipes:
            self.send(pipe, new)

    def end(self) -> None:
        """Says that every worker went home as it should."""
        self._clean = True

    def messages(self, working: list[Connection]) -> Iterator[tuple[Connection, Any]]:
        """What workers say, waiting until one does; raises CrewError where one has died."""
        ready = wait(working)
        for pipe in [each for each in working if each in ready]:
            try:
                message = pipe.recv()
            except (EOFError, ConnectionResetError):
                raise CrewError("ingest", "a worker process died", "run the same command again") from None
            yield pipe, message

    def send(self, pipe: Connection, message: Any) -> None:
        """Tells a worker something; raises CrewError where it has died."""
        try:
            pipe.send(message)
        except (BrokenPipeError, ConnectionResetError):
            raise CrewError("ingest", "a worker process died", "run the same command again") from None

    def close(self) -> None:
        """Ends the workers; what they were at counts for nothing."""
        for pipe in self.pipes:
            pipe.close()
        for process in self.processes:
            process.join(timeout=0.5)
            if process.is_alive():
                process.terminate()
                process.join()

    def _start(self, method: str) -> None:
        context: Any = multiprocessing.get_context(method)
        self._orders = None
        self.pipes: list[Connection] = []
        self.processes: list[Any] = []
        for _ in range(self._size):
            ours, theirs = context.Pipe()
            inherited = [*self.pipes, ours] if method == "fork" else []
            process = context.Process(target=_work_alone, args=(theirs, inherited), daemon=True)
            process.start()
            theirs.close()
            self.pipes.append(ours)
            self.processes.append(process)


def _work_alone(pipe: Connection, inherited: list[Connection]) -> None:
    """A forked worker holds copies of the driver's pipe ends; closed, it notices when the driver is gone."""
    for each in inherited:
        each.close()
    work(pipe)
