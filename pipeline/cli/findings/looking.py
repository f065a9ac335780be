"""`trailsift findings`, and its `show`, `history` and `mutes`: they read the store and change nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

import typer

from pipeline.cli.context import current
from pipeline.cli.watching import SHOWN

OUTPUT = typer.Option("table", "-o", "--output", help="table, csv, json, ndjson, parquet, ocsf, sarif or asff.")
# What a table on a terminal has room for; every other format has all of a finding.
_LISTED = ["severity", "status", "title", "principal_arn", "account", "first_seen", "last_seen", "count", "id"]
_CHANGES = ["at", "finding_id", "change", "status", "actor", "reason", "until"]


def listed(
    context: typer.Context,
    status: list[str] = typer.Option([], "--status", help="Only findings of this status (repeatable)."),
    everything: bool = typer.Option(False, "--all", help="Findings of every status."),
    level: str = typer.Option(None, "--level", help="Only findings this grave.", show_default="informational"),
    output: str = OUTPUT,
) -> None:
    """Lists stored findings, the gravest first: those that are open or acknowledged, if not told otherwise.

    How many are left out is always told, by status. With --all, -o asff and -o ocsf also end the findings that others
    took the place of.
    """
    if context.invoked_subcommand is not None:
        return
    from pipeline import export
    from pipeline.detect.anomalies import SEVERITIES
    from pipeline.detect.store import STATUSES, replaced, table
    from pipeline.detect.store import current as stored
    from pipeline.errors import UsageError

    for each in status:
        if each not in STATUSES:
            raise UsageError("--status", f"{each!r} is no status", f"write one of {', '.join(STATUSES)}")
    if level is not None and level not in SEVERITIES:
        raise UsageError("--level", f"{level!r} is no severity", f"write one of {', '.join(SEVERITIES)}")
    export.known(output)
    lake = current.lake()
    every = stored(lake)
    chosen = STATUSES if everything else status or SHOWN
    listed = [each for each in every if each["status"] in chosen]
    told = [each for each in listed if level is None or SEVERITIES.index(each["severity"]) <= SEVERITIES.index(level)]
    if everything and output in ("asff", "ocsf"):  # whoever was told of them is told that they have ended
        told += replaced(lake)
    current.show(table(told), output, _LISTED)
    if not every:
        current.say("no finding is stored yet; trailsift detect looks for some")
    if left := len(listed) - len(told):
        current.say(f"{left:,} findings below {level} are not shown")
    tell_hidden(every, chosen)


def tell_hidden(findings: Iterable[dict[str, Any]], shown: Iterable[str] = SHOWN) -> None:
    """Says how many findings are muted and resolved, and how many of another status are not shown."""
    counts = Counter(each["status"] for each in findings)
    hidden = ["muted", "resolved", *(each for each in SHOWN if counts[each] and each not in shown)]
    told = [f"{counts[each]:,} {each}" + (" (shown)" if each in shown else "") for each in hidden]
    current.say(f"{', '.join(told)}; trailsift findings --all shows every one")


def show(
    identity: str = typer.Argument(..., metavar="ID", help="Its id, or the beginning."), output: str = OUTPUT
) -> None:
    """Shows one finding: what it is, its history, and the ids of its events."""
    from pipeline import export
    from pipeline.detect.store import history as rows_of
    from pipeline.detect.store import states, table
    from pipeline.detect.store.verbs import one

    export.known(output)
    lake = current.lake()
    found, muted = states(lake)
    state = one(found, identity)
    told = muted.told(state)
    if output != "table":
        import pyarrow as pa

        rows = table([told])
        rows = rows.append_column("successor", pa.array([state.successor], pa.string()))
        rows = rows.append_column("history", pa.array([rows_of(state.history).to_pylist()]))
        current.show(rows, output)
        return
    _print(told, state.successor)
    current.show(rows_of(state.history), "table", _columns())
    print(f"\n{len(state.event_ids):,} events")
    for each in state.event_ids:
        _say(each)


def _print(told: dict[str, Any], successor: str | None) -> None:
    from pipeline.times import iso

    _say(f"{told['severity'].upper()}  {told['title']}  ({told['id']}, {told['rule']})")
    status = told["status"] + (f", part of {successor} now" if successor else "")
    if told["muted_until"]:
        status += f" until {iso(told['muted_until'])}, owner {told['owner']}"
    span = f"{iso(told['first_seen'])} to {iso(told['last_seen'])}"
    facts = {"status": status, "principal": told["principal_arn"], "account": told["account"]}
    facts |= {"region": told["region"], "when": span, "note": told["note"], "what to do": told["action"]}
    facts |= {"controls": ", ".join(told["controls"]), "ATT&CK": ", ".join(told["mitre"])}
    for name, value in facts.items():
        if value:
            _say(f"{name:<11}{current.names.told(value)}")
    for each in told["evidence"]:
        _say(f"{'evidence':<11}{current.names.told(each)}")
    print()


def history(
    identity: str = typer.Argument(None, metavar="ID", help="Only this finding.", show_default="all"),
    output: str = OUTPUT,
) -> None:
    """Lists changes of findings as they happened: what, when, by whom and why."""
    from pipeline import export
    from pipeline.detect.store import history as rows_of
    from pipeline.detect.store import states
    from pipeline.detect.store.verbs import one

    export.known(output)
    lake = current.lake()
    found, _ = states(lake)
    chosen = [one(found, identity)] if identity else list(found.values())
    rows = sorted(
        (row for each in chosen for row in each.history), key=lambda row: (row["at"], row["finding_id"], row["number"])
    )
    current.show(rows_of(rows), output, _CHANGES)


def mutes(output: str = OUTPUT) -> None:
    """Lists every mute there has been: what it covers, owner, reason, until when, and whether it is in force."""
    import pyarrow as pa

    from pipeline import export
    from pipeline.detect.store import states
    from pipeline.detect.store.mutes import mutes as every
    from pipeline.lake.decided import rows

    export.known(output)
    lake = current.lake()
    found, muted = states(lake)
    covered = Counter(mute.mute_id for each in found.values() if (mute := muted.covering(each)) and not each.successor)
    given = []
    for each in every(rows(lake, "mutes")):
        state = "in force" if each.in_force(muted.now) else "lifted" if each.lifted else "ended"
        said = vars(each) | {"state": state, "covers": each.scope, "findings": covered[each.mute_id]}
        given.append(said)
    texts = [(name, pa.string()) for name in ("mute_id", "state", "covers", "owner", "reason")]
    moments = [(name, pa.timestamp("us", tz="UTC")) for name in ("until", "at", "lifted")]
    scope = [(name, pa.string()) for name in ("actor", "rule", "principal", "account", "finding_id")]
    schema = pa.schema([*texts, ("findings", pa.int64()), *moments, *scope])
    shown = ["mute_id", "state", "covers", "findings", "owner", "reason", "until"]
    current.show(pa.Table.from_pylist(given, schema=schema), output, shown)


def _columns() -> list[str]:
    return [each for each in _CHANGES if each != "finding_id"]


def _say(text: str) -> None:
    from pipeline.cli.context import one_line

    print(one_line(text))
