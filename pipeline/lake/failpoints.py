"""Named places at which a test can stop or hold a writer, to show that the commit protocol survives it.

`TRAILSIFT_FAILPOINT=NAME` kills the process when it reaches NAME; `NAME@PATH` makes PATH and then holds the
process until `PATH.go` exists. Without the variable a failpoint costs one look-up.
"""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

NAMES = (
    "data-written",
    "before-commit",
    "events-committed",
    "committed-untold",
    "ledger-applied",
    "usage-applied",
    "all-applied",
)
UPKEEP = ("exchange-ready", "exchanged", "trimmed")
DELIVERY = ("sent-untold",)
DECIDED = ("findings-decided", "findings-appended", "examined-decided", "examined-appended")


def hit(name: str) -> None:
    """Stops or holds here if the environment asks for it."""
    wanted, _, held = os.environ.get("TRAILSIFT_FAILPOINT", "").partition("@")
    if wanted != name:
        return
    if not held:
        os.kill(os.getpid(), signal.SIGKILL)
    Path(held).touch()
    while not Path(f"{held}.go").exists():
        time.sleep(0.01)
