"""Actions for eyes: those that share scope, verdict and reason become one line, since `*` is 20,000 of them."""

from __future__ import annotations

from collections import Counter

import pyarrow as pa

FEW = 100
_NAMED = 3
_PLAIN = ["action", "resource_scope", "verdict", "reason", "last_used", "count"]


def folded(rows: pa.Table) -> pa.Table:
    """A short report's columns that matter to a reader; of a long one a row a principal × scope × verdict × reason.

    The folded rows count the actions and name them, or their services where they are many. One principal's ARN is
    not repeated on every row.
    """
    whose = [] if len(rows["principal_arn"].unique()) == 1 else ["principal_arn"]
    if rows.num_rows <= FEW:
        return rows.select(whose + _PLAIN)
    order = ["principal_arn", "verdict", "permissions", "resource_scope", "reason"]
    keys = ["principal_arn", "resource_scope", "verdict", "reason"]
    return fold(rows, keys, order).select([*whose, "verdict", "permissions", "which", "resource_scope", "reason"])


def fold(rows: pa.Table, keys: list[str], order: list[str]) -> pa.Table:
    """One row for all actions that share `keys`: their number (`permissions`) and names or services (`which`).

    Rows come in the order of the columns `order`, most permissions first.
    """
    plain = pa.table({name: rows[name].cast(pa.string()) for name in [*keys, "action"]})
    grouped = plain.group_by(keys, use_threads=False).aggregate([("action", "list"), ("action", "count")])
    named = grouped.rename_columns({"action_count": "permissions"})
    ordered = named.sort_by([(each, "descending" if each == "permissions" else "ascending") for each in order])
    named_actions = pa.array([which(actions) for actions in ordered["action_list"].to_pylist()], pa.string())
    return ordered.append_column("which", named_actions)


def which(actions: list[str]) -> str:
    """A few actions by name; many by their services, those with most of them first."""
    if len(actions) <= _NAMED:
        return ", ".join(actions)
    services = Counter(action.partition(":")[0] for action in actions)
    first = ", ".join(f"{service} ({count})" for service, count in services.most_common(_NAMED))
    rest = len(services) - _NAMED
    return f"{first}, {rest:,} more services" if rest > 0 else first
