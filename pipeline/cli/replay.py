"""`trailsift replay POLICY.json --principal ARN`: would anything the log shows have been denied?"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import typer

from pipeline.cli.context import current

if TYPE_CHECKING:
    from pipeline.access.granted import Principal
    from pipeline.access.ground import Ground
    from pipeline.access.replay import Replay

_SHOWN = 3  # event ids in a table's row


def register(app: typer.Typer) -> None:
    """Adds the verb."""
    app.command("replay", help="Judge what the log shows by a proposed policy: would anything break?")(replay)


def replay(
    policy: str = typer.Argument(..., help="A policy document, a list of them, or what rightsize writes."),
    principal: str = typer.Option(None, "--principal", help="ARN of the user or role the policy is for."),
    replaced: list[str] = typer.Option([], "--replace", help="Replace this policy, and keep the rest.", metavar="NAME"),
    keep: list[str] = typer.Option([], "--keep", help="Keep this policy, and replace the rest.", metavar="NAME"),
    strict: bool = typer.Option(False, "--strict", help="Exit code 1 for what is conditional or unmapped too."),
    since: str = typer.Option(None, "--from", help="Begin of the window.", metavar="TIME"),
    until: str = typer.Option(None, "--to", help="End of the window.", metavar="TIME", show_default="newest event"),
    lookback: str = typer.Option(None, "--lookback", help="Length of the window.", show_default="90d"),
    output: str = typer.Option("table", "-o", "--output", help="table or json."),
) -> None:
    """Evaluates each distinct use of the window against the proposal, with boundary, SCPs and RCPs in place.

    The proposal stands for all identity policies of the principal, those of its groups too, unless --replace or
    --keep say otherwise. Exit code 1 where a use would be denied, 5 where there is nothing to replay or the log has a
    gap in a window given by --from or --to.
    """
    from pipeline.access.ground import survey
    from pipeline.access.replay import read
    from pipeline.access.replay import replay as run
    from pipeline.cli.window import tell_ground, window
    from pipeline.engines.duckdb import connect
    from pipeline.errors import UsageError

    _check(since, lookback, replaced, keep, output)
    proposal = read(policy)
    arn = principal or proposal.principal_arn
    if arn is None:
        raise UsageError("--principal", "is missing, and the file names no principal_arn", "give the ARN")
    with connect(current.lake()) as engine:
        start, end = window(engine, since, until, lookback or "90d")
        assert start is not None  # a look-back is given
        ground = survey(engine, start, end)
        who = _principal(ground, arn)
        found = run(ground, who, proposal.documents, _gone(who, set(replaced), set(keep)))
        lacking = tell_ground(engine, start, end, found.gaps)
    _print(found, output)
    if found.denials or (strict and not found.proven and found.uses):
        raise typer.Exit(1)
    if not found.tuples or (lacking and (since or until)):
        raise typer.Exit(5)


def _check(since: str | None, lookback: str | None, replaced: list[str], keep: list[str], output: str) -> None:
    from pipeline.errors import UsageError

    if since and lookback:
        raise UsageError("--lookback", "goes with --to, not with --from", "leave one of them out")
    if replaced and keep:
        raise UsageError("--keep", "does not go with --replace", "name what stays, or what goes")
    if output not in ("table", "json"):
        raise UsageError("-o", f"{output!r} is no output format of replay", "write table or json")


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

    from pipeline import export

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
    export.write(pa.Table.from_pylist(rows, schema), "table", sys.stdout, color=current.color)
