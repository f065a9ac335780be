"""`trailsift iam who-can`, `iam can` and `iam changes`: what a snapshot allows whom, and what differs from another."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from pipeline.cli.context import current

if TYPE_CHECKING:
    import pyarrow as pa

    from pipeline.access.reach import Answer
    from pipeline.access.world import World

_CATALOG = typer.Option(
    None, "--catalog", help="Newer actions: AWS's service reference or iam-data's files.", metavar="DIR"
)
_OUTPUT = typer.Option("table", "-o", "--output", help="table, csv, json, ndjson or parquet.")
_AT = typer.Option(None, "--at", help="The newest snapshot of this time or before.", metavar="TIME")


def who_can(
    action: str = typer.Argument(..., help="SERVICE:ACTION, such as s3:GetObject."),
    resource: str = typer.Argument(None, help="ARN of the resource; without one, any that policies name."),
    account: str = typer.Option(None, "--resource-account", help="Who owns it, where its ARN does not say."),
    policy: str = typer.Option(None, "--resource-policy", help="The resource's own policy.", metavar="FILE"),
    context: list[str] = typer.Option([], "--context", "-c", help="A key of the request that is known.", metavar="K=V"),
    direct: bool = typer.Option(False, "--direct", help="Without those who assume a role for it."),
    at: str = _AT,
    catalog: str = _CATALOG,
    output: str = _OUTPUT,
) -> None:
    """One row a principal that can: allowed, or conditional on keys of the request, and the roles it assumes for it."""
    from pipeline import export
    from pipeline.access.reach import who_can as ask
    from pipeline.errors import UsageError

    export.known(output)
    if resource is not None and resource != "*" and (not resource.startswith("arn:") or resource.count(":") < 5):
        raise UsageError(resource, "is no ARN", "name the resource by its ARN, or leave it out")
    document = _document(policy) if policy else None
    world = _world(at, catalog, _given(context))
    answer = ask(world, action, resource, account, document, direct)
    for note in answer.notes:
        current.say(note)
    sure = sum(each.decision == "allowed" for each in answer.rows)
    current.say(f"{sure:,} allowed, {len(answer.rows) - sure:,} conditional")
    rows = _rows(answer)
    current.show(_shown(rows, resource) if output == "table" else rows, output)


def can(
    principal: str = typer.Argument(None, help="ARN or name of a user, role or root user."),
    every: bool = typer.Option(False, "--all", help="A summary of every user and role instead."),
    direct: bool = typer.Option(False, "--direct", help="Without the roles it may assume."),
    at: str = _AT,
    catalog: str = _CATALOG,
    output: str = _OUTPUT,
) -> None:
    """One row an action × scope: allowed, or conditional, through which roles, by which policies, limited by what."""
    from pipeline import export
    from pipeline.access import can as report
    from pipeline.errors import UsageError

    export.known(output)
    if every == bool(principal):
        raise UsageError("iam can", "needs a principal, or --all", "name one")
    world = _world(at, catalog, {})
    if every:
        current.show(report.summary(world), output)
        return
    found = report.can(world, report.find(world, principal), direct)
    for note in found.notes:
        current.say(note)
    current.say(f"{found.rows.num_rows:,} permissions, {len(found.roles):,} roles it may become")
    rows = report.shown(found.rows) if output == "table" else found.rows
    current.show(rows, output)


def changes(
    since: str = typer.Option(None, "--from", help="The earlier state.", metavar="TIME", show_default="the one before"),
    until: str = typer.Option(None, "--to", help="The later state.", metavar="TIME", show_default="the newest"),
    catalog: str = _CATALOG,
    output: str = _OUTPUT,
) -> None:
    """One row a thing added, removed or changed, with the actions that users and roles gained and lost by it."""
    from datetime import UTC, datetime

    from pipeline import export
    from pipeline.access import changes as report
    from pipeline.engines.duckdb import connect
    from pipeline.iam.catalogue import load
    from pipeline.times import iso, parse_time

    export.known(output)
    now = datetime.now(UTC)
    start = parse_time(since, now, "--from") if since else None
    end = parse_time(until, now, "--to") if until else None
    with connect(current.lake()) as engine:
        catalogue = load(Path(catalog) if catalog else None)
        found = report.changes(engine, catalogue, start, end)
    current.say(f"actions: {catalogue.version}")
    current.say(f"{found.rows.num_rows:,} changes from {iso(found.before)} to {iso(found.after)}")
    for note in found.notes:
        current.say(note)
    rows = report.shown(found.rows) if output == "table" else found.rows
    current.show(rows, output)


def _world(at: str | None, catalog: str | None, given: dict[str, str]) -> World:
    """The newest snapshot's principals, and on standard error of when it is and what it knows."""
    from datetime import UTC, datetime

    from pipeline.access.snapshots import latest
    from pipeline.access.world import World
    from pipeline.engines.duckdb import connect
    from pipeline.iam.catalogue import load
    from pipeline.times import iso, parse_time

    moment = parse_time(at, datetime.now(UTC), "--at") if at else None
    with connect(current.lake()) as engine:
        snapshot = latest(engine, moment)
    catalogue = load(Path(catalog) if catalog else None)
    current.say(f"snapshot of {iso(snapshot.taken_at)}; actions: {catalogue.version}")
    return World(snapshot, catalogue, given)


def _given(context: list[str]) -> dict[str, Any]:
    """Keys and values of `-c KEY=VALUE`; one key given several times has several values."""
    from pipeline.errors import UsageError

    found: dict[str, Any] = {}
    for each in context:
        key, equals, value = each.partition("=")
        if not equals or not key:
            raise UsageError("-c", f"{each!r} is no key with a value", "write -c aws:SourceIp=192.0.2.1")
        found[key] = [*found[key], value] if key in found else [value]
    return {key: values[0] if len(values) == 1 else values for key, values in found.items()}


def _document(path: str) -> Any:
    from pipeline.errors import UsageError
    from pipeline.iam.policy import decode

    try:
        return decode(Path(path).read_text("utf-8"), path)
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(path, f"cannot be read ({error})", "name a file that holds the policy") from None


def _rows(answer: Answer) -> pa.Table:
    import pyarrow as pa

    names = ("principal_arn", "kind", "decision", "conditions", "through", "resource_scope", "granted_by", "limits")
    made = [
        {name: getattr(each, name) for name in names}
        | {"conditions": list(each.conditions), "through": list(each.through)}
        | {"granted_by": "; ".join(each.granted_by), "limits": "; ".join(each.limits)}
        for each in answer.rows
    ]
    kinds = dict.fromkeys(("conditions", "through"), pa.list_(pa.string()))
    return pa.Table.from_pylist(made, pa.schema([(name, kinds.get(name, pa.string())) for name in names]))


def _shown(rows: pa.Table, resource: str | None) -> pa.Table:
    """The rows for eyes: roles by their names, and no column that says nothing or the same throughout."""
    import pyarrow as pa

    through = [" > ".join(arn.rpartition("/")[2] for arn in each) for each in rows["through"].to_pylist()]
    rows = rows.set_column(rows.column_names.index("through"), "through", pa.array(through, pa.string()))
    told = ["decision", "kind", "principal_arn", "through", "conditions", *([] if resource else ["resource_scope"])]
    told += ["granted_by", "limits"]
    return rows.select([name for name in told if name == "principal_arn" or any(rows[name].to_pylist())])
