"""`iam expand` on policies shaped like AWS's managed ones; what must be in and out is worked out by hand.

Sources: "AWS managed policies for job functions" (AdministratorAccess, PowerUserAccess), "AWS Managed Policy Reference"
(ReadOnlyAccess, SecurityAudit, AWSDenyAll); which actions exist: the Service Authorization Reference.
"""

from __future__ import annotations

import io
import json
import sys
from typing import Any

import pytest

from pipeline.cli import main
from pipeline.iam.catalogue import load
from tests.iam.cases import Json, allow, deny, document, statement

KNOWN = load()


@pytest.fixture
def expand(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    def run(policy: Json) -> tuple[set[str], list[str]]:
        line = json.dumps({"id": 1, "policy": policy}).encode()
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(line), "utf-8"))
        with pytest.raises(SystemExit) as caught:
            main(["iam", "expand"])
        assert not caught.value.code
        answer = json.loads(capsys.readouterr().out)
        assert answer["actions"] == sorted(answer["actions"], key=lambda name: name.lower().split(":"))
        return set(answer["actions"]), answer["unknown"]

    return run


def of(*services: str) -> set[str]:
    """Every action of these services."""
    return {name for name in KNOWN.actions if name.split(":")[0] in services}


ADMINISTRATOR = allow("*", "*")
POWER_USER = document(
    statement("Allow", NotAction=["iam:*", "organizations:*", "account:*"]),
    statement(
        "Allow",
        [
            "account:GetAccountInformation", "account:GetPrimaryEmail", "account:ListRegions",
            "iam:CreateServiceLinkedRole", "iam:DeleteServiceLinkedRole", "iam:ListRoles",
            "organizations:DescribeOrganization",
        ],
    ),
)  # fmt: skip


def test_administrator_access_is_everything(expand: Any) -> None:
    assert expand(ADMINISTRATOR) == (set(KNOWN.actions), [])


def test_power_user_access_is_everything_but_three_services_and_a_few_of_theirs(expand: Any) -> None:
    found, unknown = expand(POWER_USER)
    rest = found & of("iam", "organizations", "account")
    assert rest == {
        "account:GetAccountInformation", "account:GetPrimaryEmail", "account:ListRegions",
        "iam:CreateServiceLinkedRole", "iam:DeleteServiceLinkedRole", "iam:ListRoles",
        "organizations:DescribeOrganization",
    }  # fmt: skip
    assert found - rest == set(KNOWN.actions) - of("iam", "organizations", "account")
    assert unknown == []


def test_deny_all_is_nothing(expand: Any) -> None:
    assert expand(deny("*", "*")) == (set(), [])
    assert expand(document(statement("Allow"), statement("Deny"))) == (set(), [])


def test_read_only_wildcards(expand: Any) -> None:
    """As ReadOnlyAccess writes them: a verb and a star, a full name, a star in the middle."""
    found, unknown = expand(
        allow(["sts:GetC*", "sts:GetSession*", "kms:Describe*", "iam:Get*Certificate*", "sqs:ListQueue?"])
    )
    assert found == {
        "iam:GetServerCertificate",
        "kms:DescribeCustomKeyStores", "kms:DescribeKey",
        "sqs:ListQueues",
        "sts:GetCallerIdentity",
        "sts:GetSessionToken",
    }  # fmt: skip
    assert unknown == []


def test_read_only_of_one_service_writes_nothing(expand: Any) -> None:
    found, _ = expand(allow(["iam:Get*", "iam:List*", "iam:Generate*", "iam:Simulate*"]))
    assert {"iam:GetUser", "iam:ListRoles", "iam:GenerateCredentialReport", "iam:SimulateCustomPolicy"} <= found
    assert found <= of("iam")
    level = dict(zip(KNOWN.actions, KNOWN.access, strict=True))
    assert {level[name] for name in found} <= {"Read", "List"}
    assert not {name for name in found if name.split(":")[1].startswith(("Create", "Delete", "Put", "Attach", "Pass"))}


def test_several_statements_are_joined_and_sure_denies_taken_off(expand: Any) -> None:
    found, unknown = expand(
        document(
            statement("Allow", ["s3:*", "ec2:StopInstances"]),
            statement("Allow", "sns:Publish", "arn:aws:sns:*:*:alerts"),
            statement("Deny", ["s3:*Bucket*", "ec2:*"]),
            statement("Deny", "s3:GetObject", "arn:aws:s3:::secret/*"),
            statement("Deny", "sns:*", "*", {"Bool": {"aws:SecureTransport": "false"}}),
        )
    )
    assert "s3:GetObject" in found and "sns:Publish" in found and "ec2:StopInstances" not in found
    assert found - {"sns:Publish"} == {name for name in of("s3") if "bucket" not in name.lower()}
    assert unknown == []


def test_names_the_catalogue_does_not_know_are_told(expand: Any) -> None:
    found, unknown = expand(allow(["s3:GetObjekt", "newservice:*", "*:Get*", "s3:getobject", "iam:Zz*"]))
    assert found == {"s3:GetObject"}
    assert unknown == ["s3:GetObjekt", "newservice:*", "*:Get*", "iam:Zz*"]


def test_not_action_with_an_unknown_name_is_everything(expand: Any) -> None:
    found, unknown = expand(allow(NotAction=["newservice:*"]))
    assert found == set(KNOWN.actions) and unknown == ["newservice:*"]
