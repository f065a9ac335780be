"""Names from the settings: read, refused where wrong, and shown beside what they name."""

from __future__ import annotations

import time
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
    ("text", "expected"),
    [
        # an account's id alone, never the digits within an ARN, a longer number or a path
        ("account 111122223333: silent", "account 111122223333 (production): silent"),
        ("in 111122223333, 444455556666.", "in 111122223333 (production), 444455556666."),
        ("1111222233334 and s3://b/111122223333/x", "1111222233334 and s3://b/111122223333/x"),
        ("111122223333/eu-west-1/trail", "111122223333/eu-west-1/trail"),
        # addresses, with what ends a sentence kept behind the name
        ("signed in from 203.0.113.24 without MFA", "signed in from 203.0.113.24 (office) without MFA"),
        ("from 203.0.113.24.", "from 203.0.113.24 (office)."),
        ("2001:db8::7: 3 calls", "2001:db8::7 (lab): 3 calls"),
        ("203.0.113.24.example.com at 10:00:00", "203.0.113.24.example.com at 10:00:00"),
        # each once, and not where the name stands already
        ("203.0.113.9, 203.0.113.9", "203.0.113.9 (office), 203.0.113.9"),
        ("203.0.113.0/24 (office) again", "203.0.113.0/24 (office) again"),
        # a principal's owner
        (
            "arn:aws:iam::111122223333:role/ci/deploy, denied",
            "arn:aws:iam::111122223333:role/ci/deploy (platform team), denied",
        ),
    ],
)
def test_a_text_tells_names_behind_ids(text: str, expected: str) -> None:
    assert Names.read(TABLE).told(text) == expected
    assert Names().told(text) == text


def test_a_long_hostile_text_takes_no_time() -> None:
    names = Names.read(TABLE)
    begun = time.process_time()
    for each in ("." * 200_000, "f:" * 100_000, "arn:aws:iam::" * 20_000, "1" * 200_000, "1.1.1.1 " * 20_000):
        names.told(each)
    assert time.process_time() - begun < 10


@pytest.mark.parametrize(
    ("column", "text", "columns", "expected"),
    [
        ("account", "111122223333", (), "111122223333 (production)"),
        ("recipientAccountId", "111122223333", (), "111122223333 (production)"),
        ("account", "111122223333, 444455556666", (), "111122223333 (production), 444455556666"),
        ("sourceIPAddress", "203.0.113.24", (), "203.0.113.24 (office)"),
        ("sourceIPAddress", "ec2.amazonaws.com", (), "ec2.amazonaws.com"),
        # a column that tells the name itself
        ("source_network", "203.0.113.0/24", ("source_network", "network_name"), "203.0.113.0/24"),
        # the account of a principal only where no column has it
        (
            "principal_arn",
            "arn:aws:iam::111122223333:role/ci/deploy",
            ("principal_arn", "verdict"),
            "arn:aws:iam::111122223333:role/ci/deploy (platform team, in production)",
        ),
        (
            "principal_arn",
            "arn:aws:iam::111122223333:role/ci/deploy",
            ("principal_arn", "account"),
            "arn:aws:iam::111122223333:role/ci/deploy (platform team)",
        ),
        # columns that are about something else keep every digit
        ("eventID", "111122223333", (), "111122223333"),
        ("userAgent", "tool 203.0.113.24", (), "tool 203.0.113.24"),
    ],
)
def test_a_column_says_what_its_ids_are(column: str, text: str, columns: tuple[str, ...], expected: str) -> None:
    assert Names.read(TABLE).beside(column, text, columns) == expected
    assert Names().beside(column, text, columns) == text


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
