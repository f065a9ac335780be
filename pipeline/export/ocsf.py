"""OCSF 1.5.0: each finding a Detection Finding (class 2004), one event a line.

A line an event is what collectors (Splunk, Vector, Fluent Bit, Security Lake's own loaders) read; `jq -s .` makes
the list of them. Source of names and numbers: schema.ocsf.io/1.5.0/classes/detection_finding.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any, BinaryIO

import pyarrow as pa

from pipeline import __version__
from pipeline.export import Options
from pipeline.export.cells import as_json, value
from pipeline.export.findings import (
    MEMBERS,
    Technique,
    Who,
    access_keys,
    addresses,
    attack_version,
    findings,
    milliseconds,
    present,
    regions,
    rule_name,
    summary,
    technique,
    techniques,
    unusual,
    who,
)
from pipeline.names import Names

BINARY = False
EXTENSION, MIME = ".ndjson", "application/x-ndjson"
VERSION = "1.5.0"
_CLASS = 2004
_SEVERITIES = {"informational": 1, "low": 2, "medium": 3, "high": 4, "critical": 5}
# A finding's status -> activity and status, each its number and its caption.
_LIFE = {
    "open": ((1, "Create"), (1, "New")),
    "acknowledged": ((2, "Update"), (2, "In Progress")),
    "muted": ((2, "Update"), (3, "Suppressed")),
    "resolved": ((3, "Close"), (4, "Resolved")),
}
# Kind of principal -> type of user, type of account, each its number and its caption.
_USERS = {"user": (1, "User"), "role": (1, "User"), "root": (2, "Admin"), "other": (0, "Unknown")}
_ACCOUNTS = {"user": (3, "AWS IAM User"), "role": (4, "AWS IAM Role"), "root": (10, "AWS Account")}
# Members beyond a finding's own that have a place in the class; any other is unmapped.
_PLACED = ("note", "rule_hash", "score", "parts", "found_at", "updated_at")
_PRODUCT = {"name": "Trailsift", "vendor_name": "Trailsift", "uid": "trailsift", "version": __version__}


def write(table: pa.Table, out: BinaryIO, options: Options) -> None:
    """One event a line; raises UsageError for a table that holds no findings."""
    for each in findings(table, "ocsf"):
        out.write(as_json(event(each, options.names)).encode(errors="replace") + b"\n")


def event(finding: dict[str, Any], names: Names) -> dict[str, Any]:
    """The finding as an event of class 2004. Its time is that of the newest event in it, so that it is repeatable."""
    found = regions(finding)
    more = {name: value(cell) for name, cell in finding.items() if name not in (*MEMBERS, *_PLACED)}
    content = {
        "message": summary(finding),
        "comment": finding.get("note"),
        "count": finding["count"],
        "metadata": {"version": VERSION, "product": _PRODUCT, "profiles": ["cloud"], "event_code": finding["rule"]},
        "finding_info": _info(finding),
        "evidences": list(_evidences(finding, names)),
        "anomaly_analyses": _analyses(finding),
        "risk_score": finding.get("score"),
        "cloud": _cloud(finding, found, names),
        "observables": list(_observables(finding)),
        "remediation": present({"desc": finding["action"]}),
        "unmapped": present({"controls": finding["controls"], "regions": found if len(found) > 1 else None} | more),
    }
    return present(_class(finding) | content)


def _class(finding: dict[str, Any]) -> dict[str, Any]:
    """What every event has: its class, activity, severity, status and times."""
    (activity, activity_name), (status, status_name) = _LIFE.get(finding["status"], _LIFE["open"])
    if finding["status"] == "open" and finding.get("updated_at") != finding.get("found_at"):
        activity, activity_name = 2, "Update"  # it grew, or was opened again
    first, last = milliseconds(finding["first_seen"]), milliseconds(finding["last_seen"])
    return {
        "category_uid": 2,
        "category_name": "Findings",
        "class_uid": _CLASS,
        "class_name": "Detection Finding",
        "activity_id": activity,
        "activity_name": activity_name,
        "type_uid": _CLASS * 100 + activity,
        "type_name": f"Detection Finding: {activity_name}",
        "severity_id": _SEVERITIES.get(finding["severity"], 0),
        "severity": finding["severity"].title(),
        "status_id": status,
        "status": status_name,
        "is_alert": finding["status"] in ("open", "acknowledged"),
        "time": last,
        "start_time": first,
        "end_time": last,
    }


def _info(finding: dict[str, Any]) -> dict[str, Any]:
    analytic = {
        "uid": finding["rule"],
        "name": rule_name(finding),
        "type_id": 2 if unusual(finding) else 1,
        "type": "Behavioral" if unusual(finding) else "Rule",
        "version": finding.get("rule_hash"),
    }
    info = {
        "uid": finding["id"],
        "title": finding["title"],
        "created_time": _moment(finding.get("found_at")),
        "modified_time": _moment(finding.get("updated_at")),
        "types": ["Anomaly" if unusual(finding) else "Detection"],
        "first_seen_time": milliseconds(finding["first_seen"]),
        "last_seen_time": milliseconds(finding["last_seen"]),
        "analytic": present(analytic),
        "attacks": [_attack(each) for each in techniques(finding)],
        "data_sources": ["AWS CloudTrail"],
        "related_events": [{"uid": each} for each in finding["event_ids"]],
        "related_events_count": len(finding["event_ids"]),
    }
    return present(info)


def _moment(moment: datetime | None) -> int | None:
    return milliseconds(moment) if moment else None


def _attack(found: Technique) -> dict[str, Any]:
    """A technique, and where it is one under another its parent."""
    parent, _, below = found.id.partition(".")
    named = present({"uid": found.id, "name": found.name})
    above = present({"uid": parent, "name": technique(parent).name})
    place = {"technique": above, "sub_technique": named} if below else {"technique": named}
    tactics = [{"uid": uid, "name": name} for uid, name in found.tactics]
    return present({"version": attack_version(), "tactics": tactics} | place)


def _cloud(finding: dict[str, Any], found: list[str], names: Names) -> dict[str, Any]:
    """The account, and the region where there is one; `found` are the finding's regions."""
    someone = who(finding)
    account = {"uid": finding["account"], "type_id": 10, "type": "AWS Account"} if finding["account"] else {}
    account |= {"name": called} if (called := names.account(finding["account"])) else {}
    cloud = {
        "provider": "AWS",
        "account": account,
        "region": found[0] if len(found) == 1 else None,
        "cloud_partition": someone.partition if someone and someone.account else None,
    }
    return present(cloud)


