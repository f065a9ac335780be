"""What the tests of right-sizing share: grounds without a lake, and a snapshot after a proposal has been applied."""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from functools import cache
from typing import Any

from pipeline.access.granted import Library
from pipeline.access.ground import Ground, survey
from pipeline.access.rightsize.judging import Options
from pipeline.access.rightsize.propose import Proposal, propose
from pipeline.access.snapshots import Snapshot
from pipeline.access.used import Activity, Log
from pipeline.iam import grammar
from pipeline.iam.catalogue import Catalogue, load
from tests.access import worlds
from tests.access.worlds import ACCOUNT, END, OLD, START, arn, daily, role

CATALOGUE: Catalogue = load()
DEFAULT, RESOURCES = Options(), Options(resources=True)
ASSUME, BOTH = Options(assume=frozenset({"services"})), Options(True, frozenset({"services"}))
LEAN, LEAST = Options(True, frozenset({"services", "eventless", "elsewhere"})), Options(True, frozenset({"all"}))


def proposed(
    items: list[dict[str, Any]], usage: list[dict[str, Any]], options: Options = DEFAULT, who: str = "role/r"
) -> Proposal:
    """The proposal for one principal of a small world; every document is one that AWS would take."""
    with worlds.engine(items, [*daily(), *usage]) as engine:
        made = propose(survey(engine, START, END), arn(*who.split("/", 1)), options)
    for document in made.documents:
        grammar.check(document, grammar.IDENTITY, "proposed")
    return made


@cache
def _whole() -> Ground:
    """The ground of a whole log without any call of the role r."""
    # It stays open: resources are asked for late.
    return survey(worlds.engine([role("r", worlds.policy(worlds.allow("s3:*")))], daily()), START, END)


def ground(items: list[dict[str, Any]], activity: dict[tuple[str, str], Activity]) -> Ground:
    """The ground of these items and of what the log shows of (kind, name), without an engine; quick enough to make
    by the hundred."""
    by_kind: dict[str, list[dict[str, Any]]] = {}
    for each in items:
        by_kind.setdefault(each["kind"], []).append({**copy.deepcopy(each["item"]), "account_id": ACCOUNT})
    snapshot = Snapshot(END, by_kind, {"details": END})
    base = _whole()
    log = Log({(ACCOUNT, *who): {"": each} for who, each in activity.items()}, base.log.seen)
    return replace(base, snapshot=snapshot, library=Library(snapshot), log=log)


def applied(items: list[dict[str, Any]], made: Proposal) -> list[dict[str, Any]]:
    """The snapshot's items after the proposal: inline policies written, managed ones made and attached."""
    after = copy.deepcopy(items)
    owner = next(each["item"] for each in after if each["arn"] == made.principal.arn)
    kind = "UserPolicyList" if made.principal.kind == "user" else "RolePolicyList"
    by_group = {each["name"]: each["item"] for each in after if each["kind"] == "group"}
    for item, inline in [(owner, kind), *((each, "GroupPolicyList") for each in by_group.values())]:
        if item is owner or item["GroupName"] in (owner.get("GroupList") or []):
            item[inline], item["AttachedManagedPolicies"] = [], []
    for each in made.policies:
        item, inline = (by_group[each["group"]], "GroupPolicyList") if each["group"] else (owner, kind)
        if each["kind"] == "inline":
            item[inline].append({"PolicyName": each["name"], "PolicyDocument": each["document"]})
            continue
        name = each["arn"] or arn("policy", each["name"])
        item["AttachedManagedPolicies"].append({"PolicyName": each["name"], "PolicyArn": name})
        if each["change"] != "keep":
            version = {"VersionId": "v1", "IsDefaultVersion": True, "CreateDate": OLD, "Document": each["document"]}
            fresh = {"Arn": name, "PolicyName": each["name"], "PolicyVersionList": [version]}
            after = [one for one in after if one["arn"] != name]
            after.append({"kind": "policy", "arn": name, "name": each["name"], "item": fresh})
    return after


def granted(documents: list[Any]) -> set[tuple[str, str]]:
    """(action, resource pattern) of every Allow, over the catalogue; patterns it does not know as they are."""
    from pipeline.access.granted import parsed

    found = set()
    for document in documents:
        for statement in parsed(document).allows:
            expansion = statement.expand(CATALOGUE)
            names = [*CATALOGUE.names(expansion.bits), *expansion.unknown]
            found |= {(name, each) for name in names for each in statement.resources}
    return found


def actions(documents: list[Any]) -> set[str]:
    """The actions that some statement allows somewhere."""
    return {action for action, _ in granted(documents)}


def canonical(document: Any) -> str:
    return json.dumps(document, sort_keys=True)
