"""Where networks are, without databases and without the library that reads them; see `test_baselines_mmdb`."""

from __future__ import annotations

import sys

import pytest

from pipeline.detect.baselines.places import places
from pipeline.errors import UsageError
from pipeline.names import Names


def test_without_databases_nothing_is_known_and_nothing_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "maxminddb", None)
    (row,) = places(["192.0.2.0/24"], Names()).to_pylist()
    assert row == {"network": "192.0.2.0/24", "name": None, "trusted": False, "country": None, "organization": None}


def test_a_library_that_is_missing_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "maxminddb", None)
    with pytest.raises(UsageError, match="maxminddb"):
        places([], Names(), "country.mmdb")
