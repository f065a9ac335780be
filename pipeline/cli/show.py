"""`trailsift show ID`: a question as its file has it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from pipeline.catalog import Query


def register(app: typer.Typer) -> None:
    """Adds the verb."""
    app.command("show", help="A question: what it asks, its parameters and columns, its SQL.")(show)


def show(
    identity: str = typer.Argument(..., help="Id of a question; see trailsift list.", metavar="ID"),
    output: str = typer.Option("table", "-o", "--output", help="table (text) or json."),
) -> None:
    """Needs no lake."""
    import json

    from pipeline.catalog import Catalog
    from pipeline.engines.duckdb import over
    from pipeline.errors import UsageError

    if output not in ("table", "json"):
        raise UsageError("-o", f"{output!r} is no format of show", "write table or json")
    catalog = Catalog.around(identity)
    found = catalog.get(identity)
    with over({}) as engine:
        catalog.install_views(engine)
        kinds = engine.columns(found.sql, {name: each.example for name, each in found.params.items()}, found.path)
    facts = _facts(found, kinds)
    print(json.dumps(facts, indent=2, ensure_ascii=False) if output == "json" else _text(facts))


def _facts(found: Query, kinds: dict[str, str]) -> dict[str, Any]:
    return {
        "id": found.id,
        "kind": found.kind,
        "title": found.title,
        "question": found.question,
        "severity": found.severity,
        "controls": found.controls,
        "mitre": found.mitre,
        "action": found.action,
        "path": found.path,
        "params": [
            {
                "name": each.name,
                "type": each.type,
                "default": each.default,
                "optional": each.optional,
                "help": each.help,
            }
            for each in found.params.values()
        ],
        "columns": [
            {"name": name, "type": kind, "meaning": found.columns.get(name, "")} for name, kind in kinds.items()
        ],
        "sql": found.body,
    }


def _text(facts: dict[str, Any]) -> str:
    lines = [f"{facts['id']}: {facts['title']}", facts["question"], ""]
    for name in ("severity", "controls", "mitre", "action", "path"):
        if value := facts[name]:
            lines.append(f"{name:<9} {', '.join(value) if isinstance(value, list) else value}")
    lines += ["", "parameters"] if facts["params"] else []
    for each in facts["params"]:
        default = each["default"] if each["default"] is not None else "optional" if each["optional"] else "required"
        lines.append(f"  {each['name']:<18} {each['type']:<10} {default:<12} {each['help']}".rstrip())
    lines += ["", "columns"]
    for each in facts["columns"]:
        kind = each["type"] if len(each["type"]) <= 26 else each["type"].partition("(")[0] + "(…)"
        lines.append(f"  {each['name']:<18} {kind:<26} {each['meaning']}".rstrip())
    return "\n".join([*lines, "", facts["sql"].rstrip()])
