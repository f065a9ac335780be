"""ASFF, the AWS Security Finding Format 2018-10-08: a JSON list as Security Hub's BatchImportFindings takes it.

The call takes at most 100 findings, each in the account and region of its ProductArn; parting them is the caller's
(`jq -c '.[0:100]'`). Of a finding it knows, Security Hub takes what was updated later than what it has, and keeps its
own workflow status and note, which are the customer's: what a provider says of the end is that the record is archived.
A finding that is of no single account has no place there: it is left out and told on stderr.
Source: "Required top-level ASFF attributes", BatchImportFindings and AwsSecurityFinding in the Security Hub API
Reference.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from typing import Any, BinaryIO

import pyarrow as pa

from pipeline.export import Options
from pipeline.export.cells import as_json, plain, stamp
from pipeline.export.findings import (
    access_keys,
    addresses,
    findings,
    present,
    regions,
    summary,
    techniques,
    unusual,
    who,
)
from pipeline.names import Names

BINARY = False
EXTENSION, MIME = ".json", "application/json"
# Where an event of a global service is recorded, by partition; the region of a finding that names none.
_HOMES = {"aws": "us-east-1", "aws-cn": "cn-north-1", "aws-us-gov": "us-gov-west-1"}
_WORKFLOW = {"open": "NEW", "acknowledged": "NOTIFIED", "muted": "SUPPRESSED", "resolved": "RESOLVED"}
_TYPES = {"user": "AwsIamUser", "role": "AwsIamRole"}
_RESOURCES, _MOST_TYPES, _FIELD = 32, 50, 2048
# Tactics that AWS's taxonomy of types has as effects, and what techniques of impact come to.
_EFFECTS = {"TA0010": "Effects/Data Exfiltration", "TA0040": "Effects"}
_IMPACTS = {
    "Effects/Data Destruction": ("T1485", "T1486", "T1490", "T1561"),
    "Effects/Denial of Service": ("T1489", "T1498", "T1499", "T1531"),
    "Effects/Resource Consumption": ("T1496",),
}
# Tactics that have no category in it ("Types taxonomy for ASFF").
_NO_CATEGORY = ("TA0042", "TA0043")
_ACCOUNT = re.compile(r"\d{12}")
_REGION = re.compile(r"(?=.{1,16}$)[a-z]{2,5}(?:-[a-z]+)+-\d+")


def write(table: pa.Table, out: BinaryIO, options: Options) -> None:
    """A list, a finding a line; raises UsageError for a table that holds no findings."""
    written, left_out = 0, 0
    out.write(b"[")
    for each in findings(table, "asff"):
        if not _ACCOUNT.fullmatch(each["account"] or ""):
            left_out += 1
            continue
        out.write(
            (",\n" if written else "\n").encode() + as_json(_finding(each, options.names)).encode(errors="replace")
        )
        written += 1
    out.write(b"\n]\n" if written else b"]\n")
    if left_out:
        print(f"-o asff: left out, being of no single account: {left_out:,}; see them with -o json", file=sys.stderr)


def _finding(finding: dict[str, Any], names: Names) -> dict[str, Any]:
    partition, region = _place(finding)
    account, label = finding["account"], finding["severity"].upper()
    updated = max(finding["last_seen"], finding.get("updated_at") or finding["last_seen"])
    types = list(_types(finding))
    members = {
        "SchemaVersion": "2018-10-08",
        "Id": finding["id"],
        "ProductArn": f"arn:{partition}:securityhub:{region}:{account}:product/{account}/default",
        "ProductName": "Trailsift",
        "CompanyName": "Trailsift",
        "Region": region,
        "GeneratorId": _cut(finding["rule"], 512),
        "AwsAccountId": account,
        "AwsAccountName": _cut(names.account(account) or "", 50),
        "Types": types,
        "FirstObservedAt": stamp(finding["first_seen"]),
        "LastObservedAt": stamp(finding["last_seen"]),
        "CreatedAt": stamp(finding["first_seen"]),
        "UpdatedAt": stamp(updated),
        "Severity": {"Label": label, "Original": finding["severity"]},
        "Title": _cut(finding["title"] or finding["rule"], 256),
        "Description": _cut("; ".join([summary(finding), *finding["evidence"]]), 1024),
        "Remediation": {"Recommendation": {"Text": _cut(finding["action"], 512)}} if finding["action"] else None,
        "ProductFields": _fields(finding, names),
        "Network": _network(finding),
        "Resources": list(_resources(finding, partition, region))[:_RESOURCES],
        "Workflow": {"Status": _WORKFLOW.get(finding["status"], "NEW")},
        "RecordState": "ARCHIVED" if finding["status"] == "resolved" else "ACTIVE",
        "FindingProviderFields": {"Severity": {"Label": label, "Original": finding["severity"]}, "Types": types},
    }
    return present(members)


def _place(finding: dict[str, Any]) -> tuple[str, str]:
    """Partition and region: the finding's first, or that of the partition's global services."""
    someone = who(finding)
    found = [each for each in regions(finding) if _REGION.fullmatch(each)]
    partition = someone.partition if someone and someone.partition in _HOMES else "aws"
    return partition, found[0] if found else _HOMES[partition]


def _types(finding: dict[str, Any]) -> Iterator[str]:
    """AWS's own types: a tactic with the technique as classifier, an effect, and for anomalies unusual behaviour."""
    found: dict[str, None] = {}
    for each in techniques(finding):
        parent = each.id.partition(".")[0]
        for uid, name in each.tactics:
            if uid == "TA0040":
                found[next((kind for kind, uids in _IMPACTS.items() if parent in uids), "Effects")] = None
            elif uid in _EFFECTS:
                found[_EFFECTS[uid]] = None
            else:
                found["TTPs" if uid in _NO_CATEGORY else f"TTPs/{name}/{each.id}"] = None
        if not each.tactics:
            found["TTPs"] = None
    if unusual(finding) or not found:
        found["Unusual Behaviors/User" if finding["principal_arn"] else "Unusual Behaviors"] = None
    return iter(list(found)[:_MOST_TYPES])


