"""Two months of a company's trail, drawn from a seed, with incidents hidden in the second; and the judge of reports.

`generate` and the detectors share no list and no constant: what is found here was not written to be found.
"""

from __future__ import annotations

from .make import generate

__all__ = ["generate"]
