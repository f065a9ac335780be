"""What a principal can do, with the roles it may become: a row an action × scope × way, and a summary of everybody.

Rows of an administrator are the catalogue's 20,000 actions, so columns are codes into small dictionaries.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipeline.access.effective import ALLOWED, CONDITIONAL, Permission, actions
from pipeline.access.folded import fold
from pipeline.access.granted import Principal, scp_blocks
from pipeline.access.trust import Edge, Trust
from pipeline.access.verdicts import mask
from pipeline.access.world import Root, World
from pipeline.errors import UsageError
from pipeline.iam.escalation import escalations

UNKNOWN = "unknown"
_TEXTS = ("action", "resource_scope", "decision", "granted_by", "limits")
_LISTS = ("through", "conditions")
COLUMNS = (
    *("principal_arn", "through", "service", "action", "resource_scope"),
    *("decision", "conditions", "granted_by", "limits"),
)


@dataclass
class Report:
    """The rows, the roles it may become with how (ARN of the role and the chain to it), and what is not known."""

    rows: pa.Table
    roles: list[tuple[str, ...]]
    notes: list[str] = field(default_factory=list)


def find(world: World, name: str) -> Principal | Root:
    """The principal of an ARN, of `user/NAME` or `role/NAME`, or of a bare name that only one has.

    Raises UsageError, which names what is near.
    """
    if name in world.principals:
        return world.principals[name]
    if name.endswith(":root") and name.split(":")[4:5] and name.split(":")[4] in world.accounts:
        return Root(name.split(":")[4])
    kind, _, short = name.rpartition("/")
    named = [
        each
        for each in world.principals.values()
        if each.name == short and (not kind or kind.split("/")[0] == each.kind) and not name.startswith("arn:")
    ]
    if len(named) == 1:
        return named[0]
    if named:
        raise UsageError(name, f"is the name of {len(named)} principals", f"give an ARN, such as {named[0].arn}")
    near = difflib.get_close_matches(name, [*world.principals, *(each.name for each in world.principals.values())], 1)
    raise UsageError(
        name, "the newest IAM snapshot has no such user or role", f"perhaps {near[0]}" if near else "give its ARN"
    )


def can(world: World, who: Principal | Root, direct: bool = False) -> Report:
    """Everything the principal can do by its own policies and, unless `direct`, through the roles it may assume."""
    rows = _Rows(world)
    if isinstance(who, Root):
        rows.add(_everything(world, who), ())
        return Report(rows.table(who.arn), [], _notes(world, []))
    rows.add(world.effective.of(who), ())
    rows.unknown(who, ())
    chains: list[tuple[str, ...]] = []
    if not direct:
        trust = Trust(world)
        for chain, edge in _roles(trust, who):
            chains.append(chain)
            role = world.principals[edge.role]
            before = chain[:-1]
            rows.trusted(edge, before)
            rows.add([_through(each, edge) for each in world.effective.of(role)], chain)
            rows.unknown(role, chain)
    return Report(rows.table(who.arn), chains, _notes(world, [who]))


def shown(rows: pa.Table) -> pa.Table:
    """The rows for eyes: actions that share way, scope and fate on one line, and no column that says nothing."""
    for name, joint, part in (("through", " > ", _name), ("conditions", ", ", str)):
        texts = [joint.join(map(part, each)) for each in rows[name].to_pylist()]
        rows = rows.set_column(rows.column_names.index(name), name, pa.array(texts, pa.string()))
    keys = ["through", "resource_scope", "decision", "conditions", "granted_by", "limits"]
    found = fold(rows, keys, ["through", "decision", "permissions", "resource_scope", "granted_by"])
    told = ["through", "decision", "permissions", "which", "resource_scope", "conditions", "granted_by", "limits"]
    return found.select([name for name in told if name == "which" or any(found[name].to_pylist())])


def _name(arn: str) -> str:
    return arn.rpartition("/")[2]


def summary(world: World) -> pa.Table:
    """One row a user and role: how many actions it is allowed, and on condition; the ways to more permissions."""
    everything = len(world.catalogue.actions)
    names = [name.partition(":")[0] for name in world.catalogue.actions]
    services = np.unique(names, return_inverse=True)[1]
    made: list[dict[str, Any]] = []
    for each in world.principals.values():
        sure, maybe = actions(world.effective.of(each))
        ways = escalations(sure | maybe, world.catalogue)
        counted = sure.bit_count()
        made.append(
            {
                "principal_arn": each.arn,
                "kind": each.kind,
                "allowed": counted,
                "conditional": maybe.bit_count(),
                "services": len(np.unique(services[mask(sure, everything)])),
                "share": round(counted / everything, 4),
                "escalation_paths": len(ways),
                "missing": "; ".join(each.missing) or None,
            }
        )
    made.sort(key=lambda row: (-row["allowed"], -row["conditional"], row["principal_arn"]))
    texts = {"principal_arn", "kind", "missing"}
    kinds = {"share": pa.float64()} | dict.fromkeys(texts, pa.string())
    columns = ("principal_arn", "kind", "allowed", "conditional", "services", "share", "escalation_paths", "missing")
    return pa.Table.from_pylist(made, pa.schema([(name, kinds.get(name, pa.int64())) for name in columns]))


def _roles(trust: Trust, who: Principal) -> list[tuple[tuple[str, ...], Edge]]:
    """Roles it may become with the chain of ARNs that ends in each; the surest way, of these the shortest."""
    found: dict[str, tuple[tuple[str, ...], Edge]] = {}
    for decision in (ALLOWED, CONDITIONAL):
        queue = [((), Edge("", who.arn, ALLOWED, ())), *found.values()]
        while queue:
            following: list[tuple[tuple[str, ...], Edge]] = []
            for chain, at in queue:
                for step in trust.assumable(trust.world.principals[at.role]):
                    longer = _joined(at, step)
                    if step.role != who.arn and step.role not in found and decision in (longer.decision, CONDITIONAL):
                        found[step.role] = (*chain, step.role), longer
                        following.append(found[step.role])
            queue = following
    return list(found.values())


def _joined(way: Edge, step: Edge) -> Edge:
    """A step as the end of a way: as sure as the less sure of both."""
    both = ALLOWED if way.decision == step.decision == ALLOWED else CONDITIONAL
    return Edge(step.who, step.role, both, tuple(dict.fromkeys((*way.keys, *step.keys))))


def _through(permission: Permission, edge: Edge) -> Permission:
    """A role's permission as one who may become it has it."""
    if edge.decision == ALLOWED:
        return permission
    keys = tuple(dict.fromkeys((*edge.keys, *permission.keys)))
    return Permission(permission.bits, permission.scope, CONDITIONAL, keys, permission.limits, permission.granted_by)


