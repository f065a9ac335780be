"""Where networks are: country and operator from databases in MaxMind's format, names and trust from the settings.

Nothing is asked of the internet. The library `maxminddb` is needed only where a database is configured.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
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
        place, operator = _look(countries, network), _look(operators, network)
        row["country"] = _text((place.get("country") or place.get("registered_country") or {}).get("iso_code"))
        row["organization"] = _text(operator.get("autonomous_system_organization"))
        rows.append(row)
    return pa.Table.from_pylist(rows, schema=SCHEMA)


def _open(path: str, setting: str) -> Any:
    if not path:
        return None
    try:
        import maxminddb
    except ImportError:
        raise UsageError(setting, "needs the library maxminddb", "pip install 'trailsift[geo]'") from None
    try:
        return maxminddb.open_database(path)
    except (OSError, ValueError, maxminddb.InvalidDatabaseError) as error:
        raise UsageError(
            f"{setting}: {path}", f"cannot be read ({error})", "name a database in MaxMind's format"
        ) from None


def _look(database: Any, network: str) -> dict[str, Any]:
    """What the database says of the network's first address; nothing where it does not know it."""
    if database is None:
        return {}
    try:
        found = database.get(str(ipaddress.ip_network(network).network_address))
    except ValueError:  # an IPv6 address in a database of IPv4
        return {}
    return found if isinstance(found, dict) else {}


def _text(value: Any) -> str | None:
    return value[:100] if isinstance(value, str) and value else None
