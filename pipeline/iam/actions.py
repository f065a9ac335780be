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

from pipeline.iam import denials, requests, resources
from pipeline.iam.catalogue import Catalogue, load

# Lambda and CloudFront put the API's date behind the name; no action in the catalogue ends so.
_DATE = re.compile(r"_?20\d\d_?\d\d_?\d\d(?:v\d+)?$")
_NOT_CALLS = {"awsserviceevent", "awsconsolesignin", "awscloudtrailinsight", "awsvpceevent", "awsvpceevents"}
_NOT_CALL_CATEGORIES = {"insight", "networkactivity", "aggregated"}
# Kinds of calls kept in mind; names and members come from logs, so that no log may fill the memory.
_REMEMBERED = 50_000
_LONGEST = 256


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
        """Rows by kind (rules, inferred, tags) and by service and event name in lower case."""
        made: dict[str, dict[tuple[str, str], list[tuple[tuple[str, ...], str | None]]]] = {}
        for kind in ("rules", "inferred", "tags"):
            for service, events, actions, _, *member in self.table[kind]:
                row = (tuple(_listed(actions)), member[0] if member else None)
                for event in _listed(events):
                    made.setdefault(kind, {}).setdefault((service, event.lower()), []).append(row)
        return made

    @cached_property
    def _free(self) -> set[tuple[str, str]]:
        return {(row[0], event.lower()) for row in self.table["no_action"] for event in _listed(row[1])}

    @cached_property
    def _minded(self) -> tuple[str, ...]:
        """Members whose presence changes which actions a call needs."""
        named = {row[4] for kind in ("rules", "inferred") for row in self.table[kind] if len(row) > 4}
        return tuple(sorted(named | {"tags", "roleArn", "instanceProfile"}))

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
        given = request or {}
        carried = frozenset(name for name in self._minded if given.get(name))
        bucket = given.get("bucketName")
        if isinstance(bucket, str) and bucket.endswith("--x-s3"):
            carried |= {"directoryBucket"}
        key = (event_source[:_LONGEST], event_name[:_LONGEST], carried)
        found = self._known.get(key)
        if found is None:
            found = self._map(*key)
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            self._known[key] = found
        return found

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
        inferred += self._from_request(found, plain, carried)
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

    def _from_request(self, found: list[Needed], event: str, carried: frozenset[str]) -> list[Needed]:
        """iam:PassRole where a role is passed, and the tagging action where tags are set on creation."""
        more: list[Needed] = []
        for each in found:
            if carried & {"roleArn", "instanceProfile"} and each.action in self.passers:
                more.append(Needed("iam:PassRole", "inferred"))
            if "tags" in carried:
                more += [Needed(need, "inferred") for need in self._tagging(each.action, event)]
        return more

    def _tagging(self, action: str, event: str) -> list[str]:
        """The actions by which a call's tags are allowed: those the reference or a row of the table names."""
        place = self.catalogue.index[action.lower()]
        service = action.partition(":")[0]
        needs = [each for each in self.catalogue.dependents.get(place, ()) if self._tags(each, service)]
        needs += self._pick("tags", service, event, frozenset())
        if self.catalogue.access[place] in ("Write", "Permissions management"):
            needs += self._pick("tags", service, "*", frozenset())
        return needs

    def _tags(self, need: str, service: str) -> bool:
        place = self.catalogue.index.get(need.lower())
        return place is not None and self.catalogue.access[place] == "Tagging" and need.startswith(f"{service}:")

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
        actions = self._with_resources(resources.Call(event, found), mapped)
        if denied and denied not in {each.action for each in actions}:
            actions.append(Needed(denied, "message"))
        if denied and resource:
            actions = [_on(each, resource) if each.action == denied else each for each in actions]
        return Mapped("mapped" if actions else "unmapped", tuple(actions), mapped.prefix)

    def _with_resources(self, call: resources.Call, mapped: Mapped) -> list[Needed]:
        """The call's actions with what each was applied to."""
        actions: list[Needed] = []
        for each in mapped.actions:
            tags = each.basis == "inferred" and self._tags(each.action, mapped.prefix)
            if tags and actions and each.action != "ec2:CreateTags":
                found = resources.tagged(actions[0].resources, each.action)
            else:
                found = resources.of(call, each.action)
            actions.append(Needed(each.action, each.basis, found))
        return actions

    def denied_action(self, message: str) -> tuple[str | None, str | None]:
        """The catalogued action and the resource an AccessDenied message names; AWS's own word on the mapping."""
        denial = denials.read(message)
        return (self.catalogue.canonical(denial.action), denial.resource) if denial else (None, None)


def _on(needed: Needed, resource: str) -> Needed:
    """With the resource a denial names, which is exact, before those that the request names."""
    if resource == "*" and needed.resources:
        return needed
    others = tuple(each for each in needed.resources if each != resource and "*" not in each)
    return Needed(needed.action, needed.basis, (resource, *others))


def _listed(value: Any) -> list[Any]:
    """A field of a row that holds one name or a list of them."""
    return value if isinstance(value, list) else [value]


def _text(event: Mapping[str, Any], name: str) -> str | None:
    value = event.get(name)
    return value if isinstance(value, str) else None


@lru_cache(maxsize=1)
def mapper() -> Mapper:
    """The mapper over this installation's catalogue, made once a process."""
    return Mapper(load())
