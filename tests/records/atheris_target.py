"""libFuzzer over `pipeline.records`: `python -m tests.records.atheris_target CORPUS -runs=N …`, libFuzzer's options.

Inputs are judged by the oracle of `fuzzed.py`, and made by `hostile.py` as well as by libFuzzer's own mutations, so
that it keeps those that reach new code. A run of its own: libFuzzer ends the process it runs in.
"""

from __future__ import annotations

import sys
from random import Random

import atheris

with atheris.instrument_imports(include=["pipeline.records"]):
    import pipeline.records.normalize
    import pipeline.records.rebuild  # noqa: F401

from tests.records.fuzzed import Oracle, check_all
from tests.records.hostile import again, damage, make

TOGETHER = 64
oracle, waiting = Oracle(), []


def one_input(data: bytes) -> None:
    """Decodes the input now, so that its coverage is its own, and judges it with others later."""
    Oracle().feed(data)
    waiting.append(data)
    if len(waiting) == TOGETHER:
        check_all(oracle, waiting)
        waiting.clear()


def mutate(data: bytes, most: int, seed: int) -> bytes:
    """An input made anew, or from `data`: by its tree, by its bytes, or as libFuzzer would."""
    rng = Random(seed)
    draw = rng.random()
    if draw < 0.2:
        made = make(rng)
    elif draw < 0.6:
        made = again(rng, data)
    else:
        made = damage(rng, data) if draw < 0.8 else atheris.Mutate(data, len(data))
    return made[:most]


if __name__ == "__main__":
    atheris.Setup(sys.argv, one_input, custom_mutator=mutate)
    atheris.Fuzz()
