"""The proposal for one principal: its policies as they should be, what went, what was kept and why."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from pipeline.access.granted import Principal
from pipeline.access.ground import Ground
from pipeline.access.rightsize.changes import Change, changes
from pipeline.access.rightsize.holdings import IDENTITY_CENTER, Holders
from pipeline.access.rightsize.judging import Options, Review, Reviewed
from pipeline.access.rightsize.limits import ATTACHED
from pipeline.access.verdicts import BLIND, BLOCKED, DENIED, LOW, UNUSED
from pipeline.errors import UsageError
from pipeline.iam.catalogue import positions
from pipeline.times import iso

Row = dict[str, Any]


@dataclass
class Proposal:
    """What `rightsize` proposes for one principal.

    Rows are one an action × scope × policy: `dropped` by the log, `assumed_unused` by assumption and outside of any
    proof, `kept_not_observable` because the log cannot show their use, `kept_in_doubt` because what it shows is too
    little, `kept_for_members` because others of the group need them.
    """

    principal: Principal
    changes: list[Change]
    dropped: list[Row] = field(default_factory=list)
    assumed: list[Row] = field(default_factory=list)
    blind: list[Row] = field(default_factory=list)
    doubt: list[Row] = field(default_factory=list)
    members: list[Row] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)
    replay: dict[str, Any] | None = None

    @property
    def policies(self) -> list[Row]:
        """Every policy that the principal would have, changed or not."""
        return [policy for change in self.changes for policy in change.policies()]

    @property
    def documents(self) -> list[dict[str, Any]]:
        """Their documents."""
        return [each["document"] for each in self.policies]

    def as_json(self) -> Row:
        """The proposal as the command prints it."""
        return {
            "principal_arn": self.principal.arn,
            **self.facts,
            "policies": self.policies,
            "removed": [each.removal() for each in self.changes if each.kind in ("remove", "replace")],
            "dropped": self.dropped,
            "kept_not_observable": self.blind,
            "kept_in_doubt": self.doubt,
            "kept_for_members": self.members,
            "assumed_unused": self.assumed,
            "notes": self.notes,
            "replay": self.replay,
        }


def propose(ground: Ground, arn: str, options: Options = Options()) -> Proposal:  # noqa: B008
    """The right-sized policies of the user or role of this ARN, less its replay.

    Raises UsageError for an ARN the snapshot does not hold, and for service-linked roles: AWS owns their policies.
    """
    principals = ground.library.principals()
    principal = next((each for each in principals if each.arn == arn), None)
    if principal is None:
        raise UsageError(arn, "the newest IAM snapshot has no such user or role", "check trailsift iam import")
    if principal.service_linked:
        raise UsageError(arn, "is a service-linked role, whose policies AWS owns", "name another role or a user")
    review = Review(ground, Holders(ground.library, principals), principal, options)
    reviewed = review.all()
    made = Proposal(principal, changes(principal, reviewed, review.catalogue))
    for each in reviewed:
        _tell(made, review, each)
    for rows in (made.dropped, made.assumed, made.blind, made.doubt, made.members):
        rows.sort(key=lambda row: (row["scope"], row["action"].lower(), row["policy"]))
    made.notes = _notes(made, reviewed) + [f"kept for an exclusion: {each.text}" for each in review.own.exclusions]
    made.notes += ground.exclusions.notes() if ground.exclusions else []
    made.facts = {
        "window": {"from": iso(ground.start), "to": iso(ground.end)},
        "snapshot": iso(ground.snapshot.taken_at),
        "catalogue": review.catalogue.version,
        "options": {"resources": options.resources, "assume_unused": sorted(options.assume)},
    }
    return made


def _tell(made: Proposal, review: Review, reviewed: Reviewed) -> None:
    """The rows of one policy."""
    for cut in reviewed.cuts.values():
        fate = review.own.on(cut.statement.scope)

        def rows(bits: int, scope: str = cut.statement.scope) -> Iterator[Row]:
            for place in positions(bits):
                verdict, reason = review.own.on(scope).told(place)
                action = review.catalogue.actions[place]
                policy = reviewed.holding.place
                yield {"action": action, "scope": scope, "verdict": verdict, "reason": reason, "policy": policy}

        made.dropped += rows(cut.dropped)
        made.assumed += rows(cut.assumed)
        made.blind += rows(cut.kept & fate.bits(BLIND))
        made.doubt += rows(cut.kept & fate.bits(LOW, DENIED))
        # What is of no use to the principal stays for other members, or with a wildcard that unmapped events may need.
        idle = rows(cut.kept & fate.bits(UNUSED, BLOCKED))
        if reviewed.holding.group:
            made.members += idle
        else:
            made.doubt += idle
        for pattern in () if cut.statement.not_action else cut.statement.expand(review.catalogue).unknown:
            reason = f"unknown action: {review.catalogue.version} knows none of this name"
            made.blind.append(
                {"action": pattern, "scope": cut.statement.scope, "verdict": BLIND, "reason": reason,
                 "policy": reviewed.holding.place}
            )  # fmt: skip


def _notes(made: Proposal, reviewed: list[Reviewed]) -> list[str]:
    """What a reader must know before taking the proposal."""
    notes = [f"the snapshot lacks {each}: what it grants is not in this proposal" for each in made.principal.missing]
    for each in reviewed:
        wild = any(
            cut.statement.not_action or "*" in "".join(cut.statement.actions)
            for cut in each.cuts.values()
            if cut.changes
        )
        if wild:
            notes.append(f"{each.holding.place}: actions newer than the catalogue are no longer in its wildcards")
        if each.unmapped and each.changes:
            listed = ", ".join(each.unmapped)
            notes.append(f"{each.holding.place}: what wildcards grant of {listed} is kept, since some events of"
                         " theirs map to no catalogued action")  # fmt: skip
        if each.members:
            notes.append(f"{each.holding.place}: judged over all {len(each.members):,} of its members")
    notes += [note for change in made.changes for note in change.notes]
    if made.principal.path.startswith(IDENTITY_CENTER):
        notes.append("IAM Identity Center writes this role's policies: make the change in its permission set")
    if any("?" * 12 in text for change in made.changes for text in _resources(change)):
        notes.append("twelve ? in a resource stand for the account, which the log does not tell")
    attached = sum(len(each.documents) for each in made.changes if each.managed and each.holding.group is None)
    if attached > ATTACHED:
        notes.append(
            f"{attached} managed policies on one principal: AWS attaches {ATTACHED} unless the quota is raised (to 20"
            " at most); --assume-unused services makes fewer"
        )
    return notes


def _resources(change: Change) -> Iterator[str]:
    """The resources that a changed policy names."""
    for document in change.documents if change.kind != "keep" else ():
        given = document["Statement"]
        for statement in given if isinstance(given, list) else [given]:
            value = statement.get("Resource", [])
            yield from value if isinstance(value, list) else [value]
