"""Detection that goes along with ingestion: looks again whenever the lake has new events."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.catalog import Catalog
from pipeline.detect.own import placeholders
from pipeline.detect.sigma.correlations import RuleSet, load
from pipeline.detect.sigma.values import Placeholders
from pipeline.detect.unseen import Examined, examine_new
from pipeline.engines.duckdb import connect
from pipeline.lake.commit import roll_forward
from pipeline.lake.tables import Lake

if TYPE_CHECKING:
    from pipeline.config import Settings


class Watch:
    """A lake and the rules it is watched with; `look` as often as one likes.

    `folder` (or one file) holds the rules; the settings have the values of their placeholders.
    """

    def __init__(self, lake: Lake, folder: Path | str, settings: Settings) -> None:
        self.lake, self.folder, self.settings = lake, folder, settings
        self.placeholders: Placeholders = settings.placeholders
        self.rules: RuleSet = load(folder, self.placeholders)
        self.catalog = Catalog.load(within="views")
        self.seen: int | None = None

    def look(self) -> Examined | None:
        """Examines and stores what has come since the last look; None where nothing has.

        Raises LakeError where the lake changes faster than it can be read; the next look makes up for it.
        """
        roll_forward(self.lake)
        snapshot = self.lake.load("events").metadata.current_snapshot_id
        if snapshot is None or snapshot == self.seen:
            return None
        with connect(self.lake) as engine:
            if engine.as_of() is None:
                return None
            self.catalog.install_views(engine)
            self._know(placeholders(engine, self.settings))
            examined = examine_new(self.lake, engine, self.rules, self.placeholders)
            self.seen = engine.snapshot_id
        return examined

    def _know(self, known: Placeholders) -> None:
        """Reads the rules again where other accounts than before are one's own."""
        if known != self.placeholders:
            self.placeholders, self.rules = known, load(self.folder, known)
