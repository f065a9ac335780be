"""What judgements of permissions rest on: the snapshot, the log of a window mapped to actions, and its coverage.

Loaded once for any number of principals.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from pipeline.access import used
from pipeline.access.attempts import Attempts, attempts
from pipeline.access.exclusions import Exclusions
from pipeline.access.granted import Library, Principal, blocks
from pipeline.access.selectors import Selected, selected
from pipeline.access.snapshots import Snapshot, latest
from pipeline.access.verdicts import Context, Judge
from pipeline.assurance.coverage import Coverage, coverage
from pipeline.catalog import Catalog
from pipeline.engines.duckdb import Engine
from pipeline.errors import NoDataError
from pipeline.iam.observable import Observability, observability
from pipeline.times import iso


@dataclass
class Ground:
    """The newest snapshot, the log of [start, end] by principal, and what it can vouch for, by account."""

    engine: Engine
    start: datetime
    end: datetime
    snapshot: Snapshot
    library: Library
    log: used.Log
    covered: Mapping[str, Coverage]
    observe: Observability
    attempts: Mapping[str, Attempts] = field(default_factory=dict)
    selected: Mapping[str, Selected] = field(default_factory=dict)
    exclusions: Exclusions | None = None
    grace: timedelta | None = None

    @property
    def settled(self) -> datetime:
        """Permissions granted after this are too new to be called unused: the window's start, or the grace before its
        end where one is given."""
        return self.start if self.grace is None else max(self.start, self.end - self.grace)

    @property
    def rests_on(self) -> str:
        """The snapshot and the catalogue of actions, each with its date, as a report tells them."""
        return f"snapshot of {iso(self.snapshot.taken_at)}; actions: {self.observe.catalogue.version}"

    def activity(self, principal: Principal) -> used.Activity:
        """What the log shows of the principal; of a namesake made and deleted before it, nothing."""
        return self.log.of(principal.account_id, principal.kind, principal.name, principal.id)

    def judge(self, principal: Principal) -> Judge:
        """The judge of the principal's permissions."""
        account = principal.account_id
        context = Context(
            self.observe,
            self.covered.get(account, Coverage()),
            self.log.seen.get(account, used.Seen()),
            self.start,
            self.end,
            self.attempts.get(principal.arn),
            self.selected.get(account),
            self.settled,
        )
        taken = blocks(principal, self.library.organization, self.observe.catalogue)
        return Judge(principal, self.activity(principal), taken, context)


def survey(
    engine: Engine,
    start: datetime,
    end: datetime,
    exclusions: Exclusions | None = None,
    grace: timedelta | None = None,
) -> Ground:
    """The ground of the window [start, end], with what somebody answers for, and the grace of new permissions.

    Raises NoDataError without a snapshot of users and roles.
    """
    snapshot = latest(engine)
    if not snapshot.of("user") and not snapshot.of("role"):
        remedy = "run trailsift iam import with GetAccountAuthorizationDetails JSON"
        raise NoDataError("iam_snapshots", "the newest snapshot holds no user and no role", remedy)
    observe = observability()
    log = used.read(engine, observe.mapper, start, end, observe.data_events)
    if not engine.views:
        Catalog.load(within="views").install_views(engine)
    library, covered = Library(snapshot), coverage(engine)
    trails = selected(engine, snapshot, start, end)
    tried = attempts(snapshot)
    return Ground(engine, start, end, snapshot, library, log, covered, observe, tried, trails, exclusions, grace)
