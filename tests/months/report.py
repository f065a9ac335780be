"""The judge's figures as text for a terminal."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any


def line(one: dict[str, Any]) -> str:
    """One seed, shortly."""
    both = one["verdicts"]["both"]
    took = ", ".join(f"{name} {value:.0f} s" for name, value in one["seconds"].items())
    return f"seed {one['seed']}: {one['events']:,} events, {both['benign']} benign alerts, {both['hits']} hits; {took}"


def table(told: list[dict[str, Any]]) -> str:
    """All seeds together."""
    lines = ["seed  events   principals  verb                    benign  a principal  hits  precision  found"]
    for one in told:
        for verb, each in one["verdicts"].items():
            lines.append(_row(one["seed"], f"{one['events']:>8,}", one["principals"], verb, each))
    for verb in told[0]["verdicts"]:
        lines.append(_row("all", "", sum(one["principals"] for one in told), verb, _sum(told, verb)))
    lines += ["", "severities of all findings (informational ones are no alerts)"]
    for verb in ("anomalies", "detect --level low", "both"):
        counted: Counter[str] = Counter()
        for one in told:
            counted.update(one["verdicts"][verb]["severities"])
        lines.append(f"  {verb:24}" + "  ".join(f"{name} {count}" for name, count in counted.most_common()))
    lines += ["", *_incidents(told)]
    if any("causes" in one for one in told):
        lines += ["", *_missed(told), "", *_causes(told)]
    return "\n".join(lines)


def _row(seed: object, events: str, principals: int, verb: str, each: dict[str, Any]) -> str:
    precision = "-" if each["precision"] is None else f"{each['precision']:.2f}"
    found = f"{each['found']}/{each['incidents']}"
    rate = each["benign"] / max(principals, 1)
    return (
        f"{seed!s:5} {events:>8} {principals:>10}  {verb:22} {each['benign']:>7} {rate:>12.3f} {each['hits']:>5} "
        f"{precision:>10} {found:>6}"
    )


def _sum(told: list[dict[str, Any]], verb: str) -> dict[str, Any]:
    rows = [one["verdicts"][verb] for one in told]
    made: dict[str, Any] = {name: sum(row[name] for row in rows) for name in ("benign", "hits", "found", "incidents")}
    alerts = made["benign"] + made["hits"]
    return made | {"precision": made["hits"] / alerts if alerts else None}


def _incidents(told: list[dict[str, Any]]) -> list[str]:
    by_kind: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for one in told:
        for each in one["incidents"]:
            by_kind[each["kind"]].append(each)
    lines = ["incidents by both                found   middle time to the first finding; rules that found them"]
    for kind, rows in sorted(by_kind.items()):
        times = sorted(row["seconds"] for row in rows if row["seconds"] is not None)
        middle = f"{times[len(times) // 2] / 60:.0f} min" if times else "-"
        rules = Counter(rule for row in rows for rule in row["rules"]).most_common(4)
        touched = sum(row["touched"] and row["seconds"] is None for row in rows)
        late = f" ({touched} touched by an older finding)" if touched else ""
        named = ", ".join(rule.rpartition("/")[2] for rule, _ in rules)
        lines.append(f"  {kind:30} {len(times)}/{len(rows)}{late}   {middle}; {named}")
    return lines


def _missed(told: list[dict[str, Any]]) -> list[str]:
    lines = ["not found"]
    for one in told:
        missed = [each for each in one["incidents"] if each["seconds"] is None]
        lines += [f"  seed {one['seed']} {each['kind']}: {each['what']}" for each in missed]
    return lines


def _causes(told: list[dict[str, Any]]) -> list[str]:
    rules: Counter[str] = Counter()
    whys: dict[str, Counter[str]] = defaultdict(Counter)
    worst: Counter[str] = Counter()
    for one in told:
        for rule, why, count in one.get("causes", []):
            rules[rule] += count
            whys[rule][why] += count
        worst.update({f"seed {one['seed']} {arn}": count for arn, count in one.get("worst", [])})
    lines = ["benign alerts by rule, and of whose life they are"]
    for rule, count in rules.most_common():
        named = ", ".join(f"{why} {times}" for why, times in whys[rule].most_common(6))
        lines.append(f"  {count:>5}  {rule}: {named}")
    lines += ["", "worst principals"]
    return lines + [f"  {count:>5}  {name}" for name, count in worst.most_common(10)]