def _fields(finding: dict[str, Any], names: Names) -> dict[str, str]:
    """What ASFF has no member for, as texts."""
    texts = {
        "EventCount": str(finding["count"]),
        "EventIds": ", ".join(finding["event_ids"]),
        "Regions": ", ".join(regions(finding)),
        "Controls": ", ".join(finding["controls"]),
        "Techniques": ", ".join(finding["mitre"]),
        "Score": str(finding.get("score") or ""),
        "RuleHash": finding.get("rule_hash"),
        "SnapshotId": finding.get("snapshot_id"),
        "Note": finding.get("note"),
        "PrincipalOwner": names.owner(finding["principal_arn"]) if finding["principal_arn"] else None,
    }
    return {f"trailsift/{name}": _cut(text, _FIELD) for name, text in texts.items() if text and text.strip()}


def _network(finding: dict[str, Any]) -> dict[str, str] | None:
    """The address that all calls came from; None where there are several, or the evidence tells none."""
    found = {each for text in finding["evidence"] for each in addresses(text)}
    if len(found) != 1:
        return None
    address = found.pop()
    return {"SourceIpV6" if ":" in address else "SourceIpV4": address}


def _resources(finding: dict[str, Any], partition: str, region: str) -> Iterator[dict[str, Any]]:
    """The principal and the access keys that the evidence names; without them the account."""
    someone, keys = who(finding), access_keys(finding)
    where = {"Partition": partition, "Region": region}
    if someone:
        kind = _TYPES.get(someone.kind, "Other")
        name = {"AwsIamUser": "UserName", "AwsIamRole": "RoleName"}.get(kind)
        details = {"Details": {kind: {name: someone.name}}} if name else {}
        yield {"Type": kind, "Id": _cut(someone.text, 512), "ResourceRole": "Actor"} | where | details
    for key in keys:
        owner = {"PrincipalName": someone.name} if someone else {}
        details = {"Details": {"AwsIamAccessKey": {"AccessKeyId": key} | owner}}
        yield {"Type": "AwsIamAccessKey", "Id": f"AWS::IAM::AccessKey:{key}"} | where | details
    if not someone and not keys:
        yield {"Type": "AwsAccount", "Id": f"AWS::::Account:{finding['account']}"} | where


def _cut(text: str, size: int) -> str:
    """One line of at most `size` characters; an ellipsis says that there was more."""
    text = plain(text)
    return text if len(text) <= size else f"{text[: size - 1]}…"
