"""Correlations over the matches of their rules: groups, windows, and the findings they make."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from pipeline.detect.findings import PAUSE, Row, episode, finding
from pipeline.detect.sigma.correlations import Correlation
from pipeline.detect.sigma.windows import Hit, Range

_ROW = len(Row._fields)


def fields(correlations: list[Correlation]) -> list[str]:
    """The names of the fields that correlations group by or count, each once."""
    keys = {key for each in correlations for part in each.keys for key in part}
    return sorted(keys | {each.counted for each in correlations if each.counted})


def correlated(
    correlations: list[Correlation], numbers: dict[str, int], matched: pa.Table, names: list[str]
) -> Iterator[dict[str, Any]]:
    """The findings of every correlation.

    `matched` has the columns `rule`, those of `Row`, and a list of texts for each of the fields `names`; `numbers`
    says by a rule's id which of its rows are that rule's.
    """
    matches = _by_rule(matched)
    for each in correlations:
        parts = [matches.get(numbers[part], []) for part in each.parts]
        for group, hits in sorted(_groups(each, parts, names).items()):
            for rows in _joined(hits, each.met(hits)):
                yield finding(each.about, episode(rows), _told(each, group))


Fielded = tuple[Row, tuple[list[str], ...]]


def _by_rule(matched: pa.Table) -> dict[int, list[Fielded]]:
    found: dict[int, list[Fielded]] = {}
    columns = [each.to_pylist() for each in matched.columns]
    for rule, *rest in zip(*columns, strict=True):
        found.setdefault(rule, []).append((Row(*rest[:_ROW]), tuple(rest[_ROW:])))
    return found


def _groups(correlation: Correlation, parts: list[list[Fielded]], names: list[str]) -> dict[tuple[str, ...], list[Hit]]:
    """The hits of each group in the order of time; one without a value for a key is in none."""
    groups: dict[tuple[str, ...], list[Hit]] = {}
    for number, (rows, keys) in enumerate(zip(parts, correlation.keys, strict=True)):
        wanted = [names.index(key) for key in keys]
        counted = names.index(correlation.counted) if correlation.counted else None
        for row, texts in rows:
            if all(texts[each] for each in wanted):
                group = tuple(texts[each][0] for each in wanted)
                values = tuple(texts[counted]) if counted is not None else ()
                groups.setdefault(group, []).append(Hit(row.time, row.event_id, number, values, row))
    for hits in groups.values():
        hits.sort(key=lambda hit: (hit.time, hit.event_id, hit.part))
    return groups


def _joined(hits: list[Hit], stretches: list[Range]) -> Iterator[list[Row]]:
    """The rows of stretches between which no more than PAUSE lies, together."""
    rows: list[Row] = []
    for first, last in stretches:
        if rows and hits[first].time - rows[-1].time > PAUSE:
            yield rows
            rows = []
        rows += [hit.row for hit in hits[first : last + 1]]
    if rows:
        yield rows


def _told(correlation: Correlation, group: tuple[str, ...]) -> str:
    named = ", ".join(f"{key} {value}" for key, value in zip(correlation.keys[0], group, strict=True))
    what = f"{correlation.kind.replace('_', ' ')} within {correlation.span}"
    return f"{what}: {named}" if named else what
