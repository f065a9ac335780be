"""`trailsift iam escalation [ARN]`: who can come by permissions nobody gave them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from pipeline.cli.context import current

if TYPE_CHECKING:
    import pyarrow as pa


def escalation(
    arn: str = typer.Argument(None, help="A user or role; without one, all of the snapshot."),
    since: str = typer.Option(None, "--from", help="Begin of the window.", metavar="TIME"),
    until: str = typer.Option(None, "--to", help="End of the window.", metavar="TIME", show_default="newest event"),
    lookback: str = typer.Option(None, "--lookback", help="Length of the window.", show_default="90d"),
    output: str = typer.Option("table", "-o", "--output", help="table, csv, json, ndjson or parquet."),
) -> None:
    """One row a principal and known way to more permissions: its actions, where they are granted, whether used."""
    from pipeline import export
    from pipeline.access.escalating import ways
    from pipeline.access.ground import survey
    from pipeline.cli.window import tell_ground, window
    from pipeline.engines.duckdb import connect
    from pipeline.errors import UsageError

    export.known(output)
    if since and lookback:
        raise UsageError("--lookback", "goes with --to, not with --from", "leave one of them out")
    with connect(current.lake()) as engine:
        start, end = window(engine, since, until, lookback or current.settings.lookback)
        assert start is not None  # a look-back is given
        ground = survey(engine, start, end)
        # Nobody can change a service-linked role's policies, nor act as one.
        chosen = [each for each in ground.library.principals() if each.arn == (arn or each.arn)]
        chosen = chosen if arn else [each for each in chosen if not each.service_linked]
        if not chosen:
            raise UsageError(arn, "the newest IAM snapshot has no such user or role", "check trailsift iam import")
        rows = ways(ground, chosen)
        lacking = tell_ground(engine, start, end)
    current.say(ground.rests_on)
    current.say(f"{rows.num_rows:,} ways of {len(rows['principal_arn'].unique()):,} principals")
    current.show(_shown(rows) if output == "table" else rows, output)
    if lacking and (since or until):
        raise typer.Exit(5)


def _shown(rows: pa.Table) -> pa.Table:
    """The columns for eyes; many ways of one principal by kind of gain, counted."""
    import pyarrow as pa

    if rows.num_rows <= 50:
        whose = ["principal_arn"] if len(rows["principal_arn"].unique()) > 1 else []
        return rows.select([*whose, "decision", "gain", "how", "scopes", "use", "last_used"])
    plain = rows.select(["principal_arn", "decision", "gain", "use", "how"])
    counted = plain.group_by(["principal_arn", "decision", "gain", "use"], use_threads=False).aggregate(
        [("how", "list")]
    )
    hows = counted["how_list"].to_pylist()
    more = [f"{each[0]}" + (f", and {len(each) - 1} more" if len(each) > 1 else "") for each in hows]
    shown = counted.drop_columns(["how_list"]).append_column("ways", pa.array([len(each) for each in hows], pa.int64()))
    return shown.append_column("how", pa.array(more, pa.string()))
