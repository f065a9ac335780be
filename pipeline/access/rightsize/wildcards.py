"""Lists of actions as a policy writes them: short where whole services or families of names are kept, never wider.

A wildcard is written only where it lies within what the old statement named, so that it grants nothing the old one
did not, known to the catalogue or not; and only where every catalogued action it takes in is kept.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

from pipeline.iam.catalogue import Catalogue, positions
from pipeline.iam.globs import overlap, within
from pipeline.iam.policy import Statement

# How far lists are shortened: names only, wildcards at the ends of words, wildcards anywhere.
NAMES, WORDS, LETTERS = 0, 1, 2
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+|.")


def lies_in(pattern: str, statement: Statement) -> bool:
    """Whether everything an action pattern may name, catalogued or not, is named by the statement."""
    low = pattern.lower()
    if statement.not_action:
        return not any(overlap(low, each.lower()) for each in statement.actions)
    # A wildcard in the service's name makes a pattern that grants nothing, but for `*` itself.
    named = (each.lower() for each in statement.actions if not each.strip("*") or "*" not in each.partition(":")[0])
    return any(within(low, each) for each in named)


def protected(statement: Statement, unmapped: Sequence[str], catalogue: Catalogue) -> int:
    """Actions that stay because a wildcard grants them together with what unmapped events may have needed.

    All of them where a NotAction excepts part of such a service: no list of actions says the rest of it.
    """
    granted, bits = statement.expand(catalogue).bits, 0
    for prefix in unmapped:
        whole = f"{prefix.lower()}:*"
        service = catalogue.match(whole)
        if not statement.not_action:
            for pattern in statement.actions:
                if "*" in pattern or "?" in pattern:
                    bits |= service & catalogue.match(pattern)
        elif lies_in(whole, statement):
            bits |= service
        elif not any(within(whole, each.lower()) for each in statement.actions):
            return granted
    return bits & granted


def written(
    statement: Statement, kept: int, unmapped: Sequence[str], catalogue: Catalogue, level: int = NAMES
) -> list[str]:
    """Patterns that name the kept ones of a statement's actions: what needs no cut as it was, else names, sorted.

    Patterns that name nothing in the catalogue stay: what they grant is not known. So does the whole of a service
    of which unmapped events were seen, where the statement grants it whole.
    """
    stay: list[str] = []
    loose = kept if statement.not_action else 0
    for pattern in () if statement.not_action else statement.actions:
        found = catalogue.match(pattern)
        if found & ~kept:
            loose |= found & kept
        else:
            stay.append(pattern)
    whole = (f"{prefix}:*" for prefix in unmapped)
    stay += [each for each in whole if lies_in(each, statement) and not any(within(each, old) for old in stay)]
    for pattern in stay:
        loose &= ~catalogue.match(pattern)
    return sorted({*stay, *_listed(statement, loose, kept, catalogue, level)}, key=str.lower)


def _listed(statement: Statement, loose: int, kept: int, catalogue: Catalogue, level: int) -> Iterator[str]:
    """The loose actions, service by service."""
    by: dict[str, list[int]] = {}
    for place in positions(loose):
        by.setdefault(catalogue.actions[place].partition(":")[0], []).append(place)

    def safe(pattern: str) -> bool:
        return not catalogue.match(pattern) & ~kept and lies_in(pattern, statement)

    for prefix, places in by.items():
        if len(catalogue.services[prefix]) > 1 and safe(f"{prefix}:*"):
            # A service kept whole stays whole: what cannot be judged may include actions newer than the catalogue.
            yield f"{prefix}:*"
        elif level == NAMES:
            yield from (catalogue.actions[place] for place in places)
        else:
            names = [catalogue.actions[place].partition(":")[2] for place in places]
            split: Callable[[str], list[str]] = _WORD.findall if level == WORDS else list
            yield from _families(prefix, [tuple(split(name)) for name in names], 0, safe)


def _families(prefix: str, names: list[tuple[str, ...]], depth: int, safe: Callable[[str], bool]) -> Iterator[str]:
    """Names that share their first `depth` pieces, under the shortest beginnings that may stand for them."""
    if len(names) == 1:
        yield f"{prefix}:{''.join(names[0])}"
        return
    if depth and safe(start := f"{prefix}:{''.join(names[0][:depth])}*"):
        yield start
        return
    further: dict[str, list[tuple[str, ...]]] = {}
    for name in names:
        if len(name) == depth:
            yield f"{prefix}:{''.join(name)}"
        else:
            further.setdefault(name[depth].lower(), []).append(name)
    for family in further.values():
        yield from _families(prefix, family, depth + 1, safe)
