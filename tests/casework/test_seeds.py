"""What is taken for a seed, and what is said of one that nobody knows."""

from __future__ import annotations

import pytest

from pipeline.casework import gather
from pipeline.errors import NoDataError, UsageError
from tests.casework.worlds import OTHER, call, ids, opened, role, tell, user
from tests.logs import ACCOUNT

ANNA = user("anna", "AKIAANNA")
WORK = role("worker", "build-7", "ASIAWORK", 1)
ROOT = {"type": "Root", "principalId": ACCOUNT, "arn": f"arn:aws:iam::{ACCOUNT}:root", "accountId": ACCOUNT}
BUCKET = {"ARN": "arn:aws:s3:::records", "type": "AWS::S3::Bucket", "accountId": ACCOUNT}
UNIQUE = "3f0e2f3a-6c1d-4f5a-9b7e-0123456789ab"

RECORDS = [
    call(1, ANNA, "DescribeInstances", sourceIPAddress="198.51.100.9"),
    call(2, WORK, "DescribeInstances", userAgent="odd tool/1 (100%_\\)"),
    call(3, WORK, "GetObject", "s3", resources=[BUCKET]),
    call(4, ROOT, "ListUsers", "iam", sourceIPAddress="198.51.100.200"),
    call(5, user("twin", "AKIATWIN1"), "ListUsers", "iam"),
    call(6, user("twin", "AKIATWIN2", OTHER), "ListUsers", "iam"),
    call(7, ANNA, "StopInstances", requestParameters={"instancesSet": {"items": [{"instanceId": "i-0abc"}]}}),
    call(8, role("worker", "build-7", "ASIAOTHER", 8, OTHER), "DescribeInstances"),
    call(9, ANNA, "ListBuckets", "s3", eventID=UNIQUE, sourceIPAddress="2001:db8:5::1"),
]


@pytest.mark.parametrize(
    ("seed", "kind", "expected"),
    [
        (ANNA["arn"], "user", ["e1", "e7", UNIQUE]),
        ("anna", "user", ["e1", "e7", UNIQUE]),
        (f"arn:aws:iam::{ACCOUNT}:role/worker", "role", ["e2", "e3"]),
        (WORK["arn"], "session", ["e2", "e3"]),
        ("build-7", "session name", ["e2", "e3", "e8"]),
        (ROOT["arn"], "root user", ["e4"]),
        ("AKIAANNA", "access key", ["e1", "e7", UNIQUE]),
        ("ASIAWORK", "access key", ["e2", "e3"]),
        ("AIDAANNA", "unique id", ["e1", "e7", UNIQUE]),
        ("198.51.100.9", "address", ["e1"]),
        ("198.51.100.0/24", "network", ["e1", "e4"]),
        ("198.51.100.0/26", "network", ["e1"]),
        ("198.51.0.0/16", "network", ["e1", "e4"]),
        ("2001:db8::/32", "network", [UNIQUE]),
        ("odd tool/1 (100%_\\)", "user agent", ["e2"]),
        (UNIQUE, "event", ["e1", "e7", UNIQUE]),
        ("arn:aws:s3:::records", "resource", ["e3"]),
        ("records", "resource", ["e3"]),
        ("i-0abc", "resource", ["e7"]),
        ("  AKIAANNA\n", "access key", ["e1", "e7", UNIQUE]),
    ],
)
def test_a_seed_is_recognised_and_its_events_are_found(seed: str, kind: str, expected: list[str]) -> None:
    facts = tell(RECORDS, seed)
    assert (facts["seed"]["kind"], ids(facts)) == (kind, expected)


@pytest.mark.parametrize(
    "seed",
    [
        "nobody",
        "AKIANOBODY",
        "192.0.2.1",
        "192.0.2.0/24",
        "arn:aws:iam::1:user/nobody",
        "00000000-0000-0000-0000-000000000000",
        "%",
        "_nna",
        "anna%",
        "' or 1=1 --",
        '"; drop table events; --',
        "an\x00na",
        "\x1b[31manna\u202e",
        "\ud800",
        "x" * 1_000_000,
        "A" * 2048,
        "arn:aws:sts::1:assumed-role/a/" + "b" * 900,
        "[[[[",
    ],
    ids=lambda seed: repr(seed[:20]),
)
def test_a_seed_nobody_knows_is_one_line(seed: str) -> None:
    with pytest.raises(NoDataError) as raised:
        tell(RECORDS, seed)
    line = str(raised.value)
    assert len(line) < 500 and "\n" not in line and line.isprintable()


def test_an_unknown_name_tells_what_is_near() -> None:
    with pytest.raises(NoDataError, match=f"near it are.*arn:aws:iam::{ACCOUNT}:user/anna"):
        tell(RECORDS, "annna")
    with pytest.raises(NoDataError, match="near it are AKIAANNA"):
        tell(RECORDS, "AKIAANNB")


