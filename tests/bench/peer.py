"""Runs one peer in this process, which is what is measured: `python -m tests.bench.peer NAME run|prepare LOGS OUT`."""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

CORES = 2
FOLDER = Path(__file__).resolve().parent / "peers"


def peers() -> dict[str, ModuleType]:
    """Every peer by its module's name: ours first, the others by letter."""
    names = [path.stem for path in FOLDER.glob("*.py") if path.stem != "__init__"]
    found: dict[str, Any] = {name: importlib.import_module(f"tests.bench.peers.{name}") for name in names}
    return dict(sorted(found.items(), key=lambda each: (each[0] != "trailsift", each[1].LETTER)))


def missing(peer: Any) -> list[str]:
    """The modules a peer needs and this Python does not have."""
    return [name for name in peer.NEEDS if importlib.util.find_spec(name) is None]


def main(name: str, step: str, logs: str, out: str) -> None:
    """Holds the process to two cores, so that a larger machine measures the same, and runs the peer's step."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:CORES])
    getattr(importlib.import_module(f"tests.bench.peers.{name}"), step)(Path(logs), Path(out))


if __name__ == "__main__":
    main(*sys.argv[1:])
