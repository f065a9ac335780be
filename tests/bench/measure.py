"""A command measured as a whole process tree: wall time, processor time, peak memory."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

SAMPLE_SECONDS = 0.02


class FailedRun(Exception):
    """The command ended with another code than 0; the text is the last line it said."""


@dataclass(frozen=True)
class Usage:
    """Seconds and bytes. `peak` is the largest sum over the tree of resident memory: pages that processes share
    count once for each, so it errs to the high side."""

    wall: float
    user: float
    system: float
    peak: int
    output: str

    @property
    def cpu(self) -> float:
        """Processor seconds of the tree."""
        return self.user + self.system


def measure(command: list[str], folder: Path, environment: dict[str, str] | None = None) -> Usage:
    """Runs the command in `folder` to its end, with more in its environment; raises FailedRun where it ends badly.

    Python may keep its byte code, as it does where a program is installed.

    Processor time is wait4's, so it covers all descendants that were waited for; memory is sampled every 20 ms and
    never below the largest that wait4 tells of one process.
    """
    began = time.perf_counter()
    given = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True, "errors": "replace"}
    process = subprocess.Popen(command, cwd=folder, env=given | (environment or {}), **pipes)
    sampler = _Sampler(process.pid)
    sampler.start()
    try:
        output = process.stdout.read() if process.stdout else ""
        _, status, used = os.wait4(process.pid, 0)
    except BaseException:
        process.kill()  # interrupted: the program must not go on alone
        raise
    wall = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    sampler.stop()
    if process.returncode:
        said = output.strip().splitlines()
        raise FailedRun(f"exit code {process.returncode}: {said[-1] if said else 'nothing said'}")
    return Usage(wall, used.ru_utime, used.ru_stime, max(sampler.peak, used.ru_maxrss * 1024), output)


class _Sampler(threading.Thread):
    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.pid, self.peak, self._over = pid, 0, threading.Event()

    def run(self) -> None:
        while not self._over.wait(SAMPLE_SECONDS):
            try:
                root = psutil.Process(self.pid)
                tree = [root, *root.children(recursive=True)]
            except psutil.Error:
                return
            self.peak = max(self.peak, sum(map(_resident, tree)))

    def stop(self) -> None:
        """Ends the sampling."""
        self._over.set()
        self.join()


def _resident(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.Error:
        return 0
