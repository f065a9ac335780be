"""IAM's own record of a principal's attempts: service last-accessed data, where a snapshot has it.

It counts attempts, denied ones too, and looks back over AWS's tracking period (at least 400 days for services), so it
can say "never" of what the log does not show; iam:PassRole it does not track. Source: "Refine permissions in AWS
using last accessed information" (IAM User Guide).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pipeline.access.granted import moment
from pipeline.access.snapshots import Snapshot
from pipeline.iam.catalogue import Catalogue

Layer = tuple[int, str]


@dataclass(frozen=True)
class Attempts:
    """When a principal last attempted each service and each action AWS tracks; None: never in the tracking period."""

    taken: datetime
    services: dict[str, datetime | None]
    actions: dict[str, datetime | None]

    def never(self, catalogue: Catalogue, spared: Iterable[str]) -> list[Layer]:
        """Actions never attempted, with the reason; services in `spared` are left out, since the log says otherwise."""
        untracked = catalogue.match("iam:PassRole")
        found: list[Layer] = []
        for prefix, last in sorted(self.services.items()):
            if prefix in spared:
                continue
            if last is None:
                bits = catalogue.match(f"{prefix}:*")
                text = f"IAM's last-accessed data of {self.taken:%Y-%m-%d}: {prefix} was never attempted"
                found.append((bits & ~untracked, text))
        actions = 0
        for name, last in self.actions.items():
            if last is None and name.partition(":")[0] not in spared:
                actions |= catalogue.match(name)
        text = f"IAM's last-accessed data of {self.taken:%Y-%m-%d}: never attempted"
        return [*found, (actions & ~untracked, text)] if actions else found

    def unexplained(self, catalogue: Catalogue, since: datetime, shown: int) -> list[Layer]:
        """Actions attempted since then that the log does not show (`shown`: actions it does), with the reason."""
        found: list[Layer] = []
        for prefix, last in sorted(self.services.items()):
            bits = catalogue.match(f"{prefix}:*")
            if last is not None and last >= since and not bits & shown:
                found.append((bits, f"IAM's last-accessed data shows an attempt at {prefix} on {last:%Y-%m-%d}"))
        for name, last in sorted(self.actions.items()):
            bits = catalogue.match(name)
            if last is not None and last >= since and not bits & shown:
                found.append((bits, f"IAM's last-accessed data shows an attempt on {last:%Y-%m-%d}"))
        return [(bits, f"{text} that the log does not have") for bits, text in found]


def attempts(snapshot: Snapshot) -> dict[str, Attempts]:
    """The newest record of each principal, by its ARN; those without a date or list of services are left out."""
    found: dict[str, Attempts] = {}
    for item in snapshot.of("last_accessed"):
        taken, listed = moment(item.get("JobCompletionDate")), item.get("ServicesLastAccessed")
        if taken is not None and isinstance(listed, list) and isinstance(item.get("Arn"), str):
            services = [each for each in listed if isinstance(each, dict)]
            found[item["Arn"]] = Attempts(taken, _services(services), _actions(services))
    return found


def _services(listed: list[dict[str, Any]]) -> dict[str, datetime | None]:
    return {str(each["ServiceNamespace"]): moment(each.get("LastAuthenticated")) for each in listed if _named(each)}


def _actions(listed: list[dict[str, Any]]) -> dict[str, datetime | None]:
    return {
        f"{service['ServiceNamespace']}:{each['ActionName']}": moment(each.get("LastAccessedTime"))
        for service in listed
        if _named(service)
        for each in service.get("TrackedActionsLastAccessed") or []
        if isinstance(each, dict) and isinstance(each.get("ActionName"), str)
    }


def _named(service: dict[str, Any]) -> bool:
    return isinstance(service.get("ServiceNamespace"), str)
