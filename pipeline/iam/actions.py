"""From a CloudTrail event to the IAM actions AWS checked for it.

Most events are spelt as their action: `ec2.amazonaws.com` `RunInstances` is `ec2:RunInstances`. The rest is one
table with a source a row, `data/mapping.toml`. What neither answers is `unmapped`: counted and shown, never guessed.

Basis: `exact` the event's own name, `rule` the table or the date suffix, `inferred` the request or the reference
says that this action is needed too, `message` AWS named it when it said no.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from importlib import resources as package
from typing import Any

from pipeline.iam import requests
from pipeline.iam.catalogue import Catalogue, load

# Lambda and CloudFront put the API's date behind the name; no action in the catalogue ends so.
_DATE = re.compile(r"_?20\d\d_?\d\d_?\d\d(?:v\d+)?$")
_NOT_CALLS = {"awsserviceevent", "awsconsolesignin", "awscloudtrailinsight", "awsvpceevent", "awsvpceevents"}
_NOT_CALL_CATEGORIES = {"insight", "networkactivity", "aggregated"}
_DENIAL = re.compile(r"not authorized to perform: ([A-Za-z0-9-]+:[A-Za-z0-9*]+)(?: on resource: (\S+))?")


@dataclass(frozen=True)
class Needed:
    """One action a call needs; `resources` are ARNs, empty where the event does not say."""

    action: str
    basis: str
    resources: tuple[str, ...] = ()


@dataclass(frozen=True)
class Mapped:
    """What an event needs: `state` is mapped, no_action (nothing needs to allow it) or unmapped (not known)."""

    state: str
    actions: tuple[Needed, ...] = ()
    prefix: str = ""


class Mapper:
    """The table and the catalogue, ready to be asked; make it with `mapper()`."""

    def __init__(self, catalogue: Catalogue) -> None:
        self.catalogue = catalogue
        self._known: dict[tuple[str, str, frozenset[str]], Mapped] = {}

    @cached_property
    def table(self) -> dict[str, Any]:
        """The rows of `data/mapping.toml` as they stand there."""
        return tomllib.loads(package.files("pipeline.iam").joinpath("data/mapping.toml").read_text("utf-8"))

    @cached_property
    def _prefixes(self) -> dict[str, str]:
        return {row[0]: row[1] for row in self.table["prefixes"]}

    @cached_property
    def _rows(self) -> dict[str, dict[tuple[str, str], list[tuple[tuple[str, ...], str | None]]]]:
        """Rows by kind (rules, inferred) and by service and event name in lower case."""
        made: dict[str, dict[tuple[str, str], list[tuple[tuple[str, ...], str | None]]]] = {}
        for kind in ("rules", "inferred"):
            for service, event, actions, _, *member in self.table[kind]:
                row = (tuple(actions), member[0] if member else None)
                made.setdefault(kind, {}).setdefault((service, event.lower()), []).append(row)
        return made

    @cached_property
    def _free(self) -> set[tuple[str, str]]:
        return {(row[0], row[1].lower()) for row in self.table["no_action"]}

    @cached_property
    def passers(self) -> frozenset[str]:
        """Actions whose call passes a role where its request carries one."""
        found = {self.catalogue.actions[i] for i, all_ in self.catalogue.dependents.items() if "iam:PassRole" in all_}
        return frozenset(found | {row[0] for row in self.table["passes_role"]})

    def prefix(self, event_source: str) -> str:
        """The service prefix an eventSource stands for; the source itself where nothing better is known."""
        name = event_source.lower().removesuffix(".cn").removesuffix(".amazonaws.com").removesuffix(".amazonaws")
        if name in self.catalogue.services:
            return name
        flat = name.replace(".", "-")
        for each in (name, flat):
            if each in self._prefixes:
                return self._prefixes[each]
        last = name.rpartition(".")[2]
        return self._prefixes.get(last, last) if "." in name else name

    def map_call(
        self,
        event_source: str,
        event_name: str,
        event_type: str | None = None,
        category: str | None = None,
        request: Mapping[str, Any] | None = None,
    ) -> Mapped:
        """The actions of one kind of call; `request` holds the members named in `requests.members`."""
        if (event_type or "").lower() in _NOT_CALLS or (category or "").lower() in _NOT_CALL_CATEGORIES:
            return Mapped("no_action")
        carried = frozenset(name for name, value in (request or {}).items() if value)
        if str((request or {}).get("bucketName", "")).endswith("--x-s3"):
            carried |= {"directoryBucket"}
        key = (event_source, event_name, carried)
        if key not in self._known:
            self._known[key] = self._map(event_source, event_name, carried)
        return self._known[key]

    def _map(self, event_source: str, event_name: str, carried: frozenset[str]) -> Mapped:
        prefix = self.prefix(event_source)
        if prefix == "s3" and "directoryBucket" in carried:
            prefix = "s3express"
        name = event_name
        plain = _DATE.sub("", event_name)
        if (prefix, plain.lower()) in self._free:
            return Mapped("no_action", prefix=prefix)
        found = self._by_rule(prefix, plain, carried) or self._by_name(prefix, name, plain)
        inferred = [Needed(each, "inferred") for each in self._pick("inferred", prefix, plain, carried)]
        if not found and not inferred:
            return Mapped("no_action" if (prefix, "*") in self._free else "unmapped", prefix=prefix)
        inferred += self._from_request(found, carried)
        seen = {each.action for each in found}
        more = {each.action: each for each in inferred if each.action not in seen}
        return Mapped("mapped", (*found, *more.values()), prefix)

    def _pick(self, kind: str, prefix: str, name: str, carried: frozenset[str]) -> list[str]:
        """Actions of the table's rows that apply; for rules the first that does, for inferred ones all."""
        picked: list[str] = []
        for actions, member in self._rows.get(kind, {}).get((prefix, name.lower()), []):
            if member is None or member in carried:
                picked += actions
                if kind == "rules":
                    break
        return picked

    def _by_rule(self, prefix: str, name: str, carried: frozenset[str]) -> list[Needed]:
        picked = self._pick("rules", prefix, name, carried)
        if not picked and prefix == "apigateway":
            from pipeline.iam import apigateway

            verb = apigateway.verb(name)
            picked = [f"apigateway:{verb}"] if verb else []
        return [Needed(each, "rule") for each in picked]

    def _by_name(self, prefix: str, name: str, plain: str) -> list[Needed]:
        for text, basis in ((name, "exact"), (plain, "rule")):
            action = self.catalogue.canonical(f"{prefix}:{text}")
            if action:
                return [Needed(action, basis)]
        return []

    def _from_request(self, found: list[Needed], carried: frozenset[str]) -> list[Needed]:
        """iam:PassRole where a role is passed, and the tagging action where tags are set on creation."""
        more: list[Needed] = []
        for each in found:
            if carried & {"roleArn", "instanceProfile"} and each.action in self.passers:
                more.append(Needed("iam:PassRole", "inferred"))
            if "tags" in carried:
                needs = self.catalogue.dependents.get(self.catalogue.index[each.action.lower()], ())
                more += [Needed(need, "inferred") for need in needs if self._tags(need, each.action)]
        return more

    def _tags(self, need: str, action: str) -> bool:
        access = self.catalogue.access[self.catalogue.index[need.lower()]] if self.catalogue.canonical(need) else ""
        return access == "Tagging" and need.split(":")[0] == action.split(":")[0]

    def map_event(self, event: Mapping[str, Any]) -> Mapped:
        """The actions of one whole CloudTrail event, with the resources each applied to.

        Needs eventSource and eventName; anything else it carries (requestParameters, resources, errorMessage,
        eventType …) makes the answer finer. Raises ValueError where one of the two is missing or no text.
        """
        source, name = event.get("eventSource"), event.get("eventName")
        if not isinstance(source, str) or not isinstance(name, str) or not source or not name:
            raise ValueError("eventSource and eventName must be texts")
        found = requests.members(event)
        mapped = self.map_call(source, name, _text(event, "eventType"), _text(event, "eventCategory"), found)
        if mapped.state == "no_action":
            return mapped
        denied, resource = self.denied_action(_text(event, "errorMessage") or "")
        actions = [
            Needed(each.action, each.basis, self._resources(event, each.action, found)) for each in mapped.actions
        ]
        if denied and denied not in {each.action for each in actions}:
            actions.append(Needed(denied, "message"))
        if denied and resource:
            actions = [
                Needed(each.action, each.basis, (resource,)) if each.action == denied and not each.resources else each
                for each in actions
            ]
        return Mapped("mapped" if actions else "unmapped", tuple(actions), mapped.prefix)

    def _resources(self, event: Mapping[str, Any], action: str, found: Mapping[str, Any]) -> tuple[str, ...]:
        if action.startswith("apigateway:"):
            from pipeline.iam import apigateway

            return apigateway.resource(event)
        return requests.resources(event, action, found)

    def denied_action(self, message: str) -> tuple[str | None, str | None]:
        """The catalogued action and the resource an AccessDenied message names; AWS's own word on the mapping."""
        match = _DENIAL.search(message[:4096])
        if not match:
            return None, None
        resource = (match[2] or "").rstrip(".,;") or None
        return self.catalogue.canonical(match[1]), resource


def _text(event: Mapping[str, Any], name: str) -> str | None:
    value = event.get(name)
    return value if isinstance(value, str) else None


@lru_cache(maxsize=1)
def mapper() -> Mapper:
    """The mapper over this installation's catalogue, made once a process."""
    return Mapper(load())
