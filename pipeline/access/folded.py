"""Actions for eyes: those that share scope, verdict and reason become one line, since `*` is 20,000 of them."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pyarrow as pa

FEW = 100
VERDICTS = ("used", "denied_only", "unused", "unused_low_confidence", "not_observable", "blocked")
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


def services(rows: pa.Table) -> pa.Table:
    """One row a principal and service of a report with its used permissions: how many have each verdict, last use.

    `state` is used where any permission of the service is, unused where all are, denied_only where calls were only
    refused, blocked where nothing of it has effect, else not_sure: part of it the log cannot tell.
    """
    plain = pa.table({name: rows[name].cast(pa.string()) for name in ("principal_arn", "service", "verdict")})
    plain = plain.append_column("last_used", rows["last_used"])
    counted = plain.group_by(["principal_arn", "service", "verdict"], use_threads=False).aggregate(
        [("service", "count"), ("last_used", "max")]
    )
    by: dict[tuple[str, str], dict[str, Any]] = {}
    for row in counted.to_pylist():
        made = by.setdefault((row["principal_arn"], row["service"]), dict.fromkeys(VERDICTS, 0) | {"last_used": None})
        made[row["verdict"]] += row["service_count"]
        made["last_used"] = max(filter(None, (made["last_used"], row["last_used_max"])), default=None)
    listed = [
        {"principal_arn": arn, "service": service, "state": _state(made), **made}
        for (arn, service), made in sorted(by.items())
    ]
    kinds = {"last_used": pa.timestamp("us", tz="UTC")} | dict.fromkeys(VERDICTS, pa.int64())
    columns = ("principal_arn", "service", "state", "last_used", *VERDICTS)
    return pa.Table.from_pylist(listed, pa.schema([(name, kinds.get(name, pa.string())) for name in columns]))


def _state(counts: dict[str, Any]) -> str:
    there = {name for name in VERDICTS if counts[name]}
    if "used" in there:
        return "used"
    for only in ("unused", "blocked", "denied_only"):
        if there <= {only, "blocked"}:
            return only
    return "not_sure"


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
