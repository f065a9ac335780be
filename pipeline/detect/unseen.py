"""A run of the rules over what they have not examined yet, with what it found and what it looked at stored.

A rule that is new, or that has changed, is asked about the whole log; the others about the batches of events that came
since they were last asked. Together such runs store what one run over the whole log finds, however it is cut up.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from pipeline.detect.run_new import Found, adds_only, among, detect_all, detect_new
from pipeline.detect.sigma.correlations import RuleSet
from pipeline.detect.sigma.values import Placeholders
from pipeline.detect.store import Looked, Recorded, View, now, record
from pipeline.detect.store.examined import Asked, Due, asked, due, idle, remember
from pipeline.engines.duckdb import Engine
from pipeline.errors import QueryError

if TYPE_CHECKING:
    from pipeline.lake.tables import Lake


@dataclass
class Examined:
    """What a run did: findings that are new or grew, rules that could not be asked, the batches it looked at, and of
    how many rules it looked through the whole log. `keys` name the rules that were asked."""

    recorded: Recorded
    refused: list[QueryError]
    due: Due
    whole: int = 0
    keys: frozenset[str] = field(default_factory=frozenset)


def examine_new(
    lake: Lake, engine: Engine, rules: RuleSet, placeholders: Placeholders, again: bool = False, pack: str = ""
) -> Examined:
    """Asks rules what they have not been asked yet (everything, if `again`), and stores the answer.

    `pack` is the rules' name (`pipeline.detect.store.examined.named`), by which `nothing_new` finds them again. The
    view `events` must be there (`Catalog.install_views`). Raises LakeError where the answer cannot be stored.
    """
    every = asked(rules, placeholders)
    left = due(engine, every.values(), again)
    whole = set(left.fresh)
    if left.unseen:
        whole |= {each.about.id for each in rules.correlations if not adds_only(each)}
    answers: list[tuple[Found, frozenset[str]]] = []
    if whole:
        answers.append((detect_all(engine, among(rules, whole)), frozenset(whole)))
    if left.unseen and (rest := frozenset(every) - whole):
        answers.append((detect_new(engine, among(rules, rest), left.unseen), rest))
    refused = {str(each): each for found, _ in answers for each in found.refused}
    unfit = _unfit(rules, refused.values())
    keyed = {identity: each for identity, each in every.items() if identity not in unfit}
    view = View.of(engine)
    findings = {each["id"]: each for found, _ in answers for each in _keyed(found, every)}
    looked = [
        Looked(frozenset(keyed[each].key for each in ids if each in keyed), found.standing, found.since)
        for found, ids in answers
    ]
    recorded = record(lake, list(findings.values()), view, looked)
    # A rule that cannot be asked stays new for ever: on its account nothing has been looked through.
    batches = left.batches if left.fresh - unfit else left.unseen
    told = [*rules.refused, *refused.values()]
    # What was refused is told at every run, so that such rules are read each time.
    remember(lake, keyed.values(), replace(left, batches=batches), view, now(), "" if told else pack)
    return Examined(recorded, told, left, len(whole - unfit), frozenset(each.key for each in keyed.values()))


def nothing_new(lake: Lake, engine: Engine, pack: str) -> Examined | None:
    """What `examine_new` answers where nothing is left to ask the rules of this name; None where something may be.

    Needs neither the rules nor the view `events`.
    """
    keys = idle(engine, pack)
    if keys is None:
        return None
    return Examined(record(lake, []), [], Due(frozenset(), frozenset(), [], [], None), 0, keys)


def _keyed(found: Found, every: dict[str, Asked]) -> Iterator[dict[str, object]]:
    """The findings with the key and the hash of their rules."""
    for each in found.findings:
        rule = every[each["rule"]]
        yield each | {"rule_key": rule.key, "rule_hash": rule.hash}


def _unfit(rules: RuleSet, refused: Iterable[QueryError]) -> set[str]:
    """The ids of what was not asked: the rules of files in which one was refused, and correlations about them."""
    files = {each.place.rpartition(":")[0] for each in refused}
    unfit = {each.about.id for each in rules.rules if each.document.path in files}
    return unfit | {each.about.id for each in rules.correlations if unfit.intersection(each.parts)}
