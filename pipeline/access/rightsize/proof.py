"""The one place where a proposal meets the replay of the log."""

from __future__ import annotations

import importlib
import importlib.util
from typing import Any

from pipeline.access.ground import Ground
from pipeline.access.rightsize.propose import Proposal

_REPLAY = "pipeline.access.replay"


def proof(ground: Ground, made: Proposal) -> dict[str, Any] | None:
    """The replay of the principal's log against all policies it would have, as JSON; None where there is no replay."""
    # TODO: "from pipeline.access.replay.run import replay" at the top, once the replay is here.
    if importlib.util.find_spec(_REPLAY) is None:
        return None
    replay = importlib.import_module(f"{_REPLAY}.run").replay
    proposed = [(each["name"], each["document"]) for each in made.policies]
    found: dict[str, Any] = replay(ground, made.principal, proposed).as_json()
    return found
