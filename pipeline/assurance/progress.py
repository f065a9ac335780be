"""How a verification tells how far it is: what is being read (digests, logs), how many are done, and of how many."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[str, int, int], None]
