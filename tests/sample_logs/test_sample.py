"""The committed sample is what its README says: its size and spread, its logs, its snapshot, what is planted in it."""

from __future__ import annotations

import csv
import fnmatch
import gzip
import json
import re
import statistics
from collections import Counter, defaultdict
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from sample_logs._generator.calls import CALLS, call

SAMPLE = Path(__file__).resolve().parents[2] / "sample_logs"
PLANTED: dict[str, Any] = json.loads((SAMPLE / "planted.json").read_text("utf-8"))
PROD, DEV = PLANTED["accounts"]
Record = dict[str, Any]


@pytest.fixture(scope="module")
def objects() -> dict[str, list[Record]]:
    """The records of every object by its key."""
    folder = SAMPLE / "cloudtrail"
    return {
        path.relative_to(folder).as_posix(): json.loads(gzip.decompress(path.read_bytes()))["Records"]
        for path in sorted(folder.rglob("*.json.gz"))
    }


@pytest.fixture(scope="module")
def events(objects: dict[str, list[Record]]) -> dict[str, Record]:
    """Every event by its id."""
    return {each["eventID"]: each for held in objects.values() for each in held}


@pytest.fixture(scope="module")
def details() -> dict[str, dict[str, Any]]:
    """GetAccountAuthorizationDetails by account."""
    name = "{}-account-authorization-details.json"
    return {each: json.loads((SAMPLE / "iam" / name.format(each)).read_text("utf-8")) for each in (PROD, DEV)}


@pytest.fixture(scope="module")
def credentials() -> dict[str, dict[str, str]]:
    """Rows of both credential reports by ARN."""
    rows: dict[str, dict[str, str]] = {}
    for each in (PROD, DEV):
        with (SAMPLE / "iam" / f"{each}-credential-report.csv").open(newline="") as file:
            rows |= {row["arn"]: row for row in csv.DictReader(file)}
    return rows


def test_bounds(objects: dict[str, list[Record]], events: dict[str, Record]) -> None:
    assert 5_000 <= len(events) <= 20_000
    assert len(events) == PLANTED["events"]
    assert sum(map(len, objects.values())) == PLANTED["records"]
    assert len(objects) == PLANTED["objects"] < 900
    assert len({each["eventTime"][:10] for each in events.values()}) >= 21
    assert {each["recipientAccountId"] for each in events.values()} == {PROD, DEV}
    assert {each["awsRegion"] for each in events.values()} == {"us-east-1", "eu-west-1", "us-west-2"}
    assert sum(path.stat().st_size for path in SAMPLE.rglob("*") if path.is_file() and path.suffix != ".pyc") <= 5e6


def delivered(key: str) -> datetime:
    return datetime.strptime(key.split("_")[3], "%Y%m%dT%H%MZ")


def test_delivery(objects: dict[str, list[Record]], events: dict[str, Record]) -> None:
    late, delays, unsorted = set(), [], 0
    for key, held in objects.items():
        times = [each["eventTime"] for each in held]
        unsorted += times != sorted(times)
        for each in held:
            assert (each["recipientAccountId"], each["awsRegion"]) == tuple(key.split("/")[i] for i in (1, 3))
            delay = (delivered(key) - datetime.strptime(each["eventTime"], "%Y-%m-%dT%H:%M:%SZ")).total_seconds()
            assert delay > 0
            delays.append(delay)
            if delay > 3_600:
                late.add(each["eventID"])
                assert key.split("/")[4:7] > each["eventTime"][:10].split("-")
    assert late == set(PLANTED["late_deliveries"]) != set()
    assert statistics.median(delays) < 20 * 60
    assert unsorted > len(objects) / 2
    seen = Counter(each["eventID"] for held in objects.values() for each in held)
    assert {each for each, count in seen.items() if count == 2} == set(PLANTED["delivered_twice"]) != set()
    assert max(seen.values()) == 2


def test_global_services_write_at_home_only(events: dict[str, Record]) -> None:
    homes: dict[str, set[str]] = defaultdict(set)
    for each in events.values():
        homes[each["eventSource"].split(".")[0]].add(each["awsRegion"])
    for service in ("iam", "signin", "organizations", "ce", "budgets"):
        assert homes[service] == {"us-east-1"}
    assert homes["sts"] == homes["ec2"] == {"us-east-1", "eu-west-1", "us-west-2"}


