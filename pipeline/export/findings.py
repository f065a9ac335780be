"""What the formats for findings share: a table's rows as findings, whose they are, and MITRE's names.

These formats say something only of findings, so a table of anything else is refused.
"""

from __future__ import annotations

import ipaddress
import re
import tomllib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from importlib import resources
from typing import Any, NamedTuple

import pyarrow as pa

from pipeline.errors import UsageError
from pipeline.export.cells import plain, stamp

# The members of a finding in the design's format; a row may have more.
MEMBERS = (
    *("id", "rule", "title", "severity", "status", "principal_arn", "account", "region", "first_seen", "last_seen"),
    *("count", "event_ids", "evidence", "controls", "mitre", "action"),
)
_LISTS = ("event_ids", "evidence", "controls", "mitre")
_ROWS = 1_000
_ARN = re.compile(
    r"arn:(?P<partition>[\w-]+):iam::(?P<account>\d{12}):(?P<kind>user|role|root)(?:/(?P<path>.+))?", re.S
)
_FROM = re.compile(r"\bfrom ([0-9A-Fa-f:.]{3,45})(?![\w:./])")
_KEY = re.compile(r"\bA[KS]IA[A-Z0-9]{12,124}\b")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Who(NamedTuple):
    """The principal of a finding: `kind` is user, role, root or, where its text is no ARN of IAM, other."""

    text: str
    kind: str
    name: str
    account: str | None
    partition: str


class Technique(NamedTuple):
    """A technique of ATT&CK; `name` and `tactics` ((id, name) each) are empty where this version's table lacks it."""

    id: str
    name: str
    tactics: tuple[tuple[str, str], ...]


def findings(table: pa.Table, fmt: str) -> Iterator[dict[str, Any]]:
    """The rows as findings, some at a time, lists never null; raises UsageError for a table of anything else."""
    if any(each not in table.column_names for each in MEMBERS):
        raise UsageError(f"-o {fmt}", "needs findings", "use it with detect, anomalies or findings")
    return _rows(table)


def _rows(table: pa.Table) -> Iterator[dict[str, Any]]:
    for batch in table.to_batches(max_chunksize=_ROWS):
        for row in batch.to_pylist():
            yield row | {name: row[name] or [] for name in _LISTS}


def who(finding: dict[str, Any]) -> Who | None:
    """The finding's principal, None where it is of several or of nobody known."""
    text = finding["principal_arn"]
    if not text or text == "unknown":
        return None
    match = _ARN.fullmatch(text)
    if not match:
        return Who(text, "other", text, None, "aws")
    name = (match["path"] or "root").rpartition("/")[2]
    return Who(text, match["kind"], name, match["account"], match["partition"])


def regions(finding: dict[str, Any]) -> list[str]:
    """The finding's regions; a finding names several in one text."""
    return [each.strip() for each in (finding["region"] or "").split(",") if each.strip()]


def unusual(finding: dict[str, Any]) -> bool:
    """Whether the finding is of behaviour out of the ordinary, not of a rule's match."""
    return bool(finding["rule"].startswith("anomalies/"))


def rule_name(finding: dict[str, Any]) -> str:
    """What the rule is called: its findings' title, or its id where they are titled by what each shows."""
    return str(finding["rule"] if finding.get("parts") else finding["title"])


def summary(finding: dict[str, Any]) -> str:
    """One line: what, whose, where, how often and when."""
    whose = finding["principal_arn"] or "several principals"
    account = f"account {finding['account']}" if finding["account"] else "several accounts"
    events = "1 event" if finding["count"] == 1 else f"{finding['count']:,} events"
    first, last = stamp(finding["first_seen"]), stamp(finding["last_seen"])
    return plain(
        f"{finding['title']}: {whose}, {account}, {events}, {first if first == last else f'{first} to {last}'}"
    )


def addresses(text: str) -> list[str]:
    """The IP addresses that calls came from, as the evidence tells them (`… from ADDRESS`)."""
    found: dict[str, None] = {}
    for each in _FROM.findall(text):
        try:
            found[str(ipaddress.ip_address(each.rstrip(".:")))] = None
        except ValueError:
            continue
    return list(found)


def access_keys(finding: dict[str, Any]) -> list[str]:
    """The access keys that the evidence names, long-lived and temporary, by the form of their ids."""
    return list(dict.fromkeys(each for text in finding["evidence"] for each in _KEY.findall(text)))


def milliseconds(moment: datetime) -> int:
    """Milliseconds since 1970, exactly."""
    return (moment - _EPOCH) // timedelta(milliseconds=1)


def present(members: dict[str, Any]) -> dict[str, Any]:
    """The members that say something: none that is None or empty."""
    return {name: value for name, value in members.items() if value not in (None, "", [], {})}


def attack_version() -> str:
    """The version of ATT&CK whose names are given."""
    return str(_attack()["version"])


def techniques(finding: dict[str, Any]) -> list[Technique]:
    """The finding's techniques, in the rule's order, once each."""
    return [technique(each) for each in dict.fromkeys(finding["mitre"])]


def technique(uid: str) -> Technique:
    """The technique of this id (`T1098`, or `T1098.001` for one under another)."""
    attack = _attack()
    known = attack["techniques"].get(uid, {"name": "", "tactics": []})
    return Technique(uid, known["name"], tuple((each, attack["tactics"][each]) for each in known["tactics"]))


@lru_cache(maxsize=1)
def _attack() -> dict[str, Any]:
    return tomllib.loads(resources.files("pipeline.export").joinpath("attack.toml").read_text("utf-8"))
