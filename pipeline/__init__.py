"""From AWS's audit trail to answers: the rooms below, each with one subject, whose imports run one way."""

__version__ = "0.1.0"
