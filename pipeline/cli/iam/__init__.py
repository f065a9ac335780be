"""`trailsift iam …`: snapshots in, what IAM's own language means, and what a snapshot allows whom."""

from __future__ import annotations

import typer

from pipeline.cli.iam import collecting, escalation, lines, reach, snapshots


def register(app: typer.Typer) -> None:
    """Adds the verbs below `iam`."""
    group = typer.Typer(no_args_is_help=True, help="IAM snapshots, actions and policies.", rich_markup_mode=None)
    group.command("import", help="Bring IAM documents into the lake as one snapshot.")(snapshots.import_)
    group.command("collect", help="Ask AWS for IAM as it is, into the lake as one snapshot.")(collecting.collect)
    group.command("actions", help="Events to the IAM actions they need; JSON lines in, JSON lines out.")(lines.actions)
    group.command("expand", help="Policies to the actions they grant; JSON lines in, JSON lines out.")(lines.expand)
    group.command("evaluate", help="Requests to AWS's decision on them; JSON lines in, JSON lines out.")(lines.evaluate)
    group.command("who-can", help="Who can do an action, role chains included, by the newest snapshot.")(reach.who_can)
    group.command("can", help="What a principal can do, with the roles it may become.")(reach.can)
    group.command("escalation", help="Who can come by permissions nobody gave them.")(escalation.escalation)
    group.command("changes", help="What changed between two snapshots, and who gained or lost what.")(reach.changes)
    app.add_typer(group, name="iam")
