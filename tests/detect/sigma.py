"""Rules asked of a few records: the way every Sigma test takes, from YAML text to the events that match."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import yaml

from pipeline.catalog import Catalog
from pipeline.detect.run import Detected, detect
from pipeline.detect.sigma.correlations import RuleSet, load
from pipeline.engines.duckdb import Engine, over
from pipeline.records.normalize import to_table
from tests.logs import event

CATALOG = Catalog.load(within="views")
_KEPT: list[Engine] = []
_TEMPORARY = "select table_name from duckdb_tables() where temporary"
LOGSOURCE = {"product": "aws", "service": "cloudtrail"}


def rule(detection: dict[str, Any], **members: Any) -> dict[str, Any]:
    """A rule with this detection; one without a condition is met by its only selection."""
    named = [each for each in detection if each != "condition"]
    return {
        "title": "A rule",
        "level": "high",
        "logsource": LOGSOURCE,
        "detection": {"condition": " or ".join(named), **detection},
    } | members


def rules(*documents: dict[str, Any], text: str | None = None, **placeholders: tuple[str, ...]) -> RuleSet:
    """The rules of one file of these documents."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rules" / "made.yml"
        path.parent.mkdir()
        path.write_text(text if text is not None else yaml.safe_dump_all(documents, allow_unicode=True), "utf-8")
        return load(path.parent, placeholders)


@contextmanager
def log(*records: dict[str, Any]) -> Iterator[Engine]:
    """An engine over these records.

    One serves a whole process, since its views take longer to make than most rules to ask. What is kept in it goes
    with the records, and after an error there is a new one.
    """
    events = plain(to_table(list(records)))
    if not _KEPT:
        _KEPT.append(over({}))
        CATALOG.install_views(_KEPT[0])
    engine = _KEPT[0]
    engine.con.register("lake_events", events)
    try:
        yield engine
    except BaseException:
        _KEPT.remove(engine)
        engine.close()
        raise
    engine.drop(*(name for (name,) in engine.con.execute(_TEMPORARY).fetchall()))
    assert not engine.registered and [*engine.views] == [each.name for each in CATALOG.views]


def plain(table: pa.Table) -> pa.Table:
    """The table with its dictionaries unpacked, as the lake's files give it."""
    columns = [each.cast(each.type.value_type) if pa.types.is_dictionary(each.type) else each for each in table.columns]
    return pa.table(columns, names=table.column_names)


def found(ruleset: RuleSet, *records: dict[str, Any]) -> Detected:
    """What the rules find in these records."""
    with log(*records) as engine:
        return detect(engine, ruleset)


def which(detection: dict[str, Any], *changes: dict[str, Any], **placeholders: tuple[str, ...]) -> list[int]:
    """The numbers, from 0, of the events (a plain one with these changes each) that a rule of this detection meets."""
    ruleset = rules(rule(detection), **placeholders)
    assert not ruleset.refused, ruleset.refused
    records = [event(**({"eventID": str(number)} | each)) for number, each in enumerate(changes)]
    detected = found(ruleset, *records)
    assert not detected.refused, detected.refused
    return sorted(int(each) for finding in detected.findings for each in finding["event_ids"])


def refusals(*documents: dict[str, Any], text: str | None = None, **placeholders: tuple[str, ...]) -> list[str]:
    """Why documents are refused, a line each; what is not is asked too, so that nothing fails later than it should."""
    ruleset = rules(*documents, text=text, **placeholders)
    asked = found(ruleset, event()).refused if ruleset.rules else ruleset.refused
    return [str(each) for each in asked]
