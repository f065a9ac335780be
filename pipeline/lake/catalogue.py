"""Which Iceberg catalogue keeps a lake's tables: SQLite in the lake's folder, AWS Glue, or a REST service."""

from __future__ import annotations

from typing import Any

from pipeline.config import Settings
from pipeline.errors import UsageError
from pipeline.lake.storage import Storage, credentials

KINDS = ("sqlite", "glue", "rest")


def open_catalogue(storage: Storage, settings: Settings) -> Any:
    """The pyiceberg catalogue; raises UsageError where the settings name none that fits the place."""
    kind = settings.catalog_type or ("" if storage.remote else "sqlite")
    place = settings.origin.get("catalog_type", "settings")
    if kind not in KINDS:
        problem = f"{kind!r} is no catalogue" if kind else f"a lake at {storage.root} needs a catalogue"
        raise UsageError(place, problem, 'set type = "glue" or "rest" under [catalog], or TRAILSIFT_CATALOG_TYPE')
    if kind == "sqlite" and storage.remote:
        raise UsageError(place, "a SQLite catalogue cannot lie in a bucket", 'set type = "glue" or "rest"')
    if kind == "sqlite":
        return _sqlite(storage)
    common = {"warehouse": storage.uri(storage.root), **(_s3(storage) if storage.remote else {})}
    return _glue(settings, common) if kind == "glue" else _rest(settings, common)


def _sqlite(storage: Storage) -> Any:
    from pipeline.lake.catalogue_sqlite import SqliteCatalogue

    return SqliteCatalogue(
        "trailsift", uri=f"sqlite:///{storage.root}/catalog.db?timeout=60", warehouse=storage.uri(storage.root)
    )


def _glue(settings: Settings, common: dict[str, str]) -> Any:
    from pyiceberg.catalog.glue import GlueCatalog

    names = {"glue.region": settings.catalog_region, "glue.endpoint": settings.catalog_endpoint}
    found = credentials()
    names |= {
        "glue.access-key-id": found.get("access_key", ""),
        "glue.secret-access-key": found.get("secret_key", ""),
        "glue.session-token": found.get("session_token", ""),
    }
    return GlueCatalog("trailsift", **common, **{name: value for name, value in names.items() if value})


def _rest(settings: Settings, common: dict[str, str]) -> Any:
    from pyiceberg.catalog.rest import RestCatalog

    if not settings.catalog_uri:
        problem = "a REST catalogue has an address"
        raise UsageError("settings", problem, 'set uri = "https://…" under [catalog], or TRAILSIFT_CATALOG_URI')
    names = {"rest.signing-region": settings.catalog_region} if settings.catalog_region else {}
    return RestCatalog("trailsift", uri=settings.catalog_uri, **common, **names)


def _s3(storage: Storage) -> dict[str, str]:
    found = credentials()
    names = {
        "s3.region": storage.region,
        "s3.endpoint": storage.endpoint,
        "s3.access-key-id": found.get("access_key", ""),
        "s3.secret-access-key": found.get("secret_key", ""),
        "s3.session-token": found.get("session_token", ""),
    }
    return {name: value for name, value in names.items() if value}