def test_data_events_are_of_one_bucket(events: dict[str, Record]) -> None:
    data = [each for each in events.values() if each["eventCategory"] == "Data"]
    assert {each["requestParameters"]["bucketName"] for each in data} == {"orchard-customer-exports"}
    assert {each["readOnly"] for each in data} == {True, False}
    assert all(each["managementEvent"] == (each["eventCategory"] == "Management") for each in events.values())


def test_every_kind_of_identity(events: dict[str, Record]) -> None:
    kinds = {each["userIdentity"].get("type") for each in events.values()}
    assert {"Root", "IAMUser", "AssumedRole", "AWSAccount", "AWSService", "IdentityCenterUser", None} <= kinds
    assert {"WebIdentityUser", "SAMLUser"} <= kinds
    untyped = [each for each in events.values() if "type" not in each["userIdentity"]]
    assert {each["eventType"] for each in untyped} == {"AwsServiceEvent"}


def test_denials_are_in_aws_words(events: dict[str, Record]) -> None:
    pattern = re.compile(
        r"User: \S+ is not authorized to perform: [a-z0-9-]+:\w+ on resource: \S+ "
        r"(because no (identity-based policy|permissions boundary) allows the \S+ action"
        r"|with an explicit deny in a service control policy)"
    )
    codes = Counter(each["errorCode"] for each in events.values() if "errorCode" in each)
    assert {"AccessDenied", "AccessDeniedException", "Client.UnauthorizedOperation", "NoSuchBucket"} <= set(codes)
    assert {"ThrottlingException", "Client.RequestLimitExceeded", "NoSuchKey"} <= set(codes)
    for each in events.values():
        code = each.get("errorCode", "")
        if "Denied" in code or "Unauthorized" in code:
            service = each["userIdentity"]["type"] == "AWSService"
            assert each["errorMessage"] == "Access Denied" if service else pattern.search(each["errorMessage"]), each


def test_everybody_who_acts_is_in_the_snapshot(
    events: dict[str, Record], details: dict[str, dict[str, Any]], credentials: dict[str, dict[str, str]]
) -> None:
    known = {}
    for each in details.values():
        known |= {user["Arn"]: user["UserId"] for user in each["UserDetailList"]}
        known |= {role["Arn"]: role["RoleId"] for role in each["RoleDetailList"]}
    for each in events.values():
        who = each["userIdentity"]
        issuer = who.get("sessionContext", {}).get("sessionIssuer", {})
        if who.get("type") == "AssumedRole":
            assert known[issuer["arn"]] == issuer["principalId"] == who["principalId"].split(":")[0]
        if who.get("type") == "IAMUser" and "arn" in who:
            assert known[who["arn"]] == who["principalId"]
            assert who["arn"] in credentials


def test_the_snapshot_knows_when_roles_and_passwords_were_used(
    events: dict[str, Record], details: dict[str, dict[str, Any]], credentials: dict[str, dict[str, str]]
) -> None:
    used: dict[str, str] = {}
    entered: dict[str, str] = {}
    for each in sorted(events.values(), key=lambda e: e["eventTime"]):
        who = each["userIdentity"]
        used[who.get("sessionContext", {}).get("sessionIssuer", {}).get("arn", "")] = each["eventTime"]
        if (each["responseElements"] or {}).get("ConsoleLogin") == "Success":
            entered[who["arn"]] = each["eventTime"]
    for role in (role for each in details.values() for role in each["RoleDetailList"]):
        if role["Arn"] in used:
            assert role["RoleLastUsed"]["LastUsedDate"].replace("+00:00", "Z") == used[role["Arn"]]
    for arn, row in credentials.items():
        assert len(row) == 22
        if arn in entered:
            assert row["password_last_used"].replace("+00:00", "Z") == entered[arn]
    assert [each["RoleLastUsed"] for each in details[PROD]["RoleDetailList"]].count({}) == 1


def test_ids_in_the_readme_are_in_the_logs(events: dict[str, Record]) -> None:
    text = (SAMPLE / "README.md").read_text("utf-8")
    found = set(re.findall(r"`([0-9a-f]{8}-[0-9a-f-]{27})`", text))
    assert found <= set(events)
    told = [row["event_ids"] for kind in ("incident", "hard_negative", "sign_in", "chain") for row in PLANTED[kind]]
    # A long story shows its first events and its last; planted.json has every one.
    assert all({*ids[:5], ids[-1]} <= found for ids in told)


