"""What the files of this folder share: an answer of AWS's, the items made of answers, and how one is refused."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from pipeline.errors import PolicyError, SnapshotError
from pipeline.iam.policy import parse

AGAIN = "ask AWS for the file again"
KNOWN = (
    "what the AWS command line answers to get-account-authorization-details, get-credential-report, describe-policy "
    "and the like (see trailsift iam import --help)"
)

# Where an item cannot be taken: raises the error it is given (a file of the user's), or keeps its line and goes on
# (what was collected, of which one bad item must not cost the rest).
Refuse = Callable[[SnapshotError], None]


@dataclass(frozen=True)
class Item:
    """One thing of IAM; `kind` is one of a family's KINDS, `item` AWS's JSON for it.

    `account_id` is None where the answer does not say whose it is; see `pipeline.access.documents.owners`.
    """

    kind: str
    account_id: str | None
    arn: str | None
    name: str
    item: dict[str, Any]
    source: str


@dataclass(frozen=True)
class Answer:
    """What AWS said to one call: `given` are the call's parameters as far as they are known, `source` the file."""

    operation: str
    value: dict[str, Any]
    source: str
    given: Mapping[str, Any] = field(default_factory=dict)


def mapping(value: object) -> dict[str, Any]:
    """The value where it is a JSON object, else an empty one."""
    return value if isinstance(value, dict) else {}


def listed(value: Mapping[str, Any], member: str, place: str) -> list[Any]:
    """A member that is a list of things, or missing; raises SnapshotError for anything else."""
    found = value.get(member) or []
    if not isinstance(found, list):
        raise SnapshotError(f"{place}#{member}", "is no list", AGAIN)
    return found


def text(value: Mapping[str, Any], member: str, place: str) -> str:
    """A member that must be a text; raises SnapshotError where it is none."""
    found = value.get(member)
    if not isinstance(found, str) or not found:
        raise SnapshotError(place, f"has no {member}", AGAIN)
    return found


def checked(document: object, place: str) -> None:
    """Raises SnapshotError for a document that is no policy."""
    try:
        parse(document)
    except PolicyError as error:
        raise SnapshotError(place, f"holds a policy that cannot be read ({error})", AGAIN) from None


def account_of(arn: str) -> str | None:
    """The account an ARN names; None for AWS's own managed policies (`arn:aws:iam::aws:policy/…`)."""
    parts = arn.split(":")
    return parts[4] if len(parts) > 5 and parts[4].isdigit() else None


def moment(value: object, place: str) -> datetime | None:
    """A time as AWS's answers give it, in seconds or as ISO text; raises SnapshotError for what is none."""
    if value is None:
        return None
    try:
        if isinstance(value, int | float) and not isinstance(value, bool):
            return datetime.fromtimestamp(value, UTC)
        found = datetime.fromisoformat(str(value))
    except (ValueError, OverflowError, OSError):
        raise SnapshotError(place, f"{value!r:.60} is no time", AGAIN) from None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
