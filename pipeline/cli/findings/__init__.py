"""`trailsift findings …`: what was found, what became of it, and what people make of it."""

from __future__ import annotations

import typer

from pipeline.cli.findings import looking, marking


def register(app: typer.Typer) -> None:
    """Adds the verbs."""
    group = typer.Typer(help="Stored findings: list, acknowledge, mute, resolve.", invoke_without_command=True)
    group.callback()(looking.listed)
    group.command("show", help="One finding with its events and its history.")(looking.show)
    group.command("history", help="Every change of all findings, or of one.")(looking.history)
    group.command("mutes", help="What is muted, by whom, why and until when.")(looking.mutes)
    group.command("ack", help="Say that somebody looks after findings.")(marking.ack)
    group.command("mute", help="Keep findings out of sight until a day.")(marking.mute)
    group.command("unmute", help="End mutes before their time.")(marking.unmute)
    group.command("resolve", help="Say that findings are dealt with.")(marking.resolve)
    group.command("reopen", help="Take back an acknowledgement or a resolution.")(marking.reopen)
    app.add_typer(group, name="findings")