def test_the_incident(events: dict[str, Record]) -> None:
    steps = {row["name"]: [events[each] for each in row["event_ids"]] for row in PLANTED["incident"]}
    everything = [each for held in steps.values() for each in held]
    mine = {each["eventID"] for each in everything}
    assert all(each["recipientAccountId"] == PROD for each in everything)
    for other in events.values():  # the network and the new key are the stranger's alone
        if other["eventID"] not in mine:
            assert not other["sourceIPAddress"].startswith("192.0.2.")
            assert other["userIdentity"].get("accessKeyId") != PLANTED["new_key"]
    tried = steps["reconnaissance with denials"]
    assert len({(each["eventSource"], each["eventName"]) for each in tried}) >= 20
    assert all("AccessDenied" in each["errorCode"] or "Unauthorized" in each["errorCode"] for each in tried)
    (attached, *_) = steps["policy attached to itself"]
    assert attached["eventName"] == "AttachUserPolicy"
    assert attached["requestParameters"]["userName"] == attached["userIdentity"]["userName"]
    (made,) = steps["new access key"]
    assert made["responseElements"]["accessKey"]["accessKeyId"] == PLANTED["new_key"]
    read = [each for each in steps["data read"] if each["eventName"] == "GetObject"]
    assert {each["userIdentity"]["accessKeyId"] for each in read} == {PLANTED["new_key"]}
    assert {each["eventCategory"] for each in read} == {"Data"}
    firsts = [min(each["eventTime"] for each in held) for held in steps.values()]
    assert firsts == sorted(firsts)


def test_twins_are_one_call_in_two_logs(events: dict[str, Record]) -> None:
    assert len(PLANTED["twins"]) >= 5
    for ours, theirs in ((events[a], events[b]) for a, b in PLANTED["twins"]):
        assert ours["sharedEventID"] == theirs["sharedEventID"]
        assert ours["requestID"] == theirs["requestID"]
        assert (ours["recipientAccountId"], theirs["recipientAccountId"]) == (DEV, PROD)
        assert theirs["userIdentity"]["type"] == "AWSAccount"
        assert theirs["userIdentity"]["principalId"] == ours["userIdentity"]["principalId"]


def actions_seen(events: dict[str, Record], principal: str) -> set[str]:
    """IAM actions of the principal's calls that were not refused, by the generator's own table of calls."""
    call("sts:GetCallerIdentity")  # fills the table
    names = {(each.service, each.name): each.action for each in CALLS.values()}
    found = set()
    for each in events.values():
        who = each["userIdentity"]
        arn = who.get("sessionContext", {}).get("sessionIssuer", {}).get("arn") or who.get("arn")
        refused = "Denied" in each.get("errorCode", "") or "Unauthorized" in each.get("errorCode", "")
        if arn == principal and not refused and each["eventType"] == "AwsApiCall":
            found.add(names[each["eventSource"].split(".")[0], each["eventName"]])
            given = each["requestParameters"] or {}
            passed = ":role/" in given.get("role", "") or "iamInstanceProfile" in given
            found |= {"iam:PassRole"} if passed else set()
    return found - {"sts:GetCallerIdentity"}


@pytest.mark.parametrize("row", PLANTED["over_permissioned"] + PLANTED["clean"], ids=lambda row: row["name"])
def test_what_is_called_used_is_what_was_used(row: dict[str, Any], events: dict[str, Record]) -> None:
    assert actions_seen(events, row["principal_arn"]) == set(row["used"])


@pytest.mark.parametrize("row", PLANTED["unused_principals"], ids=lambda row: row["name"])
def test_what_is_called_unused_did_nothing(row: dict[str, Any], events: dict[str, Record]) -> None:
    assert actions_seen(events, row["principal_arn"]) == set()


@pytest.mark.parametrize("row", PLANTED["over_permissioned"], ids=lambda row: row["name"])
def test_the_right_policy_keeps_what_is_used(row: dict[str, Any]) -> None:
    right = json.loads((SAMPLE / row["rightsized"]).read_text("utf-8"))
    assert right["principal_arn"] == row["principal_arn"]
    statements = [each for policy in right["policies"] for each in policy["document"]["Statement"]]
    allowed = [
        a for each in statements for a in ([each["Action"]] if isinstance(each["Action"], str) else each["Action"])
    ]
    missing = {each for each in row["used"] if not any(fnmatch.fnmatchcase(each, a) for a in allowed)}
    stranger = {"iam:AttachUserPolicy", "iam:CreateAccessKey", "iam:GetUser", "iam:ListAccessKeys", "iam:ListUsers"}
    stranger |= {"s3:ListAllMyBuckets", "secretsmanager:ListSecrets"}
    assert missing == (stranger if row["name"] == "report-exporter" else set())
    assert not set(row["unused"] + row["blocked"]) & set(allowed)
