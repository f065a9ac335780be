"""The credential report: CSV, its base64, or GetCredentialReport's answer."""

from __future__ import annotations

import base64
import binascii
import csv
import io
from collections.abc import Iterator, Sequence
from typing import Any

from pipeline.access.documents.shapes import Answer, Item, Refuse, account_of
from pipeline.errors import SnapshotError

FAMILY = "credentials"
KINDS = ("credential",)
OPERATIONS = ("GetCredentialReport",)

_HEADER = "user,arn,user_creation_time,password_enabled"


def report(text: str) -> str | None:
    """The report's CSV where the text is one, as it is or in base64."""
    if text.lstrip().startswith(_HEADER):
        return text
    try:
        plain = base64.b64decode("".join(text.split()), validate=True).decode("utf-8-sig")
    except (binascii.Error, ValueError):
        return None
    return plain if plain.startswith(_HEADER) else None


def recognise(value: dict[str, Any], source: str) -> list[Answer]:
    """The answer that this JSON value is, none where it is no such answer."""
    told = "GeneratedTime" in value or "ReportFormat" in value
    return [Answer(OPERATIONS[0], value, source)] if told and isinstance(value.get("Content"), str) else []


def state(answers: Sequence[Answer]) -> str:
    """A report is whole."""
    return "complete"


def items(answers: Sequence[Answer], refuse: Refuse) -> Iterator[Item]:
    """The rows of the reports, each an object with AWS's column names."""
    for answer in answers:
        content = answer.value.get("Content")
        text = report(content) if isinstance(content, str) else None
        if text is None:
            place = f"{answer.source}#Content"
            refuse(SnapshotError(place, "is no credential report", "save GetCredentialReport's answer as it is"))
            continue
        for number, row in enumerate(csv.DictReader(io.StringIO(text.lstrip())), 2):
            if None in row or None in row.values() or not row["arn"].startswith("arn:"):
                remedy = "ask AWS for the report again"
                refuse(SnapshotError(f"{answer.source}:{number}", "does not fit the report's header", remedy))
                continue
            yield Item("credential", account_of(row["arn"]), row["arn"], row["user"], dict(row), answer.source)
