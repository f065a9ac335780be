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
class SourceSettings:
    """A place logs come from: a table `[[sources]]` of the file, or a location alone from the command line.

    AWS is reached through boto3's own credential chain, or through `profile`, and from there through `role_arn`.
    `look_back` is in days: days of delivery this young are listed again each run. `accounts` and `regions` narrow
    what is taken. `max_receives` is how often a queue may hand out a message before it is put aside.
    """

    location: str
    name: str = ""
    profile: str = ""
    role_arn: str = ""
    external_id: str = ""
    endpoint_url: str = ""
    region: str = ""
    request_payer: bool = False
    look_back: int = 3
    max_receives: int = 5
    accounts: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()


@dataclass(frozen=True)
class Settings:
    """One value a field; `origin[name]` says where it came from. Sizes are bytes, `batch_seconds` seconds.

    `expected_regions` are those every account should deliver from, besides those it has delivered from already.
    `placeholders` are the values that Sigma rules name by `%name%`: the table `[placeholders]` of the file.
    """

    lake: str = "lake"
    jobs: int = field(default_factory=lambda: os.cpu_count() or 1)
    max_object_bytes: int = 1 << 30
    batch_rows: int = 250_000
    batch_objects: int = 2_000
    batch_seconds: int = 60
    expected_regions: tuple[str, ...] = ()
    grace_hours: int = 6
    catalog_type: str = ""
    catalog_uri: str = ""
    catalog_region: str = ""
    catalog_endpoint: str = ""
    sources: tuple[SourceSettings, ...] = ()
    placeholders: dict[str, tuple[str, ...]] = field(default_factory=dict, hash=False)
    origin: dict[str, str] = field(default_factory=dict, compare=False, repr=False)


def load(flags: dict[str, Any] | None = None, start: Path | None = None) -> Settings:
    """The settings in force; raises UsageError for a file, variable or value that cannot be understood."""
    given = {name: value for name, value in (flags or {}).items() if value is not None}
    values: dict[str, Any] = {}
    origin: dict[str, str] = {}
    path = Path(str(given.pop("config", "") or "")) if given.get("config") else _find(start or Path.cwd())
    from_file = _flat(_read(path)) if path else {}
    for each in fields(Settings):
        if each.name in ("origin", "sources", "placeholders"):
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
        values[each.name] = _value(values[each.name], str(each.type), each.name, origin[each.name])
    if path:
        values["sources"] = _sources(from_file.get("sources", []), path)
        values["placeholders"] = _placeholders(from_file.get("placeholders", {}), path)
    return Settings(**values, origin=origin)


def _sources(tables: Any, path: Path) -> tuple[SourceSettings, ...]:
    if not isinstance(tables, list) or not all(isinstance(each, dict) for each in tables):
        raise UsageError(path, "sources is no list of tables", "write [[sources]] with name and location")
    kinds = {each.name: str(each.type) for each in fields(SourceSettings)}
    found: list[SourceSettings] = []
    for number, table in enumerate(tables, 1):
        place = f"{path}: sources {number}"
        for name in table:
            if name not in kinds:
                raise UsageError(place, f"there is no setting {name!r}", f"choose from {', '.join(kinds)}")
        for name in ("name", "location"):
            if not table.get(name):
                raise UsageError(place, f"it has no {name}", f'write {name} = "…"')
        if table["name"] in {each.name for each in found}:
            raise UsageError(place, f"the name {table['name']!r} is used twice", "give each source its own")
        found.append(SourceSettings(**{name: _value(value, kinds[name], name, place) for name, value in table.items()}))
    return tuple(found)


def _placeholders(table: Any, path: Path) -> dict[str, tuple[str, ...]]:
    if not isinstance(table, dict):
        raise UsageError(path, "placeholders is no table", 'write [placeholders] and below it name = ["…"]')
    return {name: _value(value, "tuple", name, f"{path}: placeholders") for name, value in table.items()}


def _value(value: Any, kind: str, name: str, place: str) -> Any:
    """The value as its field has it, or a UsageError that names the place to mend."""
    if kind == "int":
        return _whole(value, place)
    if kind == "bool":
        if not isinstance(value, bool):
            raise UsageError(place, f"{name} is neither true nor false", f"write {name} = true")
        return value
    if kind.startswith("tuple"):
        if isinstance(value, str) and place.startswith("TRAILSIFT_"):
            return tuple(each.strip() for each in value.split(",") if each.strip())
        if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
            raise UsageError(place, f"{name} is no list of texts", f'write {name} = ["…"]')
        return tuple(value)
    if not isinstance(value, str) or not value:
        raise UsageError(place, f"{name} is not a text", f'write {name} = "…"')
    return value


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
    whole = ("sources", "placeholders")
    flat = {name: value for name, value in values.items() if not isinstance(value, dict) or name in whole}
    for section, inner in values.items():
        if isinstance(inner, dict) and section not in whole:
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
