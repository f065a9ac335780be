"""The points by which the ranked list weighs permissions: data that names real actions and adds up."""

from __future__ import annotations

import tomllib
from importlib import resources
from typing import Any

from tests.access.rightsized import CATALOGUE

GIVEN: dict[str, Any] = tomllib.loads(
    resources.files("pipeline.access.rightsize").joinpath("risk.toml").read_text("utf-8")
)


def test_every_action_is_one_of_the_catalogue_in_its_spelling() -> None:
    named = [action for kind in GIVEN["kinds"] for action in kind["actions"].split()]
    assert [action for action in named if CATALOGUE.canonical(action) != action] == []


def test_every_kind_has_its_source() -> None:
    assert {kind["source"] for kind in GIVEN["kinds"]} == set(GIVEN["sources"])


def test_points_make_a_hundred() -> None:
    most = max(GIVEN["escalation"].values()) + GIVEN["breadth"]["points"]
    assert most + sum(kind["points"] for kind in GIVEN["kinds"]) == 100
