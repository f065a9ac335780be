"""The one scan: which events of a window meet which rules, kept in a table from which findings are made.

Each event is looked up among the kinds (`pipeline.detect.kinds`), which says of most rules all there is to say. Only
for the rules that its kind leaves open does a CASE a rule look at the whole condition. What is kept of an event is what
a finding tells and what correlations group by and count. The table is DuckDB's own, which spills what does not fit.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from pipeline.detect.kinds import TABLE as KINDS
from pipeline.detect.kinds import WINDOW, Kinds
from pipeline.detect.sigma import fields
from pipeline.detect.sigma.conditions import sql
from pipeline.detect.sigma.rules import Rule
from pipeline.engines.duckdb import Engine, quoted

TABLE = "sigma_events"
# What `pipeline.detect.findings.EPISODES` reads: a row a rule and event.
MATCHED = "sigma_matched"
_KEPT = "eventTime, coalesce(eventID, record_sha256) as event_id, principal_arn, account_id, awsRegion"
_NOTED = "eventName, eventSource, sourceIPAddress, outcome"
NOTE = (
    "concat_ws(' ', coalesce(eventName, '?'), '(' || coalesce(eventSource, '?') || ')', 'from',"
    " coalesce(sourceIPAddress, 'an unknown address'), case when outcome <> 'ok' then '– ' || outcome end)"
)


@dataclass(frozen=True)
class Scanned:
    """The table `sigma_events`: a row an event that meets some rule, with bits `w0`… of those it meets.

    `texts` says which column has a field's value: a text, or a list of them where the field has many.
    """

    kinds: Kinds
    texts: dict[str, str]

    def met(self, rules: set[int]) -> str:
        """SQL: whether an event meets one of these rules."""
        return self.kinds.any_of(rules, "w")


def scan(
    engine: Engine, rules: list[Rule], kinds: Kinds, wanted: dict[str, set[int]], window: dict[str, datetime | None]
) -> Scanned:
    """Reads the window's events once. `wanted` names fields, and the rules for whose matches each is kept."""
    texts = {name: f"f{number}" for number, name in enumerate(wanted)}
    engine.keep(TABLE, statement(rules, kinds, wanted), window, "rules")
    return Scanned(kinds, texts)


def statement(rules: list[Rule], kinds: Kinds, wanted: dict[str, set[int]]) -> str:
    """The scan as SQL. The words are made in a list and unnested: a filter on them would work them out twice."""
    words = ", ".join(f"w{number}: {_word(rules, kinds, number)}" for number in range(kinds.words))
    some = " or ".join(f"each.w{number} <> 0" for number in range(kinds.words))
    same = " and ".join(f"{quoted(each)} is not distinct from k{number}" for number, each in enumerate(kinds.columns))
    told = "".join(f", {_texts(name, kinds, by)} as f{number}" for number, (name, by) in enumerate(wanted.items()))
    return f"""
        select {", ".join(f"met.w{number} as w{number}" for number in range(kinds.words))}, {_KEPT}, {_NOTED}{told}
        from (
            select seen.*, unnest(list_filter([{{{words}}}], lambda each: {some})) as met
            from ({fields.ROWS}) as seen join {KINDS} on {same}
            where {WINDOW}
        )"""


def matched(rules: set[int], scanned: Scanned) -> str:
    """SQL of the matches of some rules, a row a rule and event: `rule`, and what findings tell of the event."""
    kinds = scanned.kinds
    numbers = []
    for rule in sorted(rules & set(kinds.live)):
        word, value = kinds.bit(rule)
        numbers.append(f"case when w{word} & {value} <> 0 then {rule} end")
    some = f"list_filter([{', '.join(numbers)}]::int[], lambda each: each is not null)"
    return f"""
        select unnest({some}) as rule, eventTime, event_id, principal_arn, account_id, awsRegion, {NOTE} as note
        from {TABLE} where {scanned.met(rules)}"""


def _word(rules: list[Rule], kinds: Kinds, number: int) -> str:
    """SQL of the bits of the rules that an event meets, of those in one word."""
    cases = []
    for rule in kinds.open:
        word, value = kinds.bit(rule)
        if word == number:
            met = f"case when {sql(rules[rule].condition)} then {value} else 0 end"
            cases.append(f"case when m{number} & {value} <> 0 then {met} else 0 end")
    if not cases:
        return f"s{number}"
    return f"s{number} + case when m{number} = 0 then 0 else {' + '.join(cases)} end"


def _texts(name: str, kinds: Kinds, rules: set[int]) -> str:
    """SQL of what is kept of a field; what lies in JSON is looked for where some rule's matches need it."""
    where = fields.field(name)
    if not where.many:
        return str(where.sql)
    return f"case when {kinds.any_of(rules, 'met.w')} then {where.texts} end"
