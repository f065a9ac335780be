"""`trailsift doctor`: is everything in place, and where does each setting come from?"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any

import typer

from pipeline.cli.context import current, printable

if TYPE_CHECKING:
    from pipeline.names import Names


class _Purpose(StrEnum):
    collect = "collect"
    ingest = "ingest"


class _Format(StrEnum):
    table = "table"
    json = "json"


def register(app: typer.Typer) -> None:
    app.command("doctor")(_doctor)


def _doctor(
    output: _Format = typer.Option(_Format.table, "--output", "-o", help="How to print it."),
    print_policy: bool = typer.Option(False, "--print-policy", help="Print the IAM policy that is needed, as JSON."),
    purpose: _Purpose = typer.Option(_Purpose.collect, "--for", help="What the printed policy is to allow."),
) -> None:
    """Show settings with their origin, the lake's state, versions and free space."""
    import json

    if print_policy:
        from pipeline.access.collect.permissions import policy

        print(json.dumps(policy(purpose.value), indent=2))
        return
    from pipeline.doctor import examine
    from pipeline.errors import UsageError
    from pipeline.names import Names

    found = examine(current.settings)
    if output is _Format.json:
        print(json.dumps(found, indent=2))
        return
    try:
        names = current.names
    except UsageError:  # told among the problems
        names = Names()
    for line in _lines(found, names):
        print(printable(line))


def _lines(found: dict[str, Any], names: Names) -> list[str]:
    from pipeline.doctor import span

    lake, disk = found["lake"], found["disk"]
    lines = [f"trailsift {found['version']}, Python {found['python']}, {found['platform']}", "", "settings"]
    lines += [f"  {each['name']:<22} {_told(each['value']):<24} from {each['origin']}" for each in found["settings"]]
    if found["sinks"]:
        lines += ["", "sinks"]
        told = ((each, each["place"] or "cannot be used") for each in found["sinks"])
        lines += [f"  {each['name']:<22} {each['kind']:<8} {place}, from {each['least']} up" for each, place in told]
    lines += ["", f"lake {lake['path']}"]
    if lake["exists"]:
        age = f" ({span(lake['age_hours'])} old)" if lake["newest_event"] else ""
        lines += [
            f"  {'version':<22} {lake['version']}",
            f"  {'newest event':<22} {lake['newest_event'] or 'none'}{age}",
        ]
    lines += [
        f"  {each['table']:<22} {each['rows']:>12,} rows {each['files']:>6,} files {_size(each['bytes']):>10}"
        f"  snapshot {each['snapshot'] or 'none'}"
        for each in lake["tables"]
    ]
    if lake["coverage"]:
        lines += ["", "coverage", *(line for each in lake["coverage"] for line in _covered(each, names))]
    lines += [f"  {names.told(each)}" for each in lake["integrity"]]
    lines += ["", f"disk {disk['path']}", f"  {_size(disk['free_bytes'])} free of {_size(disk['total_bytes'])}", ""]
    lines += ["libraries", *(f"  {name:<22} {version or 'missing'}" for name, version in found["libraries"].items())]
    lines += ["", "all is well" if not found["problems"] else "to look at"]
    return lines + [f"  {names.told(each)}" for each in found["problems"]]


def _told(value: Any) -> str:
    """A setting's value in a few words: of tables what they hold, and how much."""
    if isinstance(value, dict):
        value = ", ".join(f"{name} ({len(inner)})" for name, inner in value.items())
    return "–" if value in (None, "") else str(value)


def _covered(row: dict[str, Any], names: Names) -> list[str]:
    """What the lake can vouch for of one account; its name stands below its id."""
    classes = [name for name in ("reads", "writes", "data") if row[name]]
    regions = row["regions"]
    listed = f"{row['listed_objects']:,} objects listed by digests" if row["listed_objects"] else "no digests"
    called = names.account(row["account_id"])
    return [
        f"  {row['account_id']:<22} {row['first_day']} to {row['last_day']}, {len(regions)} regions, "
        f"{' and '.join(classes) or 'nothing'} seen",
        f"  {f'({called})' if called else '':<22} {row['gap_days']:,} days with gaps, "
        f"{row['silent_region_days']:,} silent region-days, {listed}"
        + (f", {row['missing_objects']:,} missing" if row["missing_objects"] else ""),
    ]


def _size(count: float) -> str:
    for unit in ("B", "KiB", "MiB", "GiB"):
        if count < 1024:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.1f} TiB"
