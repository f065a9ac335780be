"""Replay a principal's calls against a proposal: would anything it did have been denied?"""

from __future__ import annotations

from pipeline.access.replay.proposal import Proposal, read
from pipeline.access.replay.result import Replay
from pipeline.access.replay.run import replay

__all__ = ["Proposal", "Replay", "read", "replay"]
