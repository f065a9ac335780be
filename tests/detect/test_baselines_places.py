"""Countries and operators, by a library that need not be there: a stand-in with its documented interface is put in."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any

import pytest

from pipeline.detect.baselines.asking import Judging
from pipeline.detect.baselines.places import places
from pipeline.errors import UsageError
from pipeline.names import Names
from tests.detect.life import NEW_NET, NOW, at, examined, habits

COUNTRIES = {"203.0.113.0": {"country": {"iso_code": "CH"}}, "192.0.2.0": {"registered_country": {"iso_code": "NZ"}}}
OPERATORS = {"192.0.2.0": {"autonomous_system_organization": "Example Hosting"}, "203.0.113.0": ["odd"]}


class BadFile(RuntimeError):
    """What the library calls InvalidDatabaseError."""


def opened(path: str) -> Any:
    if path == "missing.mmdb":
        raise FileNotFoundError(path)
    if path == "bad.mmdb":
        raise BadFile("no metadata")

    def get(address: str) -> Any:
        if ":" in address:
            raise ValueError("an IPv6 address in an IPv4 database")
        return (COUNTRIES if path == "country.mmdb" else OPERATORS).get(address)

    return SimpleNamespace(get=get)


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> None:
    there = SimpleNamespace(open_database=opened, InvalidDatabaseError=BadFile)
    monkeypatch.setitem(sys.modules, "maxminddb", there)


def test_without_databases_nothing_is_known_and_nothing_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "maxminddb", None)
    (row,) = places(["192.0.2.0/24"], Names()).to_pylist()
    assert row == {"network": "192.0.2.0/24", "name": None, "trusted": False, "country": None, "organization": None}


@pytest.mark.usefixtures("library")
def test_places() -> None:
    rows = places(["203.0.113.0/24", "192.0.2.0/24", "2001:db8::/48"], Names(), "country.mmdb", "asn.mmdb").to_pylist()
    assert [(each["country"], each["organization"]) for each in rows] == [
        ("CH", None),
        ("NZ", "Example Hosting"),
        (None, None),
    ]


@pytest.mark.usefixtures("library")
@pytest.mark.parametrize("path", ["missing.mmdb", "bad.mmdb"])
def test_a_database_that_cannot_be_read_is_told(path: str) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        places([], Names(), path)


def test_a_library_that_is_missing_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "maxminddb", None)
    with pytest.raises(UsageError, match="maxminddb"):
        places([], Names(), "country.mmdb")


@pytest.mark.usefixtures("library")
def test_a_session_from_a_new_country_counts() -> None:
    found = examined([*habits(), at(NOW, **NEW_NET)], judging=Judging(country="country.mmdb", asn="asn.mmdb"))
    parts = {part.attribute: part for stretch in found.stretches for part in stretch.parts}
    assert {"network", "country", "organization"} <= parts.keys()
    assert (parts["country"].value, parts["country"].usual) == ("NZ", "CH (30 days)")
