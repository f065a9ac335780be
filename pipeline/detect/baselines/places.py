"""Where networks are: country and operator from databases in MaxMind's format, names and trust from the settings.

Nothing is asked of the internet. The library `maxminddb` is needed only where a database is configured.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable
from typing import Any

import pyarrow as pa

from pipeline.errors import UsageError
from pipeline.names import Names

SCHEMA = pa.schema(
    [
        ("network", pa.string()),
        ("name", pa.string()),
        ("trusted", pa.bool_()),
        ("country", pa.string()),
        ("organization", pa.string()),
    ]
)


def places(networks: Iterable[str], names: Names, country: str = "", asn: str = "") -> pa.Table:
    """One row a network, as the view `networks` has it; `country` and `asn` are paths of databases, or empty.

    Raises UsageError where a database cannot be read.
    """
    countries, operators = _open(country, "geo_country"), _open(asn, "geo_asn")
    rows = []
    for network in networks:
        name = names.network(network)
        row: dict[str, Any] = {"network": network, "name": name[0] if name else None, "trusted": bool(name and name[1])}
        place, operator = countries(network), operators(network)
        codes = (_member(place, each, "iso_code") for each in ("country", "registered_country"))
        row["country"] = next((code for each in codes if (code := _text(each))), None)
        row["organization"] = _text(operator.get("autonomous_system_organization"))
        rows.append(row)
    return pa.Table.from_pylist(rows, schema=SCHEMA)


def _open(path: str, setting: str) -> Callable[[str], dict[str, Any]]:
    """What a database says of a network's first address; nothing where it does not know it, or where there is none."""
    if not path:
        return lambda _network: {}
    try:
        import maxminddb
    except ImportError:
        raise UsageError(setting, "needs the library maxminddb", "pip install 'trailsift[geo]'") from None

    def fault(error: Exception) -> UsageError:
        why = getattr(error, "strerror", None) or str(error) or type(error).__name__
        problem = f"cannot be read ({' '.join(why.split())})"
        return UsageError(f"{setting}: {path}", problem, "name a database in MaxMind's format")

    def look(network: str) -> dict[str, Any]:
        address = ipaddress.ip_network(network).network_address
        if address.version > version:
            return {}  # a database of IPv4 knows no IPv6
        try:
            found = database.get(str(address))
        except Exception as error:  # whatever a damaged file makes the library raise
            raise fault(error) from None
        return found if isinstance(found, dict) else {}

    try:
        database = maxminddb.open_database(path)
        version = database.metadata().ip_version
    except Exception as error:  # as above; a file cut short fails here or later
        raise fault(error) from None
    return look


def _member(found: dict[str, Any], *names: str) -> Any:
    """What stands under nested names; None where something else stands there."""
    inner: Any = found
    for name in names:
        inner = inner.get(name) if isinstance(inner, dict) else None
    return inner


def _text(value: Any) -> str | None:
    return value[:100] if isinstance(value, str) and value else None
