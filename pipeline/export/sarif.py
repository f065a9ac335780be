"""SARIF 2.1.0: one run, a result a finding, with the rules behind them.

A finding lies in an account, not in a file: its place is a logical location, the principal. Viewers of logs take
that; GitHub's code scanning shows only what has a place in a file. Muted findings are results with a suppression.
Source: OASIS, "Static Analysis Results Interchange Format (SARIF) Version 2.1.0"; the members `security-severity`
and `tags` are those of GitHub, "SARIF support for code scanning".
"""

from __future__ import annotations

from typing import Any, BinaryIO

import pyarrow as pa

from pipeline import __version__
from pipeline.export.cells import as_json, plain, value
from pipeline.export.findings import MEMBERS, attack_version, findings, present, rule_name, summary, techniques, who

BINARY = False
EXTENSION, MIME = ".sarif", "application/sarif+json"
_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_SEVERITIES = ("critical", "high", "medium", "low", "informational")
_LEVELS = {"critical": "error", "high": "error", "medium": "warning", "low": "note", "informational": "note"}
# GitHub reads over 9.0 as critical, 7.0 to 8.9 as high, 4.0 to 6.9 as medium, 0.1 to 3.9 as low.
_SCORES = {"critical": "9.5", "high": "8.0", "medium": "5.5", "low": "3.0", "informational": "0.0"}
_TAGS = 20  # GitHub takes so many a rule
_ATTACK = "MITRE ATT&CK"
_MATRIX = {"name": _ATTACK, "organization": "MITRE", "informationUri": "https://attack.mitre.org/"}


def write(table: pa.Table, out: BinaryIO, options: object = None) -> None:
    """One log of one run, a result a line; raises UsageError for a table that holds no findings."""
    rules: dict[str, dict[str, Any]] = {}
    for each in findings(table, "sarif"):
        _add(rules, each)
    numbers = {uid: number for number, uid in enumerate(rules)}
    driver = {"name": "Trailsift", "version": __version__, "rules": list(rules.values())}
    head = {"tool": {"driver": driver}, "taxonomies": [_taxonomy(table)], "columnKind": "unicodeCodePoints"}
    out.write(f'{{"$schema":{as_json(_SCHEMA)},"version":"2.1.0","runs":[{as_json(head)[:-1]},"results":['.encode())
    for index, each in enumerate(findings(table, "sarif")):
        line = as_json(_result(each, numbers[each["rule"]]))
        out.write((",\n" if index else "\n").encode() + line.encode(errors="replace"))
    out.write(b"\n]}]}\n")


def _add(rules: dict[str, dict[str, Any]], finding: dict[str, Any]) -> None:
    """Adds the finding's rule, or makes it as grave as its gravest finding."""
    severity = finding["severity"]
    known = rules.get(finding["rule"])
    if known and _rank(known["properties"]["severity"]) <= _rank(severity):
        return
    rules[finding["rule"]] = _rule(finding, severity)


def _rule(finding: dict[str, Any], severity: str) -> dict[str, Any]:
    named = [{"target": _taxon(each.id), "kinds": ["relevant"]} for each in techniques(finding)]
    tags = dict.fromkeys(["security", "aws", *finding["mitre"], *finding["controls"]])
    rule = {
        "id": finding["rule"],
        "shortDescription": {"text": _literal(rule_name(finding))},
        "fullDescription": {"text": _literal(rule_name(finding))},  # GitHub asks for both
        "help": {"text": _literal(finding["action"] or rule_name(finding))},
        "defaultConfiguration": {"level": _LEVELS[severity]},
        "relationships": named,
        "properties": {"tags": list(tags)[:_TAGS], "security-severity": _SCORES[severity], "severity": severity},
    }
    return present(rule)


def _result(finding: dict[str, Any], number: int) -> dict[str, Any]:
    muted = finding["status"] == "muted"
    more = {name: value(cell) for name, cell in finding.items() if name not in MEMBERS}
    properties = {name: value(finding[name]) for name in ("severity", "status", "principal_arn", "account", "region")}
    properties |= {name: value(finding[name]) for name in ("first_seen", "last_seen", "evidence", "event_ids")} | more
    result = {
        "ruleId": finding["rule"],
        "ruleIndex": number,
        "kind": "fail",
        "level": _LEVELS[finding["severity"]],
        "message": {"text": _literal(summary(finding))},
        "locations": _locations(finding),
        "fingerprints": {"findingId/v1": finding["id"]},
        "partialFingerprints": {"findingId/v1": finding["id"]},
        "occurrenceCount": max(1, finding["count"]),
        "properties": present(properties),
    }
    # An empty list says that a result is not suppressed, no list that nothing is known of it (3.27.23).
    return present(result) | {"suppressions": [_suppression(finding)] if muted else []}


def _suppression(finding: dict[str, Any]) -> dict[str, Any]:
    until = f"muted until {value(finding['muted_until'])}" if finding.get("muted_until") else "muted"
    note = plain(finding.get("note") or "")
    return {"kind": "external", "status": "accepted", "justification": f"{until}: {note}" if note else until}


def _locations(finding: dict[str, Any]) -> list[dict[str, Any]]:
    """The principal, within the account; nothing for a finding across principals and accounts."""
    someone = who(finding)
    if someone:
        place = {"name": someone.name, "fullyQualifiedName": someone.text, "kind": f"principal/{someone.kind}"}
    elif finding["account"]:
        place = {"name": finding["account"], "fullyQualifiedName": finding["account"], "kind": "account"}
    else:
        return []
    return [{"logicalLocations": [place]}]


def _taxonomy(table: pa.Table) -> dict[str, Any]:
    """The techniques that findings name, as a component of ATT&CK's version."""
    found = {each.id: each for finding in findings(table, "sarif") for each in techniques(finding)}
    taxa = [
        present({"id": each.id, "shortDescription": {"text": each.name} if each.name else None})
        for each in (found[uid] for uid in sorted(found))
    ]
    return _MATRIX | {"version": attack_version(), "taxa": taxa}


def _taxon(uid: str) -> dict[str, Any]:
    return {"id": uid, "toolComponent": {"name": _ATTACK, "index": 0}}


def _literal(text: str) -> str:
    """Plain text of a message: no placeholder and no link can be made of what a log field holds (3.11.5, 3.11.6)."""
    text = plain(text).replace("{", "{{").replace("}", "}}")
    return text.replace("[", "\\[").replace("]", "\\]") if "](" in text else text


def _rank(severity: str) -> int:
    return _SEVERITIES.index(severity)
