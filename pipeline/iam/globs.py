"""IAM's wildcards: `*` stands for any run of characters, `?` for one; matched in linear time.

A glob is a tuple of tokens: plain text, ANY for `?`, STAR for `*`. Tokens and not one text, because a policy
variable's value may hold a `*` that means itself. Between two stars the first place where a piece fits is final,
so nothing is ever tried twice; a piece that holds `?` is sought with one bit a token (Baeza-Yates and Gonnet,
"A new approach to text searching"). Sources: "IAM JSON policy elements: Action" and "… Resource".
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import Enum
from functools import lru_cache


class Wild(Enum):
    """The two wildcards."""

    ANY = "?"
    STAR = "*"


Token = str | Wild
Glob = tuple[Token, ...]
ANY, STAR = Wild.ANY, Wild.STAR


def tokens(pattern: str) -> Glob:
    """The glob a pattern spells; runs of stars become one."""
    found: list[Token] = []
    plain = 0
    for place, letter in enumerate(pattern):
        if letter in "*?":
            if plain < place:
                found.append(pattern[plain:place])
            if letter == "?" or not found or found[-1] is not STAR:
                found.append(Wild(letter))
            plain = place + 1
    if plain < len(pattern):
        found.append(pattern[plain:])
    return tuple(found)


@lru_cache(maxsize=16384)
def fits(glob: Glob) -> Callable[[str], bool]:
    """A function that answers whether a whole text fits the glob, minding case."""
    if not glob:
        return "".__eq__
    if glob == (STAR,):
        return _anything
    if len(glob) == 1 and isinstance(glob[0], str):
        return glob[0].__eq__
    if len(glob) == 2 and isinstance(glob[0], str) and glob[1] is STAR:
        return _beginning(glob[0])
    pieces: list[tuple[Token, ...]] = [()]
    for token in glob:
        if token is STAR:
            pieces.append(())
        else:
            pieces[-1] += (token,)
    return _general([_Piece(each) for each in pieces])


def _anything(text: str) -> bool:
    return True


def _beginning(start: str) -> Callable[[str], bool]:
    return lambda text: text.startswith(start)


def _general(pieces: Sequence[_Piece]) -> Callable[[str], bool]:
    """Pieces in order: the first at the beginning, the last at the end, the others wherever they fit first."""
    first, middle, last = pieces[0], [each for each in pieces[1:-1] if each.length], pieces[-1]
    least = sum(each.length for each in pieces)
    start = first.plain or ""

    def answer(text: str) -> bool:
        # Most texts fail here already.
        if not text.startswith(start):
            return False
        end = len(text) - last.length
        if len(text) < least or not first.at(text, 0) or not last.at(text, end):
            return False
        place = first.length
        for piece in middle:
            place = piece.find(text, place, end)
            if place < 0:
                return False
        return True

    if len(pieces) == 1:
        return lambda text: len(text) == least and first.at(text, 0)
    return answer


class _Piece:
    """What stands between two stars: text and single-character wildcards, so of one length."""

    def __init__(self, parts: tuple[Token, ...]) -> None:
        self.length = sum(len(part) if isinstance(part, str) else 1 for part in parts)
        self.plain = "".join(part for part in parts if isinstance(part, str)) if ANY not in parts else None
        self.parts = parts
        self.masks: dict[str, int] = {}
        self.free = 0

    def at(self, text: str, place: int) -> bool:
        """Whether it fits at this place; the text is long enough."""
        if self.plain is not None:
            return text.startswith(self.plain, place)
        for part in self.parts:
            if isinstance(part, str):
                if not text.startswith(part, place):
                    return False
                place += len(part)
            else:
                place += 1
        return True

    def find(self, text: str, start: int, end: int) -> int:
        """The place after its first fit within [start, end); -1 where there is none."""
        if self.plain is not None:
            found = text.find(self.plain, start, end)
            return found + self.length if found >= 0 else -1
        if not self.free:
            self._prepare()
        # Bit i says that the first i + 1 characters of the piece end here.
        state, done = 0, 1 << (self.length - 1)
        for place in range(start, end):
            state = (state << 1 | 1) & (self.masks.get(text[place], 0) | self.free)
            if state & done:
                return place + 1
        return -1

    def _prepare(self) -> None:
        place = 0
        for part in self.parts:
            if isinstance(part, str):
                for letter in part:
                    self.masks[letter] = self.masks.get(letter, 0) | 1 << place
                    place += 1
            else:
                self.free |= 1 << place
                place += 1


def matches(pattern: str, text: str) -> bool:
    """Whether `text` fits the pattern, minding case."""
    return fits(tokens(pattern))(text)


@lru_cache(maxsize=65536)
def inside(glob: str, pattern: str) -> bool:
    """Whether every text that fits `glob` surely fits `pattern`; False for a pattern with a policy variable."""
    return "${" not in pattern and within(glob, pattern)


@lru_cache(maxsize=65536)
def within(inner: str, outer: str) -> bool:
    """Whether every text of one glob surely fits the other: what a star of `inner` may be, only a star takes in.

    Never yes where the answer is no; rarely the other way (`*?` takes in all that `?*` does).
    """
    states = {0}
    for letter in inner:
        states = _past_stars(states, outer)
        after = set()
        for place in states:
            if place < len(outer):
                if outer[place] == "*":
                    after.add(place)
                elif letter != "*" and outer[place] in ("?", letter):
                    after.add(place + 1)
        states = after
        if not states:
            return False
    return len(outer) in _past_stars(states, outer)


def _past_stars(states: set[int], glob: str) -> set[int]:
    found = set(states)
    for place in states:
        while place < len(glob) and glob[place] == "*":
            place += 1
            found.add(place)
    return found


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