def _evidences(finding: dict[str, Any], names: Names) -> Iterator[dict[str, Any]]:
    """One a note of the evidence, with the actor and the address that it came from."""
    someone, keys = who(finding), access_keys(finding)
    actor = {"user": _user(someone, keys[0] if len(keys) == 1 else None)} if someone else None
    for text in finding["evidence"]:
        found = addresses(text)
        network = names.network(found[0]) if len(found) == 1 else None
        source = present({"ip": found[0], "zone": network[0] if network else None}) if len(found) == 1 else None
        yield present({"actor": actor, "src_endpoint": source, "data": {"text": text}})
    if actor and not finding["evidence"]:
        yield {"actor": actor}


def _analyses(finding: dict[str, Any]) -> list[dict[str, Any]]:
    """What is usual and what was seen instead, of a finding that points made (`parts`); each part is an anomaly."""
    parts = finding.get("parts") or []
    if not parts:
        return []
    anomalies = [
        {
            "observation_parameter": each["attribute"],
            "observation_type": each["rule"],
            "observed_pattern": each["class"].upper(),
            "observations": [{"value": each["unusual"]}],
        }
        for each in parts
    ]
    usual = {(each["attribute"], each["usual"]): None for each in parts if each["usual"]}
    baselines = [{"observation_parameter": name, "observations": [{"value": text}]} for name, text in usual]
    target = {"name": finding["principal_arn"] or finding["account"] or "several principals", "type": "Principal"}
    return [present({"analysis_targets": [target], "anomalies": anomalies, "baselines": baselines})]


def _user(someone: Who, key: str | None) -> dict[str, Any]:
    type_id, kind = _USERS[someone.kind]
    user = {"uid": someone.text, "name": someone.name, "type_id": type_id, "type": kind, "credential_uid": key}
    if someone.kind in _ACCOUNTS:
        number, caption = _ACCOUNTS[someone.kind]
        user["account"] = {"uid": someone.account, "type_id": number, "type": caption}
    return present(user)


def _observables(finding: dict[str, Any]) -> Iterator[dict[str, Any]]:
    def of(type_id: int, kind: str, name: str, content: str) -> dict[str, Any]:
        return {"name": name, "type_id": type_id, "type": kind, "value": content}

    if someone := who(finding):
        yield of(31, "User Object: uid", "evidences.actor.user.uid", someone.text)
        yield of(4, "User Name", "evidences.actor.user.name", someone.name)
    if finding["account"]:
        yield of(35, "Account Object: uid", "cloud.account.uid", finding["account"])
    for each in access_keys(finding):
        yield of(19, "User Credential ID", "evidences.actor.user.credential_uid", each)
    for each in dict.fromkeys(found for text in finding["evidence"] for found in addresses(text)):
        yield of(2, "IP Address", "evidences.src_endpoint.ip", each)
