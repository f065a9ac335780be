"""Which resources a principal's calls named, action by action, as patterns; read from its events.

An object of S3 is told by the folder at the top of its key: a batch writes new objects each night, always to the same
place. What an event does not say is told by the widest pattern it may have been, so that a policy never loses it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

from pipeline.access.granted import Principal
from pipeline.access.ground import Ground
from pipeline.access.replay.calls import Log, Row, needs
from pipeline.access.replay.reading import Reading
from pipeline.access.replay.targets import Target, held, members, targets
from pipeline.iam.formats import formats

# Patterns of one action by which a policy is still read, and likely to hold tomorrow.
MANY = 10
_SEPARATOR = re.compile(r"[/:]")
_VARIABLE = re.compile(r"\$\{\w+\}")

Seen = Mapping[int, frozenset[str]]


def seen(ground: Ground, principal: Principal) -> Seen:
    """Patterns by the action's place in the catalogue; an action is missing where its calls are too many to tell
    apart, or are no longer among the events."""
    log = Log(ground.engine, principal, ground.start, ground.end)
    mapper = ground.observe.mapper
    names: set[tuple[str, str]] = set()
    asked: set[str] = set()
    counts: dict[str, int] = {}
    began = ground.end
    for kind, outcome, call in log.usage:
        first, last = call.first or ground.start, call.last or ground.end
        for needed in needs(mapper, kind, call) if outcome != "denied" else ():
            names.add((kind.source, kind.name))
            asked |= members(needed.action)
            began = min(began, max(first, ground.start))
            # A row of the roll-up that reaches beyond the window counts calls that no event of the window tells.
            inside = ground.start <= first and last <= ground.end
            counts[needed.action] = counts.get(needed.action, 0) + (call.count if inside else 0)
    if not names or not _kept_since(ground, began):
        return {}
    rows = Reading(asked, (), [], (), False, folders=True).calls(log.engine, names, log.who)
    return _patterns(ground, principal, rows or [], counts)


def _kept_since(ground: Ground, moment: datetime) -> bool:
    """Whether events of that time are still there: what is kept no longer is dropped from the oldest on."""
    asked = "select min(eventTime) <= $moment as kept from lake.events"
    return bool(ground.engine.query(asked, {"moment": moment})["kept"][0].as_py())


def _patterns(ground: Ground, principal: Principal, rows: list[Row], counts: Mapping[str, int]) -> Seen:
    """The patterns of the calls in `rows`; those of an action of which the roll-up counts more are left out."""
    mapper, own = ground.observe.mapper, held(ground.snapshot, principal.account_id, principal.arn)
    found: dict[str, set[str]] = {}
    told: dict[str, int] = {}
    for kind, _, call in rows:
        for needed in needs(mapper, kind, call):
            told[needed.action] = told.get(needed.action, 0) + call.count
            for target in targets(needed.action, call, own):
                # A `${` in a name would be a variable in a policy.
                open_ = _unnamed(needed.action, target) or any("${" in each for each in target.globs)
                where = ("*",) if open_ else target.globs
                found.setdefault(needed.action, set()).update(where)
    index = mapper.catalogue.index
    return {
        index[action.lower()]: frozenset(_folded(patterns))
        for action, patterns in found.items()
        if told[action] >= counts.get(action, 0) and "*" not in patterns
    }


def _unnamed(action: str, target: Target) -> bool:
    """Whether a call named none of what the action may, but need not, work on: AWS checks it for `*` then."""
    kinds = formats(action)
    if target.known or any(kind.required for kind in kinds):
        return False
    whole = {_resource(kind.glob(lambda part: None)) for kind in kinds}
    return any(_resource(each) in whole for each in target.globs)


def _folded(patterns: set[str]) -> set[str]:
    """At most MANY patterns where that can be: names that change with each call give way to what holds them.

    The deepest go first, a part at a time; of `training-job/ranker-7f2` at most `training-job/*` is left.
    """
    while len(patterns) > MANY:
        deepest = max(map(_depth, patterns))
        if not deepest:
            break
        patterns = {_cut(each) if _depth(each) == deepest else each for each in patterns}
    return patterns


def _depth(pattern: str) -> int:
    """How often the pattern can be cut."""
    _, *held = _SEPARATOR.split(_resource(pattern).rstrip("*"))
    return len([each for each in held if each])


def _cut(pattern: str) -> str:
    """The pattern without its last part: whatever its container holds."""
    at = max(pattern.rstrip("*").rstrip("/:").rfind(each) for each in "/:")
    return f"{pattern[: at + 1]}*"


def _resource(arn: str) -> str:
    return arn.split(":", 5)[5] if arn.count(":") > 4 else ""


def elsewhere(action: str, known: Iterable[str]) -> frozenset[str]:
    """Of resources that calls to the action's service named: those the action works on, what they hold of its types,
    and what holds them. Empty where none of its types, as the reference lists them, is there."""
    found: set[str] = set()
    for kind in formats(action):
        pieces = _VARIABLE.split(_resource(kind.arn))
        for arn in known:
            found.update(f"{arn[: len(arn) - len(_resource(arn))]}{each}" for each in _fitting(pieces, _resource(arn)))
    return frozenset(found)


def _fitting(pieces: list[str], resource: str) -> Iterator[str]:
    """Resources of a format, given by the texts between its open parts, that hold `resource` or that it holds."""
    for count in range(len(pieces), 1, -1):
        # All the open parts, or as many as make the resource: what follows those is left open.
        shape = "".join(re.escape(pieces[at]) + _open(pieces, at + 1) for at in range(count - 1))
        whole = count == len(pieces)
        if match := re.match(shape + (f"{re.escape(pieces[-1])}(?=$|[/:])" if whole else "$"), resource):
            yield match[0] + ("" if whole else "*".join(pieces[count - 1 :]))
            return


def _open(pieces: list[str], at: int) -> str:
    """What may stand before the piece at `at`: paths hold slashes, but for names of buckets and what a slash ends."""
    return "[^:/]+" if pieces[at].startswith("/") or not any(pieces) else "[^:]+"
