"""What the measurement prints: a table of the programs, what else was measured of ours, and the targets."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.table import Table

MARK = {True: "met", False: "MISSED", None: "not measured"}


def show(result: dict[str, Any], console: Console) -> None:
    """Prints the result of `run.py`, the same that it writes as JSON."""
    logs, machine = result["logs"], result["machine"]
    console.print(
        f"{logs['events']:,} events in {logs['objects']:,} objects, {logs['gzip'] / 1e6:,.1f} MB gzip; "
        f"{result['rounds']} rounds on {machine['cores']} cores; load {machine['load_before']:.1f} before, "
        f"{machine['load_after']:.1f} after",
        highlight=False,
    )
    if machine["load_before"] > 0.5:
        console.print("the machine was busy: trust the ratios more than the rates, and those by cpu most")
    console.print(_programs(result))
    for each in result["again"]:
        console.print(
            f"{each['name']}: {each['wall']:.1f} s, {each['cpu']:.1f} cpu s, {each['peak'] / 1e6:,.0f} MB; "
            f"{each['events_new']:,} new, {each['duplicates']:,} duplicates, {each['skipped']:,} objects known",
            highlight=False,
        )
    if result["s3"]:
        console.print(_bucket(result["s3"]), highlight=False)
    for each in result["memory"]:
        days = "one day" if each["one_day"] else "many days"
        peaks = ", ".join(f"{peak / 1e6:,.0f}" for peak in each["peaks"])
        console.print(f"memory, {each['events']:,} events over {days}: {peaks} MB", highlight=False)
    targets = Table(title="Targets")
    for name in ("of", "wanted", "got", ""):
        targets.add_column(name)
    for each in result["targets"]:
        targets.add_row(each["name"], each["wanted"], each["got"], MARK[each["met"]])
    console.print(targets)


def _bucket(told: dict[str, Any]) -> str:
    if told["status"] != "measured":
        return f"from a bucket on loopback: {told['status']}"
    return (
        f"from a bucket on loopback: {told['wall']:.1f} s, {told['cpu']:.1f} cpu s, "
        f"{told['events_per_second']:,.0f} events/s; {told['times_as_fast']:.2f} × as fast as from the folder "
        f"(by cpu {told['times_as_fast_by_cpu']:.2f} ×)"
    )


def _programs(result: dict[str, Any]) -> Table:
    table = Table(title="Whole processes; medians, ratios paired by round")
    table.add_column("")
    table.add_column("program")
    for name in ("wall s", "cpu s", "events/s", "peak MB", "Parquet MB", "ours ×", "by cpu ×"):
        table.add_column(name, justify="right")
    for name, each in result["peers"].items():
        if each["status"] != "measured":
            table.add_row("" if name == "trailsift" else each["letter"], f"{each['title']}: {each['status']}")
            continue
        ratios = [_ratio(each["ours_times_as_fast"]), _ratio(each["ours_times_as_fast_by_cpu"])]
        table.add_row(
            *("" if name == "trailsift" else each["letter"], each["title"]),
            *(f"{each['wall']:.2f}", f"{each['cpu']:.2f}", f"{each['events_per_second']:,.0f}"),
            *(f"{each['peak'] / 1e6:,.0f}", f"{each['parquet'] / 1e6:,.1f}"),
            *(("", "") if name == "trailsift" else ratios),
        )
    return table


def _ratio(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"
