"""Countries and operators of networks, from databases in MaxMind's own format, read by its own library."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pipeline import config
from pipeline.detect.baselines.asking import Judging
from pipeline.detect.baselines.places import places
from pipeline.errors import UsageError
from pipeline.names import Names
from tests.detect.life import NEW_NET, NOW, at, examined, habits
from tests.detect.mmdb import MARKER, Uint, database

pytest.importorskip("maxminddb", reason="the extra geo is not installed")

# The members of MaxMind's country and ASN databases that are read (dev.maxmind.com/geoip/docs/databases).
COUNTRIES: dict[str, Any] = {
    "203.0.113.0/24": {"country": {"iso_code": "CH", "geoname_id": Uint(2658434, 4)}},
    "192.0.2.0/24": {"registered_country": {"iso_code": "NZ"}},
    "2001:db8::/32": {"country": {"iso_code": "JP"}},
}
OPERATORS = {
    "192.0.2.0/24": {
        "autonomous_system_number": Uint(64500, 4),
        "autonomous_system_organization": "Example Hosting with a name that is longer than 29",
    }
}
ASKED = ["203.0.113.0/24", "192.0.2.0/24", "198.51.100.0/24", "2001:db8:7::/48"]


def put(path: Path, content: bytes) -> str:
    path.write_bytes(content)
    return str(path)


def told(country: str, asn: str = "") -> list[tuple[str | None, str | None]]:
    return [(each["country"], each["organization"]) for each in places(ASKED, Names(), country, asn).to_pylist()]


def test_databases_that_the_settings_name(tmp_path: Path) -> None:
    country = put(tmp_path / "country.mmdb", database(COUNTRIES))
    asn = put(tmp_path / "asn.mmdb", database(OPERATORS))
    (tmp_path / "trailsift.toml").write_text(f'[geo]\ncountry = "{country}"\nasn = "{asn}"\n')
    judging = Judging.by(config.load(start=tmp_path))
    assert told(judging.country, judging.asn) == [
        ("CH", None),
        ("NZ", "Example Hosting with a name that is longer than 29"),
        (None, None),
        ("JP", None),
    ]


def test_a_new_country_counts(tmp_path: Path) -> None:
    """The habits are of 203.0.113.0/24, which the database has in Switzerland; the new network is in New Zealand."""
    judging = Judging(country=put(tmp_path / "country.mmdb", database(COUNTRIES)))
    found = examined([*habits(), at(NOW, **NEW_NET)], judging=judging)
    parts = {part.attribute: part for stretch in found.stretches for part in stretch.parts}
    assert (parts["country"].value, parts["country"].usual) == ("NZ", "CH (30 days)")


def test_a_database_of_ipv4_knows_nothing_of_ipv6(tmp_path: Path) -> None:
    ipv4 = {network: said for network, said in COUNTRIES.items() if ":" not in network}
    path = put(tmp_path / "4.mmdb", database(ipv4, version=4))
    assert [country for country, _ in told(path)] == ["CH", "NZ", None, None]


def test_a_database_of_ipv6_alone_knows_nothing_of_ipv4(tmp_path: Path) -> None:
    path = put(tmp_path / "6.mmdb", database({"2001:db8::/32": COUNTRIES["2001:db8::/32"]}))
    assert [country for country, _ in told(path)] == [None, None, None, "JP"]


def test_an_empty_database_knows_nothing(tmp_path: Path) -> None:
    assert told(put(tmp_path / "none.mmdb", database({}))) == [(None, None)] * 4


@pytest.mark.parametrize(
    "said",
    ["CH", ["CH"], {}, {"country": "CH"}, {"country": ["CH"]}, {"country": {"iso_code": Uint(7, 2)}}],
    ids=str,
)
def test_a_database_of_another_shape_knows_nothing(said: Any, tmp_path: Path) -> None:
    assert told(put(tmp_path / "odd.mmdb", database({"203.0.113.0/24": said})))[0] == (None, None)


WHOLE = database(COUNTRIES)
TREE = WHOLE.index(bytes(16) + b"\xe1")  # the tree ends in 16 zero bytes; a map of one pair (0xe1) follows


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"PK\x03\x04 no database at all",
        WHOLE[: len(WHOLE) // 2],  # cut off: what says where things are stands at the end
        WHOLE[: WHOLE.index(MARKER) + len(MARKER)],
        WHOLE[:-20],
        WHOLE[TREE + 40 :],  # the beginning is lost
        b"\xff" * TREE + WHOLE[TREE:],  # every branch leads out of the file
        WHOLE[: TREE + 16] + b"\xff" * (WHOLE.index(MARKER) - TREE - 16) + WHOLE[WHOLE.index(MARKER) :],
    ],
    ids=["empty", "zip", "half", "no metadata", "cut metadata", "no tree", "wild tree", "wild data"],
)
def test_a_database_that_is_broken_is_one_line(content: bytes, tmp_path: Path) -> None:
    path = put(tmp_path / "bad.mmdb", content)
    with pytest.raises(UsageError) as told_of:
        told(path)
    line = str(told_of.value)
    assert line.startswith(f"geo_country: {path}: cannot be read") and "\n" not in line
    assert "name a database in MaxMind's format" in line


def test_a_database_that_is_missing_or_a_folder_is_one_line(tmp_path: Path) -> None:
    for path in (tmp_path / "none.mmdb", tmp_path):
        with pytest.raises(UsageError, match=r"geo_asn: .*: cannot be read"):
            told("", str(path))
