"""What people call things: names of networks, accounts and principals' owners, from the settings' table `[names]`.

    [names.networks]
    "203.0.113.0/24" = "office"
    "198.51.100.0/24" = { name = "VPN", trusted = true }
    [names.accounts]
    "111122223333" = "production"
    [names.owners]
    "arn:aws:iam::111122223333:role/ci/*" = "platform team"

A trusted network is no news for whoever comes from it. Names are shown beside ids and never instead of them: behind
each in brackets, `203.0.113.0/24 (office)`. What a table's column is about is told by its name.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from pipeline.errors import UsageError

_Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_TABLES = ("networks", "accounts", "owners")
# What a column is about, by its name in the lake, in the questions and in the verbs' tables; and the columns that say
# such a name themselves.
_COLUMNS = {
    "account": ("account", "account_id", "accounts", "recipientAccountId", "known_account"),
    "network": ("sourceIPAddress", "sourceIPAddresses", "source_addresses", "addresses", "source_network", "network"),
    "principal": ("principal_arn", "principals", "principal", "arn", "user_arn", "role_arn", "holder_arn", "holder"),
    "prose": ("evidence", "detail", "reason", "usual", "unusual", "text", "message"),
}
_ABOUT = {name: kind for kind, names in _COLUMNS.items() for name in names}
_SAID = {"account": {"account_name"}, "network": {"network_name", "name"}, "principal": {"owner"}}
# Ids in a text, each of bounded length and beginning where no other word goes on.
_IDS = re.compile(
    r"(?<![\w.:/@-])(?:"
    r"(?P<account>\d{12})(?!\w|[:/]\w)"
    r"|(?P<principal>arn:[\w-]{1,20}:(?:iam|sts)::\d{12}:[!-~]{1,1024})"
    r"|(?P<network>[0-9a-fA-F.:]{2,45}(?:/\d{1,3})?)(?![.:]?\w))"
)
_ARN_ACCOUNT = re.compile(r"arn:[^:]*:[^:]*:[^:]*:(\d{12}):")


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
        """The text with its name behind each id that has one, once each: `203.0.113.0/24 (office)`.

        An id is an account's twelve digits, an address or network, and the ARN of a principal, whose name is its owner.
        """
        return self._named(text, False)

    def beside(self, column: str, text: str, columns: Collection[str] = ()) -> str:
        """The text of a cell with the names of its ids, where the column of this name is about such ids.

        `columns` are all of the table's: where one of them says these names, they are not told again; where none is an
        account, a principal's name says which account it is in.
        """
        kind = _ABOUT.get(column)
        if kind is None or not _SAID.get(kind, set()).isdisjoint(columns):
            return text
        alone = kind == "principal" and not any(_ABOUT.get(each) == "account" for each in columns)
        return self._named(text, alone)

    def _named(self, text: str, with_account: bool) -> str:
        if self == Names():
            return text
        seen: set[str] = set()

        def named(found: re.Match[str]) -> str:
            mark = found[0].rstrip(".,:;")  # what ends the sentence is no part of the id
            identity = mark if self._called(mark, found.lastgroup, with_account) else found[0]
            name = self._called(identity, found.lastgroup, with_account)
            rest = found[0][len(identity) :]
            if not name or identity in seen or text.startswith(f" ({name})", found.end() - len(rest)):
                return found[0]
            seen.add(identity)
            return f"{identity} ({name}){rest}"

        return _IDS.sub(named, text)

    def _called(self, identity: str, kind: str | None, with_account: bool) -> str | None:
        """The name of an account, a network, or a principal's owner and, if asked for, account."""
        if kind == "account":
            return self.account(identity)
        if kind == "network":
            found = self.network(identity) if "." in identity or ":" in identity else None
            return found[0] if found else None
        arn = _ARN_ACCOUNT.match(identity)
        account = self.account(arn[1]) if arn and with_account else None
        return ", ".join(each for each in (self.owner(identity), f"in {account}" if account else None) if each) or None


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
