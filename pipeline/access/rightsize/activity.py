"""A policy written from what was used alone, where no snapshot says what was granted.

It is bounded by no grant: whether the principal may do each of these things today, and what else it needs that the log
does not show, it cannot say.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from pipeline.access import used
from pipeline.access.rightsize.limits import MANAGED, parted
from pipeline.access.rightsize.narrow import MOST, least
from pipeline.access.rightsize.rewrite import one, size
from pipeline.catalog import Catalog
from pipeline.engines.duckdb import Engine
from pipeline.errors import NoDataError, UsageError
from pipeline.iam.observable import observability
from pipeline.times import iso

_PRINCIPAL = re.compile(r"^arn:[^:]+:iam::(\d+):(user|role)/(?:.*/)?([^/]+)$")
BOUND = "no grant: no snapshot was read; what the principal may do today is not known"


def from_activity(engine: Engine, start: datetime, end: datetime, arn: str) -> dict[str, Any]:
    """The policy of what a user or role called in [start, end], in the shape of a proposal's JSON.

    Actions whose calls all said their resource are on those resources, others, and those of very many, on `*`. Denied
    calls are no use.
    Raises UsageError for an ARN of anything else, NoDataError where nothing was called.
    """
    match = _PRINCIPAL.match(arn)
    if match is None:
        raise UsageError(arn, "is no ARN of a user or role", "write arn:aws:iam::ACCOUNT:role/NAME")
    observe = observability()
    if not engine.views:
        Catalog.load(within="views").install_views(engine)
    log = used.read(engine, observe.mapper, start, end, observe.data_events)
    activity = log.of(match[1], match[2], match[3], None)
    by: dict[tuple[str, ...], list[str]] = {}
    for place, use in activity.uses.items():
        if use.ok or use.error:
            resources = least(use.touched) if use.touched and len(use.touched) <= 2 * MOST else ("*",)
            by.setdefault(resources, []).append(observe.catalogue.actions[place])
    if not by:
        raise NoDataError(arn, "the log shows no call of it in the window", "name an earlier --from")
    statements = [
        {"Effect": "Allow", "Action": one(sorted(actions, key=str.lower)), "Resource": one(list(resources))}
        for resources, actions in sorted(by.items())
    ]
    document = {"Version": "2012-10-17", "Statement": statements}
    documents = [document] if size(document) <= MANAGED else parted(document)
    names = [f"{match[3]}-activity{'' if not i else f'-{i + 1}'}"[:128] for i in range(len(documents))]
    unmapped = [f"{prefix}: {event}" for prefix, event in sorted(activity.unmapped.items())]
    return {
        "principal_arn": arn,
        "bounded_by": BOUND,
        "window": {"from": iso(start), "to": iso(end)},
        "catalogue": observe.catalogue.version,
        "policies": [{"name": a, "document": b, "size": size(b)} for a, b in zip(names, documents, strict=True)],
        "dropped": [],
        "kept_not_observable": [],
        "assumed_unused": [],
        "unmapped": unmapped,
        "replay": None,
    }
