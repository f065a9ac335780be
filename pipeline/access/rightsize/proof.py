"""The one place where a proposal meets the replay of the log."""

from __future__ import annotations

from typing import Any

from pipeline.access.ground import Ground
from pipeline.access.replay.run import replay
from pipeline.access.rightsize.propose import Proposal


def proof(ground: Ground, made: Proposal) -> dict[str, Any]:
    """The replay of the principal's log against all policies it would have, as JSON."""
    proposed = [(each["name"], each["document"]) for each in made.policies]
    return replay(ground, made.principal, proposed).as_json()
