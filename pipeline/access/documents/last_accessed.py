"""Service last-accessed data of users and roles: GetServiceLastAccessedDetails at ACTION_LEVEL.

The answer does not say whose it is: {"Arn": "arn:aws:iam::…", …the answer's members} does.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from pipeline.access.documents.shapes import Answer, Item, Refuse, account_of, listed, text
from pipeline.errors import SnapshotError

FAMILY = "last_accessed"
KINDS = ("last_accessed",)
OPERATIONS = ("GetServiceLastAccessedDetails",)


def recognise(value: dict[str, Any], source: str) -> list[Answer]:
    """The answer that this JSON value is, none where it is no such answer."""
    if "JobStatus" not in value and "ServicesLastAccessed" not in value:
        return []
    named = {"Arn": value["Arn"]} if "Arn" in value else {}
    return [Answer(OPERATIONS[0], value, source, named)]


def state(answers: Sequence[Answer]) -> str:
    """Files cannot show that every principal was asked about."""
    return "partial"


def items(answers: Sequence[Answer], refuse: Refuse) -> Iterator[Item]:
    """One item a principal, its pages together."""
    found: dict[str, tuple[dict[str, Any], str]] = {}
    for answer in answers:
        try:
            arn = _principal(answer)
            made = {name: answer.value.get(name) for name in ("JobCompletionDate", "JobType")}
            item, _ = found.setdefault(arn, ({"Arn": arn, **made, "ServicesLastAccessed": []}, answer.source))
            item["ServicesLastAccessed"] += listed(answer.value, "ServicesLastAccessed", answer.source)
        except SnapshotError as error:
            refuse(error)
    for arn, (item, source) in found.items():
        yield Item("last_accessed", account_of(arn), arn, arn.rpartition("/")[2], item, source)


def _principal(answer: Answer) -> str:
    status = answer.value.get("JobStatus", "COMPLETED")
    if status != "COMPLETED":
        raise SnapshotError(answer.source, f"is of a job that is {status!s:.40}", "ask again when it is COMPLETED")
    if "Arn" not in answer.given:
        problem = "does not say of which user or role it is"
        raise SnapshotError(answer.source, problem, 'put "Arn": "arn:aws:iam::…" beside its members')
    return text(answer.given, "Arn", answer.source)
