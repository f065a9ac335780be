"""`trailsift replay POLICY.json --principal ARN`: would anything the log shows have been denied?"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import typer

from pipeline.cli.context import current

if TYPE_CHECKING:
    from datetime import datetime

    import pyarrow as pa

    from pipeline.access.granted import Principal
    from pipeline.access.ground import Ground
    from pipeline.access.replay import Replay
    from pipeline.access.replay.stops import Effect
    from pipeline.engines.duckdb import Engine

_SHOWN = 3  # event ids in a table's row


def register(app: typer.Typer) -> None:
    """Adds the verb."""
    short = "Judge what the log shows by a proposed policy: would anything break?"
    app.command("replay", short_help=short)(replay)


def replay(
    policy: str = typer.Argument(None, help="A policy document, a list of them, or what rightsize writes."),
    principal: str = typer.Option(None, "--principal", help="ARN of the user or role the policy is for."),
    replaced: list[str] = typer.Option([], "--replace", help="Replace this policy, and keep the rest.", metavar="NAME"),
    keep: list[str] = typer.Option([], "--keep", help="Keep this policy, and replace the rest.", metavar="NAME"),
    scp: str = typer.Option(None, "--what-if", help="Judge by this SCP instead, everybody.", metavar="FILE"),
    account: list[str] = typer.Option([], "--account", help="With --what-if: this account only.", metavar="ID"),
    every: bool = typer.Option(False, "--all", help="With --what-if: every account of the log."),
    strict: bool = typer.Option(False, "--strict", help="Exit code 1 for what is conditional or unmapped too."),
    since: str = typer.Option(None, "--from", help="Begin of the window.", metavar="TIME"),
    until: str = typer.Option(None, "--to", help="End of the window.", metavar="TIME", show_default="newest event"),
    lookback: str = typer.Option(None, "--lookback", help="Length of the window.", show_default="90d"),
    output: str = typer.Option("table", "-o", "--output", help="table or json; with --what-if csv and ndjson too."),
) -> None:
    """Judges what the log shows by a proposed policy: would anything break?

    Every distinct use of the window (action, resource, and the condition keys that policies ask for) is evaluated
    against the proposal, with boundary, SCPs and RCPs in place. The proposal stands for all identity policies of the
    principal, those of its groups too, unless --replace or --keep say otherwise.

    With --what-if FILE a service control policy is judged instead, for everybody in the accounts named: one row a
    principal, action and region that it would have stopped, with first and last time, count and event ids. AWS's
    FullAWSAccess is taken to stay beside a policy that only denies; one that allows stands alone. Whom SCPs do not
    bind (the management account, service-linked roles, AWS services) is left out.

    Exit code 1: something would be denied. 5: there is nothing to replay, or the log has a gap in a window given by
    --from or --to. What hangs on keys that no event tells is conditional, and 1 only with --strict.
    """
    from pipeline.cli.window import tell_ground, window
    from pipeline.engines.duckdb import connect
    from pipeline.errors import UsageError

    _check(since, lookback, replaced, keep)
    if scp:
        if policy or principal or replaced or keep:
            raise UsageError("--what-if", "goes without a policy and a principal", "leave them out")
        if bool(account) == every:
            raise UsageError("--what-if", "needs --account or --all", "say whose log the SCP is to be judged by")
    elif policy is None or account or every:
        problem = "--account and --all go with --what-if" if policy else "needs a policy, or --what-if"
        raise UsageError("replay", problem, "name the file of the proposed policy")
    elif output not in ("table", "json"):
        raise UsageError("-o", f"{output!r} is no output format of a replay", "write table or json")
    with connect(current.lake()) as engine:
        start, end = window(engine, since, until, lookback or current.settings.lookback)
        assert start is not None  # a look-back is given
        if scp:
            outcome = _what_if(engine, scp, None if every else account, start, end, output, strict)
            gaps = None
        else:
            assert policy is not None
            outcome, gaps = _replay(engine, policy, principal, set(replaced), set(keep), start, end, output, strict)
        lacking = tell_ground(engine, start, end, gaps)
    if outcome:
        raise typer.Exit(outcome)
    if lacking and (since or until):
        raise typer.Exit(5)


def _replay(
    engine: Engine,
    policy: str,
    principal: str | None,
    replaced: set[str],
    keep: set[str],
    start: datetime,
    end: datetime,
    output: str,
    strict: bool,
) -> tuple[int, list[str]]:
    """Prints one principal's replay; the exit code and the gaps of its account's log."""
    from pipeline.access.ground import survey
    from pipeline.access.replay import read
    from pipeline.access.replay import replay as run
    from pipeline.errors import UsageError

    proposal = read(policy)
    arn = principal or proposal.principal_arn
    if arn is None:
        raise UsageError("--principal", "is missing, and the file names no principal_arn", "give the ARN")
    ground = survey(engine, start, end)
    current.say(ground.rests_on)
    who = _principal(ground, arn)
    found = run(ground, who, proposal.documents, _gone(who, replaced, keep))
    _print(found, output)
    if found.denials or (strict and found.uses and not found.proven):
        return 1, found.gaps
    return 0 if found.tuples else 5, found.gaps


def _what_if(
    engine: Engine, file: str, accounts: list[str] | None, start: datetime, end: datetime, output: str, strict: bool
) -> int:
    """Prints what an SCP would have stopped; the exit code."""
    from pipeline import export
    from pipeline.access.replay import read
    from pipeline.access.replay.whatif import what_if
    from pipeline.access.snapshots import latest
    from pipeline.catalog import Catalog
    from pipeline.errors import NoDataError
    from pipeline.iam.actions import mapper

    export.known(output)
    documents = [document for _, document in read(file, "scp").documents]
    Catalog.load(within="views").install_views(engine)
    try:
        snapshot = latest(engine)
    except NoDataError:
        snapshot = None
    effect = what_if(engine, snapshot, mapper(), documents, accounts, start, end)
    current.say(f"actions: {mapper().catalogue.version}")
    denied = sum(each.result == "denied" for each in effect.stops)
    current.say(f"{effect.events:,} calls of {', '.join(effect.accounts)}")
    current.say(f"{denied:,} denied, {len(effect.stops) - denied:,} conditional (principal, action and region)")
    for note in effect.notes:
        current.say(note)
    current.show(_stops(effect, output), output)
    if denied or (strict and effect.stops):
        return 1
    return 0 if effect.events else 5


def _stops(effect: Effect, output: str) -> pa.Table:
    """One row a principal, action and region; for a table event ids and resources are few."""
    import pyarrow as pa

    texts = pa.list_(pa.string())
    schema = pa.schema(
        [
            *((name, pa.string()) for name in ("account_id", "principal_arn", "action", "region", "result", "by")),
            ("keys", texts),
            ("count", pa.int64()),
            ("weak", pa.int64()),
            ("first_seen", pa.string()),
            ("last_seen", pa.string()),
            ("resources", texts),
            ("event_ids", texts),
        ]
    )
    rows = pa.Table.from_pylist([each.as_json() for each in effect.stops], schema)
    if output != "table":
        return rows
    return rows.select(
        ["result", "principal_arn", "action", "region", "count", "first_seen", "last_seen", "by", "keys"]
    )


def _check(since: str | None, lookback: str | None, replaced: list[str], keep: list[str]) -> None:
    from pipeline.errors import UsageError

    if since and lookback:
        raise UsageError("--lookback", "goes with --to, not with --from", "leave one of them out")
    if replaced and keep:
        raise UsageError("--keep", "does not go with --replace", "name what stays, or what goes")


def _principal(ground: Ground, arn: str) -> Principal:
    from pipeline.errors import UsageError

    for each in ground.library.principals():
        if each.arn == arn:
            return each
    raise UsageError(arn, "the newest IAM snapshot has no such user or role", "check trailsift iam import")


def _gone(who: Principal, replaced: set[str], keep: set[str]) -> set[str] | None:
    """Policies that the proposal stands for, None for all."""
    from pipeline.access.replay.judge import kept

    if not keep:
        return replaced or None
    stay = kept(who, keep)  # raises for a name that is none; those named are what stays
    return {each.by for each in stay}


def _print(found: Replay, output: str) -> None:
    if output == "json":
        print(json.dumps(found.as_json()))
    told = found.as_json()
    counted = ", ".join(f"{told[each]:,} {each}" for each in _RESULTS)
    current.say(f"{found.events:,} calls, {found.tuples:,} distinct uses: {counted}")
    if output == "table":
        _table(found)
    for line in found.not_covered:
        current.say(f"not covered: {line}")
    if not found.tuples:
        current.say("nothing was replayed, so nothing is proven")


_RESULTS = ("allowed", "denied", "conditional", "unmapped", "not_by_policy")


def _table(found: Replay) -> None:
    """One row a use that is not plainly allowed, the worst first."""
    import pyarrow as pa

    rows = [
        {
            "result": each.verdict.result,
            "action": each.action,
            "resource": each.resource,
            "count": each.count,
            "why": each.verdict.by or ", ".join(each.verdict.keys),
            "event_ids": ", ".join(each.event_ids[:_SHOWN]) + (" …" if len(each.event_ids) > _SHOWN else ""),
        }
        for result in ("denied", "conditional", "not_by_policy")
        for each in found.of(result)
    ]
    rows += [
        {
            "result": "unmapped",
            "action": f"{each.event_source} {each.event_name}",
            "resource": "",
            "count": each.count,
            "why": "maps to no catalogued action",
            "event_ids": ", ".join(each.event_ids),
        }
        for each in found.unmapped
    ]
    if not rows:
        print("every use in the window is allowed" if found.uses else "no use in the window")
        return
    columns = ("result", "action", "resource", "count", "why", "event_ids")
    schema = pa.schema([(name, pa.int64() if name == "count" else pa.string()) for name in columns])
    current.show(pa.Table.from_pylist(rows, schema), "table")