def test_a_name_of_several_principals_is_not_guessed() -> None:
    with pytest.raises(UsageError, match=f"2 principals.*{ACCOUNT}:user/twin.*{OTHER}:user/twin"):
        tell(RECORDS, "twin")


def test_an_empty_seed_is_refused() -> None:
    with pytest.raises(UsageError, match="is empty"):
        tell(RECORDS, "  ")


def test_the_window_bounds_the_case() -> None:
    with opened(RECORDS) as engine:
        until = engine.as_of()
    assert until is not None
    assert ids(tell(RECORDS, "AKIAANNA", since=until.replace(minute=5))) == ["e7", UNIQUE]
    with pytest.raises(NoDataError):
        tell(RECORDS, "ASIAWORK", since=until.replace(minute=5))


# "CloudTrail userIdentity element": an Identity Center user is told by onBehalfOf, a caller of another account by its
# principalId alone, and a federated user's issuer is who asked for the session.
STORE = f"arn:aws:identitystore::{ACCOUNT}:identitystore/d-9067642ac7"
PERSON = {
    "type": "IdentityCenterUser",
    "accountId": ACCOUNT,
    "onBehalfOf": {"userId": "544894e8-80c1-707f-60e3-3ba6510dfac1", "identityStoreArn": STORE},
}
FEDERATED = {
    "type": "FederatedUser",
    "principalId": f"{ACCOUNT}:guest",
    "arn": f"arn:aws:sts::{ACCOUNT}:federated-user/guest",
    "accountId": ACCOUNT,
    "accessKeyId": "ASIAGUEST",
    "sessionContext": {
        "sessionIssuer": {
            "type": "IAMUser",
            "principalId": "AIDAANNA",
            "arn": ANNA["arn"],
            "accountId": ACCOUNT,
            "userName": "anna",
        }
    },
}
STRANGER = {"type": "AWSAccount", "principalId": "AROASTRANGER:nightly", "accountId": OTHER}


@pytest.mark.parametrize(
    ("seed", "kind", "expected"),
    [
        (f"{STORE}/{PERSON['onBehalfOf']['userId']}", "Identity Center user", ["e1"]),
        ("AROASTRANGER:nightly", "caller of another account", ["e2"]),
        (FEDERATED["arn"], "session", ["e3"]),
        ("AROAWORKER:build-7", "session", ["e4"]),
        ("AROAWORKER", "unique id", ["e4", "e5"]),
        ("2001:DB8:5:0:0:0:0:1", "address", ["e6"]),
        ("2001:db8:5::1", "address", ["e6"]),
    ],
)
def test_whoever_the_lake_names_is_a_seed(seed: str, kind: str, expected: list[str]) -> None:
    records = [
        call(1, PERSON, "ListApplications", "sso"),
        call(2, STRANGER, "AssumeRole", "sts"),
        call(3, FEDERATED, "ListBuckets", "s3"),
        call(4, WORK, "DescribeInstances"),
        call(5, role("worker", "build-8", "ASIANEXT", 5), "DescribeInstances"),
        call(6, user("ben", "AKIABEN"), "ListBuckets", "s3", sourceIPAddress="2001:db8:5:0:0:0:0:1"),
        call(7, ANNA, "ListBuckets", "s3"),
    ]
    facts = tell(records, seed)
    assert (facts["seed"]["kind"], ids(facts)) == (kind, expected)


@pytest.mark.parametrize("seed", [f"arn:aws:sts::{ACCOUNT}:federated-user/nobody", "AROANOBODY:x", f"{STORE}/nobody"])
def test_a_principal_nobody_knows_is_one_line(seed: str) -> None:
    with pytest.raises(NoDataError):
        tell(RECORDS, seed)


def test_a_seed_that_is_very_many_things_is_followed_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two networks where one thing may be followed: both are told, and that the key is not."""
    monkeypatch.setattr(gather, "FOLLOWED", 1)
    made = {"accessKey": {"accessKeyId": "AKIANEW", "status": "Active", "userName": "ben"}}
    records = [
        call(1, ANNA, "ListUsers", "iam", sourceIPAddress="10.1.1.1"),
        call(2, ANNA, "CreateAccessKey", "iam", sourceIPAddress="10.2.2.2", responseElements=made, readOnly=False),
        call(3, user("ben", "AKIANEW"), "ListUsers", "iam", sourceIPAddress="192.0.2.9"),
    ]
    facts = tell(records, "10.0.0.0/8")
    assert ids(facts) == ["e1", "e2"]
    assert facts["bounds"] == ["only 1 things are followed; 1 more were made or used"]