def _everything(world: World, root: Root) -> list[Permission]:
    taken = 0
    for block in scp_blocks(world.organization, root.account_id, world.catalogue):
        taken |= block.bits
    by = ("the root user has every permission",)
    return [Permission(world.catalogue.everything & ~taken, "*", ALLOWED, (), (), by)]


def _notes(world: World, whom: list[Principal]) -> list[str]:
    missing = sorted({each for who in whom for each in who.missing})
    found = [f"the snapshot lacks {', '.join(missing)}: what they grant or limit is not counted"] if missing else []
    return [*found, "what the policies of buckets, keys and other resources grant is not in a snapshot"]


class _Rows:
    """Collects columns of codes; `table` makes them Arrow."""

    def __init__(self, world: World) -> None:
        self.catalogue = world.catalogue
        self.words: dict[str, dict[str, int]] = {name: {} for name in _TEXTS}
        # The number of an action is its place in the catalogue.
        self.words["action"] = {name: place for place, name in enumerate(world.catalogue.actions)}
        self.lists: dict[str, dict[tuple[str, ...], int]] = {name: {} for name in _LISTS}
        self.parts: dict[str, list[npt.NDArray[np.int32]]] = {name: [] for name in (*_TEXTS, *_LISTS)}

    def add(self, permissions: list[Permission], chain: tuple[str, ...]) -> None:
        """One row an action of each permission."""
        for each in permissions:
            places = np.flatnonzero(mask(each.bits, len(self.catalogue.actions))).astype(np.int32)
            self._fill(places, chain, each.scope, each.decision, each.keys, each.granted_by, each.limits)

    def trusted(self, edge: Edge, chain: tuple[str, ...]) -> None:
        """A row for a role's trust policy."""
        by = (f"the trust policy of {edge.role}",)
        self._fill(self._codes("action", ["sts:AssumeRole"]), chain, edge.role, edge.decision, edge.keys, by, ())

    def unknown(self, who: Principal, chain: tuple[str, ...]) -> None:
        """Rows for patterns that name nothing in the catalogue."""
        for attached in who.attached:
            for statement in attached.policy.allows:
                patterns = () if statement.not_action else statement.expand(self.catalogue).unknown
                codes = self._codes("action", list(patterns))
                self._fill(codes, chain, statement.scope, UNKNOWN, (), (attached.by,), ())

    def _fill(
        self,
        actions: npt.NDArray[np.int32],
        chain: tuple[str, ...],
        scope: str,
        decision: str,
        keys: tuple[str, ...],
        by: tuple[str, ...],
        limits: tuple[str, ...],
    ) -> None:
        self.parts["action"].append(actions)
        shared = {"resource_scope": scope, "decision": decision, "granted_by": "; ".join(by)}
        for name, text in {**shared, "limits": "; ".join(limits)}.items():
            self.parts[name].append(np.full(len(actions), self._codes(name, [text])[0], np.int32))
        for name, listed in {"through": chain, "conditions": keys}.items():
            code = self.lists[name].setdefault(listed, len(self.lists[name]))
            self.parts[name].append(np.full(len(actions), code, np.int32))

    def _codes(self, name: str, texts: list[str]) -> npt.NDArray[np.int32]:
        words = self.words[name]
        return np.array([words.setdefault(text, len(words)) for text in texts], np.int32)

    def table(self, arn: str) -> pa.Table:
        """All rows so far, in the order of COLUMNS."""
        joined = {name: np.concatenate(parts) if parts else np.zeros(0, np.int32) for name, parts in self.parts.items()}
        columns: dict[str, pa.Array] = {
            name: pa.DictionaryArray.from_arrays(pa.array(joined[name], pa.int32()), pa.array(list(words), pa.string()))
            for name, words in self.words.items()
        }
        services = [each.partition(":")[0] for each in self.words["action"]]
        named = {each: number for number, each in enumerate(dict.fromkeys(services))}
        places = np.array([named[each] for each in services], np.int32)[joined["action"]]
        columns["service"] = pa.DictionaryArray.from_arrays(pa.array(places, pa.int32()), pa.array(list(named)))
        for name, lists in self.lists.items():
            listed = pa.array([list(each) for each in lists], pa.list_(pa.string()))
            columns[name] = listed.take(pa.array(joined[name], pa.int32()))
        columns["principal_arn"] = pa.repeat(pa.scalar(arn), len(joined["action"])).dictionary_encode()
        return pa.table({name: columns[name] for name in COLUMNS})
