"""Names from the settings: read, refused where wrong, and shown beside what they name."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline import config
from pipeline.errors import UsageError
from pipeline.names import Names

TABLE = {
    "networks": {
        "203.0.113.0/24": "office",
        "198.51.100.0/22": {"name": "VPN", "trusted": True},
        "2001:db8::/32": "lab",
    },
    "accounts": {"111122223333": "production"},
    "owners": {"arn:aws:iam::*:role/ci/*": "platform team", "*": "nobody yet"},
}


@pytest.mark.parametrize(
    ("network", "expected"),
    [
        ("203.0.113.0/24", ("office", False)),
        ("203.0.113.9", ("office", False)),
        ("198.51.101.0/24", ("VPN", True)),
        ("2001:db8:1::/48", ("lab", False)),
        ("203.0.112.0/23", None),  # larger than the named network
        ("192.0.2.0/24", None),
        ("vpc endpoint", None),
    ],
)
def test_networks(network: str, expected: tuple[str, bool] | None) -> None:
    assert Names.read(TABLE).network(network) == expected


def test_the_smallest_network_names() -> None:
    names = Names.read({"networks": {"10.0.0.0/8": "inside", "10.1.0.0/16": "site 1"}})
    assert names.network("10.1.2.0/24") == ("site 1", False)


def test_accounts_and_owners() -> None:
    names = Names.read(TABLE)
    assert (names.account("111122223333"), names.account(None), names.account("1")) == ("production", None, None)
    assert names.owner("arn:aws:iam::111122223333:role/ci/deploy") == "platform team"
    assert names.owner(None) == "nobody yet"


def test_names_stand_beside_networks_in_a_text() -> None:
    told = Names.read(TABLE).told("from 203.0.113.0/24 (3 days) to 2001:db8:1::/48, 192.0.2.0/24 and a/24")
    assert told == "from 203.0.113.0/24 (office) (3 days) to 2001:db8:1::/48 (lab), 192.0.2.0/24 and a/24"
    assert Names().told("203.0.113.0/24") == "203.0.113.0/24"


@pytest.mark.parametrize(
    ("table", "problem"),
    [
        ("office", "no table of tables"),
        ({"networks": "office"}, "no table of tables"),
        ({"people": {}}, "no table names.people"),
        ({"networks": {"203.0.113.9/24": "office"}}, "host bits set"),
        ({"networks": {"office": "203.0.113.0/24"}}, "IPv4"),
        ({"networks": {"203.0.113.0/24": {"trusted": True}}}, "has no name"),
        ({"networks": {"203.0.113.0/24": {"name": "x", "trusted": "yes"}}}, "has no name"),
        ({"accounts": {"111122223333": 7}}, "has no name"),
    ],
)
def test_what_cannot_be_understood_is_told(table: object, problem: str) -> None:
    with pytest.raises(UsageError, match=problem) as told:
        Names.read(table, "trailsift.toml")
    assert str(told.value).startswith("trailsift.toml: ")


def test_names_come_from_the_file(tmp_path: Path) -> None:
    (tmp_path / "trailsift.toml").write_text(
        '[anomalies]\nthreshold = 120\nbudget = 1\n[geo]\ncountry = "c.mmdb"\n'
        '[names.networks]\n"203.0.113.0/24" = "office"\n[names.accounts]\n"1" = "one"\n'
    )
    found = config.load(start=tmp_path)
    assert (found.anomalies_threshold, found.anomalies_budget, found.geo_country, found.geo_asn) == (
        120,
        1,
        "c.mmdb",
        "",
    )
    assert Names.read(found.names).account("1") == "one"
