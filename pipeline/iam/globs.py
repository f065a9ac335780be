"""IAM's wildcards: `*` stands for any run of characters, `?` for one; matched in linear time.

Atomic groups keep a hostile pattern (`*a*a*a*a…`) from backtracking: after each `*` the first place where the
next piece fits is final, which is enough for globs. Sources: "IAM JSON policy elements: Action" and "… Resource".
"""

from __future__ import annotations

import re
from functools import lru_cache


@lru_cache(maxsize=65536)
def compiled(pattern: str, ignore_case: bool = False) -> re.Pattern[str]:
    """A regular expression whose `match` answers whether a whole text fits the glob."""
    first, *rest = [re.escape(piece).replace(r"\?", ".") for piece in re.split(r"\*+", pattern)]
    middle, last = (rest[:-1], rest[-1]) if rest else ([], "")
    body = first + "".join(f"(?>.*?{piece})" for piece in middle) + (f".*{last}" if rest else "")
    return re.compile(body + r"\Z", re.DOTALL | (re.IGNORECASE if ignore_case else 0))


def matches(pattern: str, text: str) -> bool:
    """Whether `text` fits the glob, minding case, as resources are compared."""
    return compiled(pattern).match(text) is not None


@lru_cache(maxsize=65536)
def overlap(one: str, other: str) -> bool:
    """Whether some text fits both globs; work is the product of their lengths."""
    reach = {0}
    for step in range(len(one) + 1):
        reach = _skip_stars(reach, other)
        if step == len(one):
            return len(other) in reach
        if one[step] == "*":
            # A star may take in any number of the other's characters.
            reach = set(range(min(reach, default=len(other) + 1), len(other) + 1))
            continue
        after: set[int] = set()
        for place in reach:
            if place < len(other):
                if other[place] == "*":
                    after.add(place)
                elif other[place] == "?" or one[step] == "?" or other[place] == one[step]:
                    after.add(place + 1)
        reach = after
    return False


def _skip_stars(places: set[int], glob: str) -> set[int]:
    """`places` and all that follow them across stars, which may stand for nothing."""
    found = set(places)
    for place in places:
        while place < len(glob) and glob[place] == "*":
            place += 1
            found.add(place)
    return found
