"""The lake as SQL text: what opens one consistent snapshot of it in anybody's own DuckDB, read-only."""

from __future__ import annotations

from collections.abc import Iterable

from pipeline.engines.duckdb import quoted
from pipeline.engines.snapshot import Plan

_BUCKET = """install httpfs; load httpfs;
install aws; load aws;
create or replace secret trailsift (type s3, provider credential_chain{options});"""


def script(plan: Plan, views: Iterable[tuple[str, str]], place: str, region: str = "", endpoint: str = "") -> str:
    """Statements that make views of the lake's tables in schema `lake`, then `views` (name, SELECT) in that order.

    The views name the snapshot's files, so the text stays right for as long as these lie there: while nothing is
    merged, and then for the grace period.
    """
    lines = [f"-- The lake at {' '.join(place.split())}, snapshot {plan.snapshot_id or 'none'} of events."]
    if place.startswith("s3://"):
        options = f", region {_text(region)}" if region else ""
        options += f", endpoint {_text(endpoint.partition('://')[2] or endpoint)}, url_style 'path'" if endpoint else ""
        options += ", use_ssl false" if endpoint.startswith("http://") else ""
        lines.append(_BUCKET.format(options=options))
    lines += ["set TimeZone = 'UTC';", "create schema if not exists lake;"]
    for name, files in plan.files.items():
        reading = f"union_by_name = {'true' if name in plan.mixed else 'false'}, hive_partitioning = false"
        if rows := plan.rows.get(name):
            reading += f", explicit_cardinality = {rows}"
        lines.append(_view(quoted(name), "*", files, reading))
        if name == "events":
            columns = "* exclude (filename, file_row_number), filename as file, file_row_number as row"
            lines.append(_view("events_by_file", columns, files, f"{reading}, filename = true, file_row_number = true"))
    lines += [f"create or replace view {quoted(name)} as\n{sql.strip().rstrip(';')}\n;" for name, sql in views]
    return "\n".join(lines) + "\n"


def _view(name: str, columns: str, files: Iterable[str], options: str) -> str:
    listed = ",\n  ".join(_text(path) for path in files)
    return f"create or replace view lake.{name} as select {columns} from read_parquet([\n  {listed}],\n  {options});"


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
