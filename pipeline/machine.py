"""What the machine has to give, and who uses it."""

from __future__ import annotations

import getpass
import os
from contextlib import suppress
from pathlib import Path


def user() -> str:
    """The operating system's user; a container may run under a number that has no name."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return f"uid {os.getuid()}"


def memory_limit(share: int = 2) -> int:
    """Bytes that a DuckDB may use: a half (a third …) of the machine's memory, or of the container's where that is
    less."""
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    with suppress(OSError, ValueError):
        total = min(total, int(Path("/sys/fs/cgroup/memory.max").read_text()))
    return max(total // share, 256 << 20)
