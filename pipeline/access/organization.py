"""Where an account stands in its organization, and which control policies bind it there, level by level.

A snapshot may hold the organization's tree (roots, units, accounts and what each policy is attached to), or policies
alone, as people save them. Sources: "SCP evaluation", "Resource control policies (RCPs)" (AWS Organizations guide).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pipeline.access.snapshots import Snapshot

_TYPES = {"scp": "SERVICE_CONTROL_POLICY", "rcp": "RESOURCE_CONTROL_POLICY"}
# An organization is at most five units deep ("Quotas for AWS Organizations"); a circle in a file must end.
_DEEPEST = 12
_FULL = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}


@dataclass(frozen=True)
class Level:
    """The policies attached at one place (`place` says where, in words); all levels of an account must allow."""

    place: str
    policies: tuple[tuple[str, Any], ...]

    @property
    def documents(self) -> list[Any]:
        """The policies' documents."""
        return [document for _, document in self.policies]


class Organization:
    """The tree of a snapshot and its control policies, asked account by account."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        units = snapshot.of("organizational_unit")
        self._units = {each["Id"]: each for each in units if isinstance(each.get("Id"), str)}
        self._accounts = {each["Id"]: each for each in snapshot.of("account") if isinstance(each.get("Id"), str)}
        self._heads = {each["account_id"] for each in snapshot.of("organization") if each["account_id"]}
        policies = (*snapshot.of("scp"), *snapshot.of("rcp"))
        self._owners = {each["account_id"] for each in policies if each["account_id"]}
        self._memory: dict[tuple[str, str], list[Level]] = {}

    def id_of(self, account: str) -> str | None:
        """The id (o-…) of the organization an account is known to be in."""
        head = (self._accounts.get(account) or {}).get("account_id")
        for each in self.snapshot.of("organization"):
            if each["account_id"] in (head, account) and isinstance(each.get("Id"), str):
                found: str = each["Id"]
                return found
        return None

    def name_of(self, account: str) -> str | None:
        """The account's name in the organization, else its alias."""
        name = (self._accounts.get(account) or {}).get("Name")
        if isinstance(name, str) and name:
            return name
        for each in self.snapshot.of("account_alias"):
            if each["account_id"] == account and each.get("AccountAliases"):
                return str(each["AccountAliases"][0])
        return None

    def manages(self, account: str) -> bool:
        """Whether the account is known to be a management account, whose principals no SCP binds."""
        return account in self._heads or account in self._owners

    @property
    def headed(self) -> bool:
        """Whether the snapshot tells which account is the management account."""
        return bool(self._heads or self._owners)

    def levels(self, account: str, kind: str) -> list[Level]:
        """The policies of a kind (scp, rcp) that bind an account, from the root down; none binds the management
        account.

        Without a tree every policy is taken to bind the account unless its targets say otherwise, and all are one
        level. A level of which the snapshot holds no policy is left out, since AWS keeps at least one on each.
        """
        key = (account, kind)
        if key not in self._memory:
            self._memory[key] = self._levels(account, kind)
        return self._memory[key]

    def _levels(self, account: str, kind: str) -> list[Level]:
        listed = self.snapshot.of(kind)
        if self.manages(account):
            return []
        here = self._accounts.get(account)
        if here is None:
            return self._pooled(account, listed)
        listed = [each for each in listed if each["account_id"] in (here["account_id"], None)]
        path = self._path(here)
        root = path[0]
        if root is here or root.get("ParentId"):
            # Part of the tree is missing, so what is attached above is not known to be all.
            return self._pooled(account, listed)
        if not self._enabled(root, kind):
            return []
        found = []
        for node in path:
            named = node.get("Name") or node["Id"]
            where = f"account {account}" if node is here else f"the root {node['Id']}" if node is root else f"{named}"
            bound = tuple((each["name"], each["document"]) for each in listed if node["Id"] in _targets(each, root))
            if bound:
                found.append(Level(where, bound))
        return found

    def _path(self, account: dict[str, Any]) -> list[dict[str, Any]]:
        """The account and what is above it, the topmost first."""
        path = [account]
        while len(path) < _DEEPEST and (above := self._units.get(path[0].get("ParentId") or "")):
            path.insert(0, above)
        return path

    def _enabled(self, root: dict[str, Any], kind: str) -> bool:
        """Whether the root has policies of this kind switched on; yes where the snapshot does not say."""
        types = root.get("PolicyTypes")
        if not isinstance(types, list):
            return True
        return any(each.get("Type") == _TYPES[kind] and each.get("Status") == "ENABLED" for each in types)

    def _pooled(self, account: str, listed: list[dict[str, Any]]) -> list[Level]:
        """One level of all that may bind the account. Policies that only deny come without the one that allows."""
        bound = [each for each in listed if _binds(each, account)]
        policies = [(each["name"], each["document"]) for each in bound]
        if policies and not any(_allows(document) for _, document in policies):
            policies.append(("FullAWSAccess", _FULL))
        return [Level("the organization", tuple(policies))] if policies else []


def _targets(policy: dict[str, Any], root: dict[str, Any]) -> set[str]:
    """Ids a policy is attached to; one that does not say is taken to be attached to the root."""
    targets = policy.get("targets")
    if not isinstance(targets, list):
        return {root["Id"]}
    return {str(each.get("TargetId", "")) if isinstance(each, dict) else str(each) for each in targets}


def _binds(policy: dict[str, Any], account: str) -> bool:
    """Whether a policy binds the account as far as its targets say without a tree: the account itself or a root."""
    if not isinstance(policy.get("targets"), list):
        return True
    named = _targets(policy, {"Id": ""})
    return any(each == account or each.startswith("r-") for each in named)


def _allows(document: Any) -> bool:
    given = document.get("Statement") if isinstance(document, dict) else None
    listed = given if isinstance(given, list) else [given]
    return any(isinstance(each, dict) and each.get("Effect") == "Allow" for each in listed)
