"""`trailsift sinks …`: where findings go, whether they arrive there, and sending them."""

from __future__ import annotations

import typer

from pipeline.cli.context import current

OUTPUT = typer.Option("table", "-o", "--output", help="table, csv, json, ndjson or parquet.")


def register(app: typer.Typer) -> None:
    """Adds the verbs."""
    verbs = typer.Typer(help="Where findings go: the tables [[sinks]] of trailsift.toml.", no_args_is_help=True)
    verbs.command("list", help="The configured sinks, without their secrets.")(listing)
    verbs.command("test", help="Send a sink a finding that is none, to see it arrive.")(test)
    verbs.command("send", help="Send every sink what is news to it.")(send)
    app.add_typer(verbs, name="sinks")


def listing(output: str = OUTPUT) -> None:
    """Prints name, kind, place, least severity and, where it cannot be used, the problem of each sink."""

    import pyarrow as pa

    from pipeline import export
    from pipeline.detect.sinks import described

    export.known(output)
    columns = pa.schema([(name, pa.string()) for name in ("name", "kind", "place", "least", "problem")])
    rows = pa.Table.from_pylist(described(current.settings), schema=columns)
    current.show(rows, output)


def test(name: str = typer.Argument(help="The sink's name.", metavar="NAME")) -> None:
    """Sends it; nothing is stored, and no finding of the lake goes out."""
    from pipeline.detect.sinks import try_out
    from pipeline.errors import UsageError

    named = {each.name: each for each in current.settings.sinks}
    if name not in named:
        remedy = f"there are {', '.join(named)}" if named else "write a table [[sinks]] in trailsift.toml"
        raise UsageError(name, "no sink has this name", remedy)
    current.say(f"sent to {try_out(named[name])}")


def send(output: str = OUTPUT) -> None:
    """Sends stored findings that are new to a sink, that grew, or that are open again; prints how many by sink.

    What a sink does not take is told on stderr and tried again by the next run; the exit code is 1 then.
    """
    from dataclasses import asdict

    import pyarrow as pa

    from pipeline import export
    from pipeline.detect.sinks import deliver_current
    from pipeline.errors import UsageError

    export.known(output)
    if not current.settings.sinks:
        raise UsageError("sinks", "there are none", "write a table [[sinks]] in trailsift.toml")
    told = deliver_current(current.lake(), current.settings, current.say)
    counts = [(name, pa.int64()) for name in ("sent", "failed", "later")]
    columns = pa.schema([("sink", pa.string()), *counts, ("problem", pa.string())])
    rows = pa.Table.from_pylist([asdict(each) for each in told], schema=columns)
    current.show(rows, output)
    if any(each.problem for each in told):
        raise typer.Exit(1)
