"""Verdicts for eyes: actions that share scope, verdict and reason become one line, since `*` is 20,000 of them."""

from __future__ import annotations

from collections import Counter

import pyarrow as pa

FEW = 100
_NAMED = 3
_KEYS = ["principal_arn", "resource_scope", "verdict", "reason"]
_PLAIN = ["action", "resource_scope", "verdict", "reason", "last_used", "count"]


def folded(rows: pa.Table) -> pa.Table:
    """A short report's columns that matter to a reader; of a long one a row a principal × scope × verdict × reason.

    The folded rows count the actions and name them, or their services where they are many. One principal's ARN is
    not repeated on every row.
    """
    whose = [] if len(rows["principal_arn"].unique()) == 1 else ["principal_arn"]
    if rows.num_rows <= FEW:
        return rows.select(whose + _PLAIN)
    plain = pa.table({name: rows[name].cast(pa.string()) for name in [*_KEYS, "action"]})
    grouped = plain.group_by(_KEYS, use_threads=False).aggregate([("action", "list"), ("action", "count")])
    order = [("principal_arn", "ascending"), ("verdict", "ascending"), ("action_count", "descending")]
    ordered = grouped.sort_by([*order, ("resource_scope", "ascending"), ("reason", "ascending")])
    named = ordered.rename_columns({"action_count": "permissions"})
    which = pa.array([_which(actions) for actions in named["action_list"].to_pylist()], pa.string())
    return named.append_column("which", which).select(
        [*whose, "verdict", "permissions", "which", *_KEYS[1:2], "reason"]
    )


def _which(actions: list[str]) -> str:
    """A few actions by name; many by their services, those with most of them first."""
    if len(actions) <= _NAMED:
        return ", ".join(actions)
    services = Counter(action.partition(":")[0] for action in actions)
    first = ", ".join(f"{service} ({count})" for service, count in services.most_common(_NAMED))
    rest = len(services) - _NAMED
    return f"{first}, {rest:,} more services" if rest > 0 else first
