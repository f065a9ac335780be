"""The one place where a proposal meets the replay of the log."""

from __future__ import annotations

import importlib
import importlib.util
from typing import Any

from pipeline.access.granted import Principal
from pipeline.access.ground import Ground


def proof(ground: Ground, principal: Principal, proposed: list[dict[str, Any]]) -> dict[str, Any] | None:
    """The replay of the principal's log against the proposed documents, as JSON; None where there is no replay."""
    # TODO(lead): import pipeline.access.replay outright once it is here.
    if importlib.util.find_spec("pipeline.access.replay") is None:
        return None
    replay = importlib.import_module("pipeline.access.replay").replay
    found: dict[str, Any] = replay(ground, principal, proposed).as_json()
    return found
