"""What people call things: names of networks, accounts and principals' owners, from the settings' table `[names]`.

    [names.networks]
    "203.0.113.0/24" = "office"
    "198.51.100.0/24" = { name = "VPN", trusted = true }
    [names.accounts]
    "111122223333" = "production"
    [names.owners]
    "arn:aws:iam::111122223333:role/ci/*" = "platform team"

A trusted network is no news for whoever comes from it. Names are shown beside ids and never instead of them.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from pipeline.errors import UsageError

_Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_TABLES = ("networks", "accounts", "owners")
_NETWORK = re.compile(r"(?<![\w.:])[0-9a-fA-F.:]+/\d{1,3}")


@dataclass(frozen=True)
class Names:
    """Names by network and account id, owners by pattern of principal ARNs (`*`, `?`): the first that fits counts."""

    networks: tuple[tuple[_Network, str, bool], ...] = ()
    accounts: Mapping[str, str] = field(default_factory=dict)
    owners: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, table: object, place: object = "[names]") -> Names:
        """The names of the settings' table; raises UsageError for what cannot be understood."""
        if not isinstance(table, dict) or not all(isinstance(each, dict) for each in table.values()):
            raise UsageError(place, "names is no table of tables", "write [names.networks], [names.accounts] …")
        for each in table:
            if each not in _TABLES:
                raise UsageError(place, f"there is no table names.{each}", f"choose from {', '.join(_TABLES)}")
        networks = [_network(text, value, place) for text, value in table.get("networks", {}).items()]
        networks.sort(key=lambda each: -each[0].prefixlen)
        texts = {name: _texts(table.get(name, {}), f"names.{name}", place) for name in ("accounts", "owners")}
        return cls(tuple(networks), **texts)

    def network(self, text: str) -> tuple[str, bool] | None:
        """Name of the smallest named network that holds this one (or an address) whole, and whether it is trusted."""
        try:
            asked = ipaddress.ip_network(text, strict=False)
        except ValueError:
            return None
        for network, name, trusted in self.networks:
            if network.version == asked.version and asked.subnet_of(network):  # type: ignore[arg-type]
                return name, trusted
        return None

    def account(self, identity: str | None) -> str | None:
        """What the account is called."""
        return self.accounts.get(identity or "")

    def owner(self, principal_arn: str | None) -> str | None:
        """Who answers for the principal."""
        arn = principal_arn or ""
        return next((owner for pattern, owner in self.owners.items() if fnmatchcase(arn, pattern)), None)

    def told(self, text: str) -> str:
        """The text with its name behind each network that has one: `203.0.113.0/24 (office)`."""
        if not self.networks:
            return text
        return _NETWORK.sub(
            lambda found: f"{found[0]} ({name[0]})" if (name := self.network(found[0])) else found[0], text
        )


def _network(text: str, value: Any, place: object) -> tuple[_Network, str, bool]:
    try:
        network = ipaddress.ip_network(text)
    except ValueError as error:
        raise UsageError(place, f"names.networks: {error}", 'write a network such as "203.0.113.0/24"') from None
    given = {"name": value} if isinstance(value, str) else value
    if (
        not isinstance(given, dict)
        or set(given) - {"name", "trusted"}
        or not isinstance(given.get("name"), str)
        or not isinstance(given.get("trusted", False), bool)
    ):
        remedy = f'write "{text}" = "office", or = {{ name = "office", trusted = true }}'
        raise UsageError(place, f"names.networks: {text} has no name", remedy)
    return network, given["name"], given.get("trusted", False)


def _texts(table: dict[str, Any], name: str, place: object) -> dict[str, str]:
    for key, value in table.items():
        if not isinstance(value, str) or not value:
            raise UsageError(place, f"{name}: {key} has no name", f'write "{key}" = "…"')
    return dict(table)
