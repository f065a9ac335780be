"""What is out of the ordinary, stored like what the rules find (`pipeline.detect.store`)."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from pipeline.catalog import Catalog
from pipeline.detect.anomalies import Examined
from pipeline.detect.store import Looked, Recorded, View, record
from pipeline.engines.duckdb import Engine

if TYPE_CHECKING:
    from pipeline.lake.tables import Lake

HOME = "anomalies/"


def store(lake: Lake, engine: Engine, catalog: Catalog, examined: Examined) -> Recorded:
    """Stores what was unusual in the whole log (`examine` with no beginning), and gives what of it is news.

    A stored finding that is no longer unusual, since what came later made it usual or since the questions changed, is
    resolved. Raises LakeError where it cannot be stored.
    """
    questions = {each.id: each.sql for each in catalog.queries.values() if each.id.startswith(HOME)}
    # Points of all questions add up to one finding, so that a change of any is a change of the rule.
    every = hashlib.sha256("\n".join(questions[each] for each in sorted(questions)).encode()).hexdigest()
    found = [each | {"rule_key": each["rule"], "rule_hash": every} for each in examined.findings]
    names = frozenset(questions) | {each["rule"] for each in found} | {f"{HOME}behaviour", f"{HOME}more"}
    looked = Looked(frozenset(names), frozenset(each["id"] for each in found), folding=f"{HOME}more")
    return record(lake, found, View.of(engine), [looked])
