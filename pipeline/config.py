"""Settings with their origin: flag > TRAILSIFT_* > trailsift.toml > default.

`trailsift.toml` is looked for in the working directory and the folders above it. Every setting remembers
where its value came from, so that `trailsift doctor` can say so and an error can name the place to mend.
"""

from __future__ import annotations

import difflib
import os
import tomllib
from collections.abc import Iterator
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from typing import Any, Protocol, TypeVar

from pipeline.errors import UsageError

FILE = "trailsift.toml"
# Settings that are lists of tables, which only the file can have.
_TABLES = ("sources", "exclusions", "sinks")
# Tables whose keys are the user's own words.
_OWN = ("placeholders", "names")
T = TypeVar("T")
N = TypeVar("N", bound="_Named")


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
class ExclusionSettings:
    """Permissions that are kept whatever the log says: a table `[[exclusions]]` of the file.

    `principal` (ARN), `path`, `tag` (KEY=VALUE), `action` and `sid` (of the granting statement) are patterns with `*`
    and `?`; all that are given must fit. `owner` answers for it, `reason` says why, `until` (a day) when it ends.
    """

    owner: str
    reason: str
    until: str = ""
    principal: str = ""
    path: str = ""
    tag: str = ""
    action: str = ""
    sid: str = ""


@dataclass(frozen=True)
class SinkSettings:
    """A place findings go to: a table `[[sinks]]` of the file.

    `kind` is the sink's (webhook, sns, file) and says which of `url`, `topic` (an ARN) and `path` (from the working
    directory) it needs; a url is a secret and never shown whole. `shape` is a webhook's: slack or json. Findings at
    least as grave as `least` go there; `rules` and `accounts` narrow that by patterns with `*` and `?`, one of which
    must fit. One that grew goes again, at most once in `repeat` (30m, 1h, 1d). AWS is reached as sources are.
    """

    kind: str
    name: str
    url: str = field(default="", repr=False)
    topic: str = ""
    path: str = ""
    shape: str = "slack"
    least: str = "low"
    rules: tuple[str, ...] = ()
    accounts: tuple[str, ...] = ()
    repeat: str = "1h"
    profile: str = ""
    role_arn: str = ""
    external_id: str = ""
    endpoint_url: str = ""
    region: str = ""


class _Named(Protocol):
    """What a table with a name of its own becomes."""

    @property
    def name(self) -> str: ...


@dataclass(frozen=True)
class Settings:
    """One value a field; `origin[name]` says where it came from. Sizes are bytes, `batch_seconds` seconds.

    `expected_regions` are those every account should deliver from, besides those it has delivered from already.
    `lookback` is how far before the newest event permissions are judged, where no window is asked for.
    A permission is too new to be called unused within `permission_grace_days` of its grant; 0 is the whole window.
    `placeholders` are the values that Sigma rules name by `%name%`: the table `[placeholders]` of the file. One's
    own accounts, `own_accounts`, are worked out unless it lists them (`pipeline.detect.own`).
    `names` is the table `[names]`, which `pipeline.names` reads. `anomalies_threshold` are the points from which
    unusual behaviour is told, `anomalies_budget` the findings a principal may have in a week before they are folded;
    `geo_country` and `geo_asn` are databases in MaxMind's format, none where empty.
    """

    lake: str = "lake"
    jobs: int = field(default_factory=lambda: os.cpu_count() or 1)
    max_object_bytes: int = 1 << 30
    batch_rows: int = 250_000
    batch_objects: int = 2_000
    batch_seconds: int = 60
    expected_regions: tuple[str, ...] = ()
    grace_hours: int = 6
    lookback: str = "90d"
    permission_grace_days: int = 0
    catalog_type: str = ""
    catalog_uri: str = ""
    catalog_region: str = ""
    catalog_endpoint: str = ""
    sources: tuple[SourceSettings, ...] = ()
    exclusions: tuple[ExclusionSettings, ...] = ()
    sinks: tuple[SinkSettings, ...] = ()
    anomalies_threshold: int = 75
    anomalies_budget: int = 2
    geo_country: str = ""
    geo_asn: str = ""
    placeholders: dict[str, tuple[str, ...]] = field(default_factory=dict, hash=False)
    names: dict[str, Any] = field(default_factory=dict, hash=False)
    origin: dict[str, str] = field(default_factory=dict, compare=False, repr=False)


