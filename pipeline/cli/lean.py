"""What a command does without: pandas, which pyarrow would import with the first array that it makes."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from types import FrameType, ModuleType

# Who does with no frame: ourselves, and the libraries that make arrays for us.
_WITHOUT = ("pipeline", "pyarrow", "pyiceberg")


def leave_pandas_out() -> None:
    """Tells pyarrow that there is no pandas; for a process that is one command, which makes no frames.

    Before it makes an array of a list, pyarrow imports pandas to see whether the list is one of its series: a sixth
    of what a short command takes. A source that somebody else wrote still gets pandas where it asks by itself.
    """
    sys.meta_path.insert(0, _NoPandas())


class _NoPandas(MetaPathFinder):
    def find_spec(self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None) -> None:
        if fullname == "pandas" and _asker(sys._getframe(1)).partition(".")[0] in _WITHOUT:
            raise ModuleNotFoundError("left out of the command line", name=fullname)


def _asker(frame: FrameType | None) -> str:
    """The module whose code is importing; compiled modules have no frame, so that it is who called them."""
    while frame is not None and str(frame.f_globals.get("__name__", "")).startswith("importlib"):
        frame = frame.f_back
    return str(frame.f_globals.get("__name__", "")) if frame is not None else ""
