"""Detection that goes along with ingestion: looks again whenever the lake has new events."""

from __future__ import annotations

from pipeline.catalog import Catalog
from pipeline.detect.sigma.correlations import RuleSet
from pipeline.detect.store.examined import Placeholders
from pipeline.detect.unseen import Examined, examine_new
from pipeline.engines.duckdb import connect
from pipeline.lake.commit import roll_forward
from pipeline.lake.tables import Lake


class Watch:
    """A lake and the rules it is watched with; `look` as often as one likes."""

    def __init__(self, lake: Lake, rules: RuleSet, placeholders: Placeholders) -> None:
        self.lake, self.rules, self.placeholders = lake, rules, placeholders
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
            examined = examine_new(self.lake, engine, self.rules, self.placeholders)
            self.seen = engine.snapshot_id
        return examined
