"""ASFF: what Security Hub takes.

Source: botocore's own model of BatchImportFindings, and AwsSecurityFinding in the Security Hub API Reference.
"""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from pipeline import export
from tests.aws.moto import Aws
from tests.export.found import MANY, ROLE, finding, table
from tests.export.test_export import HOSTILE


def asff(*found: dict[str, Any]) -> list[dict[str, Any]]:
    answer: list[dict[str, Any]] = json.loads(export.to_bytes(table(*found), "asff"))
    return answer


def shape() -> Any:
    import boto3

    keys = {"aws_access_key_id": "x", "aws_secret_access_key": "x"}
    client = boto3.Session(region_name="eu-west-1", **keys).client("securityhub")
    return client.meta.service_model.shape_for("BatchImportFindingsRequest")


def faults(content: Any, of: Any, path: str = "") -> list[str]:
    """Where texts are not of a shape's values or pattern, which botocore leaves to the service."""
    if of.type_name == "structure":
        return [fault for name, each in content.items() for fault in faults(each, of.members[name], f"{path}.{name}")]
    if of.type_name == "list":
        return [fault for each in content for fault in faults(each, of.member, path)]
    if of.type_name == "map":
        return [fault for each in content.values() for fault in faults(each, of.value, path)]
    if of.type_name != "string":
        return []
    wrong = (of.enum and content not in of.enum) or not re.search(of.metadata.get("pattern", ""), content)
    return [f"{path}: {content!r}"] if wrong else []


def test_asff_is_what_botocore_lets_through() -> None:
    from botocore.validate import ParamValidator

    hostile = [finding(title=each, evidence=[each], principal_arn=each, region=each) for each in HOSTILE]
    request, of = {"Findings": asff(*MANY, *hostile)}, shape()
    report = ParamValidator().validate(request, of)
    assert not report.has_errors(), report.generate_report()
    assert faults(request, of) == []


def test_security_hub_takes_them(aws: Aws) -> None:
    """By the call they are for, of moto, in the account and region that the ProductArn names."""
    hub = aws.client("securityhub", "us-east-1")
    answer = hub.batch_import_findings(Findings=asff(finding(), finding(id="2", status="resolved")))
    assert (answer["SuccessCount"], answer["FailedCount"]) == (2, 0)
    assert {each["Id"] for each in hub.get_findings()["Findings"]} == {"0123456789abcdef", "2"}


def test_asff_keeps_to_the_lengths() -> None:
    long = "x" * 5000
    (each,) = asff(finding(title=long, rule=long, evidence=[long] * 3, action=long, event_ids=["e" * 36] * 500))
    limits = {"Title": 256, "Description": 1024, "GeneratorId": 512, "Id": 512, "Region": 16, "ProductArn": 2048}
    assert all(0 < len(each[name]) <= size for name, size in limits.items())
    assert each["Title"].endswith("…")
    assert len(each["Remediation"]["Recommendation"]["Text"]) <= 512
    assert len(each["ProductFields"]) <= 50
    assert all(len(name) <= 128 and 0 < len(text) <= 2048 for name, text in each["ProductFields"].items())
    assert len(each["Resources"]) <= 32
    assert len(json.dumps(each)) < 240_000  # BatchImportFindings: at most 240 KB a finding


def test_asff_resources_are_at_most_32() -> None:
    (each,) = asff(finding(evidence=[f"key AKIA{number:016d} made" for number in range(60)]))
    assert len(each["Resources"]) == 32


@pytest.mark.parametrize(
    ("status", "workflow", "record"),
    [
        ("open", "NEW", "ACTIVE"),
        ("acknowledged", "NOTIFIED", "ACTIVE"),
        ("muted", "SUPPRESSED", "ACTIVE"),
        ("resolved", "RESOLVED", "ARCHIVED"),
    ],
)
def test_the_state_of_a_finding_is_workflow_and_record_state(status: str, workflow: str, record: str) -> None:
    (each,) = asff(finding(status=status))
    assert (each["Workflow"], each["RecordState"]) == ({"Status": workflow}, record)


def test_asff_names_product_types_and_resources() -> None:
    (each,) = asff(finding())
    assert each["ProductArn"] == "arn:aws:securityhub:us-east-1:111122223333:product/111122223333/default"
    assert each["Types"] == ["TTPs/Persistence/T1098.001", "TTPs/Privilege Escalation/T1098.001"]
    assert each["Severity"]["Label"] == "HIGH"
    assert [(found["Type"], found["Id"]) for found in each["Resources"]] == [
        ("AwsIamRole", ROLE),
        ("AwsIamAccessKey", "AWS::IAM::AccessKey:AKIAIOSFODNN7EXAMPLE"),
    ]
    assert each["Network"] == {"SourceIpV4": "203.0.113.24"}


def test_asff_types_are_of_aws_s_taxonomy() -> None:
    # "Types taxonomy for ASFF": namespaces, and the categories of those we use.
    categories = {
        "TTPs": {"Initial Access", "Execution", "Persistence", "Privilege Escalation", "Defense Evasion"}
        | {"Credential Access", "Discovery", "Lateral Movement", "Collection", "Command and Control"},
        "Effects": {"Data Exposure", "Data Exfiltration", "Data Destruction", "Denial of Service"}
        | {"Resource Consumption"},
        "Unusual Behaviors": {"Application", "Network Flow", "IP address", "User", "VM", "Container", "Serverless"}
        | {"Process", "Database", "Data"},
    }
    from pipeline.export.findings import _attack

    found = asff(*(finding(mitre=[each]) for each in _attack()["techniques"]), finding(rule="anomalies/x"), *MANY)
    for each in (kind.split("/") for one in found for kind in one["Types"]):
        assert each[0] in categories
        assert len(each) == 1 or each[1] in categories[each[0]]
    assert asff(finding(mitre=["T1485"]))[0]["Types"] == ["Effects/Data Destruction"]
    assert asff(finding(mitre=[], rule="anomalies/x"))[0]["Types"] == ["Unusual Behaviors/User"]


def test_asff_leaves_out_what_has_no_account_and_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert [each["Id"] for each in asff(finding(account=None), finding(id="b"), finding(account="me"))] == ["b"]
    assert capsys.readouterr().err == "-o asff: left out, being of no single account: 2; see them with -o json\n"
