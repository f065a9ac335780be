"""Settings with their origin: flag > TRAILSIFT_* > trailsift.toml > default.

`trailsift.toml` is looked for in the working directory and the folders above it. Every setting remembers
where its value came from, so that `trailsift doctor` can say so and an error can name the place to mend.
"""

from __future__ import annotations

import os
import tomllib
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from pipeline.errors import UsageError

FILE = "trailsift.toml"


@dataclass(frozen=True)
class Settings:
    """One value a field; `origin[name]` says where it came from. Sizes are bytes."""

    lake: str = "lake"
    jobs: int = field(default_factory=lambda: os.cpu_count() or 1)
    max_object_bytes: int = 1 << 30
    batch_rows: int = 250_000
    grace_hours: int = 6
    catalog_type: str = ""
    catalog_uri: str = ""
    catalog_region: str = ""
    catalog_endpoint: str = ""
    origin: dict[str, str] = field(default_factory=dict, compare=False, repr=False)


def load(flags: dict[str, Any] | None = None, start: Path | None = None) -> Settings:
    """The settings in force; raises UsageError for a file, variable or value that cannot be understood."""
    given = {name: value for name, value in (flags or {}).items() if value is not None}
    values: dict[str, Any] = {}
    origin: dict[str, str] = {}
    path = Path(str(given.pop("config", "") or "")) if given.get("config") else _find(start or Path.cwd())
    from_file = _flat(_read(path)) if path else {}
    for each in fields(Settings):
        if each.name == "origin":
            continue
        variable = f"TRAILSIFT_{each.name.upper()}"
        if each.name in given:
            values[each.name], origin[each.name] = given[each.name], f"--{each.name.replace('_', '-')}"
        elif os.environ.get(variable):
            values[each.name], origin[each.name] = os.environ[variable], variable
        elif each.name in from_file:
            values[each.name], origin[each.name] = from_file[each.name], str(path)
        else:
            origin[each.name] = "default"
            continue
        if each.type == "int":
            values[each.name] = _whole(values[each.name], origin[each.name])
        elif not isinstance(values[each.name], str) or not values[each.name]:
            raise UsageError(origin[each.name], f"{each.name} is not a text", f'write {each.name} = "…"')
    return Settings(**values, origin=origin)


def _find(folder: Path) -> Path | None:
    for each in (folder, *folder.resolve().parents):
        if (each / FILE).is_file():
            return each / FILE
    return None


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise UsageError(path, "no such file", "name an existing trailsift.toml") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(path, f"cannot be read ({error})", "mend the file") from None


def _flat(values: dict[str, Any]) -> dict[str, Any]:
    """`type = …` under `[catalog]` is the setting `catalog_type`."""
    flat = {name: value for name, value in values.items() if not isinstance(value, dict)}
    for section, inner in values.items():
        if isinstance(inner, dict):
            flat |= {f"{section}_{name}": value for name, value in inner.items()}
    return flat


def _whole(value: object, place: str) -> int:
    try:
        number = int(str(value))
    except ValueError:
        number = 0
    if isinstance(value, bool) or number < 1:
        raise UsageError(place, f"{value!r} is no whole number above 0", "write one")
    return number
