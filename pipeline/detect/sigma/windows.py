"""Windows that slide over matches in the order of time, as SQL: where a correlation is met, and by which matches.

A window ends at a match, both its ends belong to it, and matches of the same time belong together, in no order:
CloudTrail's times are whole seconds. So `gte` and `gt` find every set of matches that lies within the span, while
`lt`, `lte`, `eq` and `neq` judge what lies behind each match, never a time without one.

The statements read `hits`: `event` (a number), `part` (of the rule in the correlation), `moment` (microseconds),
`x` (what is counted), and the group's keys `g0`…. They add to each hit whether a window that meets the correlation
ends there (`met`), and when the earliest of that window was (`first`).
"""

from __future__ import annotations

_PAIRS = ("1 preceding and current row", "current row and 1 following")
# For `crowded`: parts of a correlation that lie in either of two stretches, as bits, are as many as they are together.
PARTS = "bit_count(bit_or(n) over ({}))"
COMPARE = {"lt": "<", "gt": ">", "eq": "=", "lte": "<=", "gte": ">=", "neq": "<>"}


def sliding(span: int, keys: list[str], met: str) -> str:
    """Hits with `met` (SQL over the window `w`) asked of the window that ends at each; `span` in microseconds."""
    return f"""
        select *, {met} as met, min(moment) over w as first
        from hits
        window w as ({_by(keys)} order by moment range between {span} preceding and current row)"""


def ordered(span: int, keys: list[str], parts: int) -> str:
    """The same, where every part must follow the one before it, or come in the same moment.

    For each part `c` is the latest start of a chain that has come as far, since that leaves most of the span.
    """
    rows = "select *, max(moment) filter (part = 0) over w as c from hits window w as (" + _so_far(keys) + ")"
    for part in range(1, parts):
        rows = f"""
            select * replace (max(c) filter (part = {part}) over w as c)
            from ({rows}) window w as ({_so_far(keys)})"""
    return f"select * exclude (c), part = {parts - 1} and moment - c <= {span} as met, c as first from ({rows})"


def crowded(
    span: int, keys: list[str], least: int, number: str, matches: str = "matches", both: str = "sum(n) over ({})"
) -> str:
    """Of `matches` those in a window that may hold at least so many, so that few are sorted and slid over.

    Time is cut into stretches as long as the span; what a window sees lies in two that follow each other. `number` is
    SQL of how many there may be at most in a stretch, `both` of what that makes of the stretches in a frame.
    """
    group = "".join(f"{each}, " for each in keys)
    same = "".join(f"{matches}.{each} = busy.{each} and " for each in keys)
    before, after = (both.format(f"w range between {frame}") for frame in _PAIRS)
    return f"""
        select * from {matches} semi join (
            select * from (
                select *, {before} as before, {after} as after
                from (select {group}moment // {span} as stretch, {number} as n from {matches} group by all)
                window w as ({_by(keys)} order by stretch)
            ) where greatest(before, after) >= {least}
        ) as busy on {same}{matches}.moment // {span} = busy.stretch"""


def episodes(judged: str, keys: list[str], pause: int) -> str:
    """The hits that belong to some window that is met, each with the number of its `episode` within its group.

    Windows that share a hit make one stretch. Stretches between which no more than `pause` microseconds lie are one
    episode. `begin` is the first hit of the next window that is met; windows begin in the order in which they end.
    """
    by = _by(keys)
    return f"""
        select *, count(*) filter (begins) over ({by} order by moment, event rows unbounded preceding) as episode
        from (
            select *, coalesce(moment - before > {pause} and begin > before, true) as begins
            from (
                select *, lag(moment) over ({by} order by moment, event) as before
                from (
                    select *, min(first) filter (met) over (
                        {by} order by moment range between current row and unbounded following
                    ) as begin
                    from ({judged})
                )
                where begin <= moment
            )
        )"""


def _by(keys: list[str]) -> str:
    return f"partition by {', '.join(keys)}" if keys else ""


def _so_far(keys: list[str]) -> str:
    return f"{_by(keys)} order by moment range between unbounded preceding and current row"
