"""`trailsift list [FOLDER]`: the questions that can be asked. (A module named `list` would hide the builtin.)"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from pipeline.cli.context import current

if TYPE_CHECKING:
    from pipeline.catalog import Query


def register(app: typer.Typer) -> None:
    """Adds the verb."""
    app.command("list", help="The questions that can be asked, by folder.")(list_questions)


def list_questions(
    folder: str = typer.Argument(None, help="Only this folder: views, permissions, anomalies, …"),
    output: str = typer.Option("table", "-o", "--output", help="table, csv, json, ndjson or parquet."),
) -> None:
    """One row a question: its id, what it asks, its severity and the controls it serves."""
    import difflib

    import pyarrow as pa

    from pipeline import export
    from pipeline.catalog import Catalog
    from pipeline.errors import UsageError

    export.known(output)
    found = Catalog.load().queries
    folders = sorted({each.rpartition("/")[0] for each in found})
    if folder is not None:
        folder = folder.strip("/")
        if folder not in folders:
            near = difflib.get_close_matches(folder, folders, 1) or folders
            raise UsageError(folder, "there is no such folder of questions", f"there is {', '.join(near)}")
    chosen = [each for name, each in sorted(found.items()) if folder is None or name.startswith(f"{folder}/")]
    rows = [_row(each) for each in chosen]
    texts = pa.list_(pa.string())
    kinds = {"controls": texts, "mitre": texts, "params": texts, "columns": texts}
    schema = pa.schema([(name, kinds.get(name, pa.string())) for name in rows[0]])
    current.show(pa.Table.from_pylist(rows, schema), output, ["id", "question", "severity", "controls"])


def _row(each: Query) -> dict[str, Any]:
    return {
        "id": each.id,
        "question": each.question or each.title,
        "severity": each.severity,
        "controls": each.controls,
        "kind": each.kind,
        "title": each.title,
        "mitre": each.mitre,
        "params": list(each.params),
        "columns": list(each.columns),
    }