def load(flags: dict[str, Any] | None = None, start: Path | None = None) -> Settings:
    """The settings in force; raises UsageError for a file, variable or value that cannot be understood."""
    given = {name: value for name, value in (flags or {}).items() if value is not None}
    values: dict[str, Any] = {}
    origin: dict[str, str] = {}
    named = given.pop("config", "") or os.environ.get("TRAILSIFT_CONFIG")
    path = Path(str(named)) if named else _find(start or Path.cwd())
    from_file = _known(_flat(_read(path)), path) if path else {}
    for each in fields(Settings):
        if each.name in ("origin", *_TABLES, *_OWN):
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
        values["sources"] = _named(SourceSettings, from_file.get("sources", []), "sources", path)
        values["sinks"] = _named(SinkSettings, from_file.get("sinks", []), "sinks", path)
        values["exclusions"] = tuple(_tables(ExclusionSettings, from_file.get("exclusions", []), "exclusions", path))
        values["placeholders"] = _placeholders(from_file.get("placeholders", {}), path)
        values["names"], origin["names"] = from_file.get("names", {}), str(path)
    return Settings(**values, origin=origin)


def _named(kind: type[N], tables: Any, name: str, path: Path) -> tuple[N, ...]:
    """The tables `[[name]]`, each with a name of its own."""
    found: list[N] = []
    for number, each in enumerate(_tables(kind, tables, name, path), 1):
        place = f"{path}: {name} {number}"
        if not each.name:
            raise UsageError(place, "it has no name", 'write name = "…"')
        if each.name in {other.name for other in found}:
            raise UsageError(place, f"the name {each.name!r} is used twice", f"give each of the {name} its own")
        found.append(each)
    return tuple(found)


def _tables(kind: type[T], tables: Any, name: str, path: Path) -> Iterator[T]:
    """The tables `[[name]]` as objects of a class whose fields without default they must have."""
    if not isinstance(tables, list) or not all(isinstance(each, dict) for each in tables):
        raise UsageError(path, f"{name} is no list of tables", f"write [[{name}]] with its settings")
    known = fields(kind)  # type: ignore[arg-type]
    kinds = {each.name: str(each.type) for each in known}
    needed = [each.name for each in known if each.default is MISSING and each.default_factory is MISSING]
    for number, table in enumerate(tables, 1):
        place = f"{path}: {name} {number}"
        for each in table:
            if each not in kinds:
                raise UsageError(place, f"there is no setting {each!r}", f"choose from {', '.join(kinds)}")
        for each in needed:
            if not table.get(each):
                raise UsageError(place, f"it has no {each}", f'write {each} = "…"')
        yield kind(**{each: _value(value, kinds[each], each, place) for each, value in table.items()})


def _placeholders(table: Any, path: Path) -> dict[str, tuple[str, ...]]:
    if not isinstance(table, dict):
        raise UsageError(path, "placeholders is no table", 'write [placeholders] and below it name = ["…"]')
    return {name: _value(value, "tuple", name, f"{path}: placeholders") for name, value in table.items()}


def _value(value: Any, kind: str, name: str, place: str) -> Any:
    """The value as its field has it, or a UsageError that names the place to mend."""
    if kind == "int":
        return _whole(value, name, place)
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
    whole = (*_TABLES, *_OWN)
    flat = {name: value for name, value in values.items() if not isinstance(value, dict) or name in whole}
    for section, inner in values.items():
        if isinstance(inner, dict) and section not in whole:
            flat |= {f"{section}_{name}": value for name, value in inner.items()}
    return flat


def _known(flat: dict[str, Any], path: Path) -> dict[str, Any]:
    """The same settings; raises UsageError for one that there is not, which nobody would miss until it is needed."""
    names = {each.name for each in fields(Settings)} - {"origin"}
    for name in flat:
        if name not in names:
            near = difflib.get_close_matches(name, names, 1)
            remedy = f"did you mean {near[0]}?" if near else f"choose from {', '.join(sorted(names))}"
            raise UsageError(path, f"there is no setting {name!r}", remedy)
    return flat


def _whole(value: object, name: str, place: str) -> int:
    try:
        number = int(str(value))
    except ValueError:
        number = 0
    if isinstance(value, bool) or number < 1:
        raise UsageError(place, f"{name} is {value!r}, no whole number above 0", "write one")
    return number
