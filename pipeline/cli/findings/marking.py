"""`trailsift findings ack`, `mute`, `unmute`, `resolve` and `reopen`: each is a change in the history."""

from __future__ import annotations

import typer

from pipeline.cli.context import current

IDS = typer.Argument(..., metavar="ID…", help="Ids of findings, or their beginnings.")
BY = typer.Option(None, "--by", help="Who says so.", metavar="NAME", show_default="you")
REASON = typer.Option(None, "--reason", help="Why.", metavar="TEXT")


def ack(ids: list[str] = IDS, by: str = BY, reason: str = REASON) -> None:
    """Acknowledges findings: somebody looks after them. They stay in the list; --fail-on of detect passes them over."""
    _mark(ids, "acknowledged", by, reason, False)


def resolve(ids: list[str] = IDS, by: str = BY, reason: str = REASON) -> None:
    """Resolves findings: they are dealt with. One that grows all the same opens again. --reason is required."""
    _mark(ids, "resolved", by, reason, True)


def reopen(ids: list[str] = IDS, by: str = BY, reason: str = REASON) -> None:
    """Opens findings again that were acknowledged or resolved."""
    _mark(ids, "reopened", by, reason, False)


def mute(
    ids: list[str] = typer.Argument(None, metavar="[ID…]", help="Ids of findings; or name a scope by patterns."),
    rule: str = typer.Option(None, "--rule", help="Findings of rules of this pattern.", metavar="PATTERN"),
    principal: str = typer.Option(None, "--principal", help="… of principals (ARNs).", metavar="PATTERN"),
    account: str = typer.Option(None, "--account", help="… of accounts.", metavar="PATTERN"),
    owner: str = typer.Option(None, "--owner", help="Who answers for it.", metavar="NAME"),
    until: str = typer.Option(None, "--until", help="Its last day (2026-12-31), a time, or 30d.", metavar="TIME"),
    by: str = BY,
    reason: str = REASON,
) -> None:
    """Mutes findings until a day: these, or whatever fits all patterns (* and ?), found now or later.

    --owner, --reason and --until are required. Muted findings are counted wherever findings are listed, and open again
    by themselves when the mute ends.
    """
    from pipeline.detect.store import now, verbs
    from pipeline.errors import UsageError
    from pipeline.times import iso

    patterns = {"rule": rule, "principal": principal, "account": account}
    if ids and any(patterns.values()):
        raise UsageError("findings mute", "it names findings and patterns", "write one mute for each")
    answers, why = verbs.said(owner, "--owner"), verbs.said(reason, "--reason")
    end, actor = verbs.ends(until, now()), verbs.whoever(by)
    for each in verbs.mute(current.lake(), ids or [], actor, why, answers, end, **patterns):
        current.say(f"{each.mute_id}: {each.scope} muted until {iso(each.until)}")


def unmute(
    names: list[str] = typer.Argument(..., metavar="ID…", help="Ids of mutes, or of the findings they are of."),
    by: str = BY,
    reason: str = REASON,
) -> None:
    """Ends mutes before their time; their findings open again."""
    from pipeline.detect.store import verbs

    why = verbs.said(reason, "--reason") if reason is not None else ""
    for each in verbs.unmute(current.lake(), names, verbs.whoever(by), why):
        current.say(f"{each.mute_id}: {each.scope} not muted any more")


def _mark(ids: list[str], made: str, by: str | None, reason: str | None, needed: bool) -> None:
    from pipeline.detect.store import verbs

    why = verbs.said(reason, "--reason") if needed or reason is not None else ""
    for each in verbs.mark(current.lake(), ids, made, verbs.whoever(by), why):
        current.say(f"{each.id}: {each.status}: {each.finding['title']}")
