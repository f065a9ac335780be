"""What was made and what it did in turn, what was gained, the marks, who is near, and the bounds."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from pipeline.casework.report import to_json, to_text
from pipeline.cli import main
from pipeline.engines.duckdb import connect
from pipeline.lake.tables import Lake
from pipeline.names import Names
from tests.casework.worlds import OTHER, Record, assume, call, ids, role, tell, time, user
from tests.lakes import make_lake
from tests.logs import ACCOUNT

EVE = user("eve", "AKIAEVE1")
BOB = f"arn:aws:iam::{ACCOUNT}:user/bob"


def new_key(minute: int, by: Record, of: str, key: str, **changes: Any) -> Record:
    answer = {"accessKey": {"accessKeyId": key, "userName": of, "status": "Active"}}
    return call(minute, by, "CreateAccessKey", "iam", requestParameters={"userName": of}, responseElements=answer)


def new_user(minute: int, by: Record, name: str) -> Record:
    answer = {"user": {"arn": f"arn:aws:iam::{ACCOUNT}:user/{name}", "userName": name, "userId": "AIDANEW"}}
    return call(minute, by, "CreateUser", "iam", requestParameters={"userName": name}, responseElements=answer)


def made(facts: Record) -> dict[str, Any]:
    return {each["id"]: each for each in facts["created"]}


def test_what_was_made_is_followed_one_after_another() -> None:
    bob = user("bob", "AKIABOB1")
    facts = tell(
        [
            call(1, user("bob", "AKIAOLDBOB"), "ListBuckets", "s3"),  # another bob, before this one was made
            new_user(2, EVE, "bob"),
            new_key(3, EVE, "bob", "AKIABOB1"),
            assume(4, bob, "worker", "ASIABOB"),
            call(5, role("worker", "work", "ASIABOB", 4), "RunInstances"),
            call(6, user("carol", "AKIACAROL"), "ListBuckets", "s3"),
        ],
        "AKIAEVE1",
    )
    assert ids(facts) == ["e2", "e3", "e4", "e5"]
    there = made(facts)
    assert {each: there[each]["eventID"] for each in there} == {BOB: "e2", "AKIABOB1": "e3", "ASIABOB": "e4"}
    assert (there["AKIABOB1"]["events"], there["ASIABOB"]["events"], there[BOB]["events"]) == (1, 1, 1)
    assert there["ASIABOB"]["by_key"] == "AKIABOB1"


def test_an_instance_and_a_function_act_under_their_names() -> None:
    """EC2 names a role's session after the instance, Lambda after the function (CloudTrail "userIdentity element")."""
    instances = {"instancesSet": {"items": [{"instanceId": "i-0aaa"}, {"instanceId": "i-0bbb"}]}}
    function = {"functionArn": f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:tool", "functionName": "tool"}
    facts = tell(
        [
            call(1, role("worker", "tool", "ASIABEFORE", 1), "ListBuckets", "s3"),
            call(2, EVE, "RunInstances", responseElements=instances),
            call(3, EVE, "CreateFunction20150331", "lambda", responseElements=function),
            call(4, role("worker", "i-0aaa", "ASIAONE", 4), "ListBuckets", "s3"),
            call(5, role("worker", "tool", "ASIATWO", 5), "ListBuckets", "s3"),
        ],
        "AKIAEVE1",
    )
    assert ids(facts) == ["e2", "e3", "e4", "e5"]
    there = made(facts)
    assert {each: there[each]["events"] for each in there} == {"i-0aaa": 1, "i-0bbb": 0, function["functionArn"]: 1}


def test_a_password_is_followed_to_the_console_only() -> None:
    request = {"userName": "bob", "passwordResetRequired": False}
    answer = {"loginProfile": {"userName": "bob", "createDate": "Oct 1, 2026, 10:02:00 AM"}}
    facts = tell(
        [
            call(1, user("bob", None), "ConsoleLogin", "signin", responseElements={"ConsoleLogin": "Success"}),
            call(2, EVE, "CreateLoginProfile", "iam", requestParameters=request, responseElements=answer),
            call(3, user("bob", None), "ConsoleLogin", "signin", responseElements={"ConsoleLogin": "Success"}),
            call(4, user("bob", "AKIABOB1"), "ListBuckets", "s3"),
            call(5, user("bob", "ASIABOB"), "ListUsers", "iam", sessionCredentialFromConsole="true"),
        ],
        "AKIAEVE1",
    )
    assert ids(facts) == ["e2", "e3", "e5"]
    assert [each["marks"] for each in facts["timeline"]][1].count("console") == 1


def test_a_password_is_followed_to_a_user_with_a_path() -> None:
    """A request names a user without the path that its ARN has (IAM identifiers: friendly names and paths)."""
    bob = user("bob", None) | {"arn": f"arn:aws:iam::{ACCOUNT}:user/staff/bob"}
    other = user("bob", None, OTHER) | {"arn": f"arn:aws:iam::{OTHER}:user/other/bob"}
    answer = {"loginProfile": {"userName": "bob"}}
    facts = tell(
        [
            call(2, EVE, "CreateLoginProfile", "iam", requestParameters={"userName": "bob"}, responseElements=answer),
            call(3, bob, "ConsoleLogin", "signin", responseElements={"ConsoleLogin": "Success"}),
            call(4, other, "ConsoleLogin", "signin", responseElements={"ConsoleLogin": "Success"}),
        ],
        "AKIAEVE1",
    )
    assert ids(facts) == ["e2", "e3"]


def test_a_key_used_before_it_was_made_is_told() -> None:
    facts = tell(
        [call(1, user("bob", "AKIABOB1"), "ListBuckets", "s3"), new_key(3, EVE, "bob", "AKIABOB1")],
        "AKIAEVE1",
    )
    assert ids(facts) == ["e1", "e3"]
    assert made(facts)["AKIABOB1"]["used_before"]
    assert any("before it was made" in each["text"] for each in facts["summary"])


@pytest.mark.parametrize("answer", [None, {}, {"accessKey": None}, {"accessKey": {"accessKeyId": 7}}, []])
def test_an_answer_without_its_members_makes_nothing(answer: Any) -> None:
    facts = tell([call(1, EVE, "CreateAccessKey", "iam", responseElements=answer)], "AKIAEVE1")
    assert (ids(facts), facts["created"]) == (["e1"], [])


def test_a_call_that_makes_very_many_is_followed_in_part_and_says_so() -> None:
    many = {"instancesSet": {"items": [{"instanceId": f"i-{n:04}"} for n in range(1500)]}}
    facts = tell([call(1, EVE, "RunInstances", responseElements=many)], "AKIAEVE1")
    assert len(facts["created"]) == 1500
    assert facts["bounds"] == ["only 1,000 things are followed; 501 more were made or used"]
    assert any("1,500 things of the kind instance" in each["text"] for each in facts["summary"])


def test_a_refused_call_makes_and_gains_nothing() -> None:
    refused = {"errorCode": "AccessDenied", "errorMessage": "no"}
    request = {"userName": "eve", "policyArn": "arn:aws:iam::aws:policy/AdministratorAccess"}
    facts = tell([call(1, EVE, "AttachUserPolicy", "iam", requestParameters=request, **refused)], "AKIAEVE1")
    assert (facts["created"], facts["gained"]) == ([], [])
    assert {"denied", "permission_change"} <= set(facts["timeline"][0]["marks"])


@pytest.mark.parametrize(
    ("by", "name", "request_", "itself"),
    [
        (EVE, "PutUserPolicy", {"userName": "eve", "policyName": "p"}, True),
        (EVE, "PutUserPolicy", {"userName": "bob", "policyName": "p"}, False),
        (EVE, "AttachRolePolicy", {"roleName": "eve", "policyArn": "p"}, False),
        (EVE, "PutUserPolicy", None, None),
        (EVE, "AddUserToGroup", {"userName": "eve", "groupName": "admins"}, True),
        (EVE, "AttachGroupPolicy", {"groupName": "admins", "policyArn": "p"}, None),
        (EVE, "DeleteUserPermissionsBoundary", {"userName": "eve"}, True),
        (role("eve", "s", "AKIAEVE1", 1), "UpdateAssumeRolePolicy", {"roleName": "eve"}, True),
        (user("eve", "AKIAEVE1", OTHER), "PutUserPolicy", {"userName": "eve", "policyName": "p"}, False),
    ],
)
def test_whose_permissions_were_changed(by: Record, name: str, request_: Record | None, itself: bool | None) -> None:
    (gain,) = tell([call(1, by, name, "iam", requestParameters=request_)], "AKIAEVE1")["gained"]
    assert (gain["eventID"], gain["to_itself"]) == ("e1", itself)


def test_a_policy_of_a_group_reaches_who_joined_it() -> None:
    joins = {"requestParameters": {"userName": "eve", "groupName": "admins"}}
    grant = {"requestParameters": {"groupName": "admins", "policyArn": "p"}}
    records = [call(1, EVE, "AddUserToGroup", "iam", **joins), call(2, EVE, "AttachGroupPolicy", "iam", **grant)]
    assert [each["to_itself"] for each in tell(records, "AKIAEVE1")["gained"]] == [True, True]


def test_marks_say_what_stands_out() -> None:
    elsewhere = {"sourceIPAddress": "198.51.100.7"}
    records = [
        call(1, user("eve", "AKIAOTHER"), "ListBuckets", "s3"),
        call(2, EVE, "ListBuckets", "s3"),
        call(3, EVE, "ListUsers", "iam", **elsewhere),
        call(4, EVE, "ListUsers", "iam", errorCode="AccessDenied", **elsewhere),
        call(5, EVE, "StopInstances", errorCode="Client.InvalidInstanceID.NotFound", **elsewhere),
    ]
    marks = {each["eventID"]: each["marks"] for each in tell(records, "AKIAEVE1")["timeline"]}
    assert marks == {
        "e2": ["first_network"],  # the user made the call before, with another key
        "e3": ["first_seen", "first_network"],
        "e4": ["denied"],
        "e5": ["write", "error", "first_seen"],
    }


def test_what_a_service_did_on_behalf_is_tied_by_time_and_marked() -> None:
    for_eve = user("eve", "ASIAFORWARD", invokedBy="s3.amazonaws.com")
    s3 = {"sourceIPAddress": "s3.amazonaws.com"}
    records = [
        call(1, EVE, "GetObject", "s3"),
        call(1, for_eve, "Decrypt", "kms", eventID="near", **s3),
        call(9, for_eve, "Decrypt", "kms", eventID="far", **s3),
    ]
    facts = tell(records, "AKIAEVE1")
    assert ids(facts) == ["e1", "near"]
    assert {"via_service", "by_time"} <= set(facts["timeline"][1]["marks"])
    assert (facts["counts"]["events"], facts["counts"]["access_keys"]) == (2, 1)


def test_who_is_near_without_aws_services() -> None:
    service = {"type": "AWSService", "invokedBy": "config.amazonaws.com"}
    away = {"sourceIPAddress": "198.51.100.7", "userAgent": "other/1"}
    records = [
        call(1, EVE, "ListBuckets", "s3"),
        call(2, EVE, "ListBuckets", "s3", **away),
        call(3, user("bob", "AKIABOB1"), "ListBuckets", "s3", **away),
        call(4, user("carol", "AKIACAROL"), "ListBuckets", "s3", sourceIPAddress="192.0.2.1"),
        call(5, service, "ListBuckets", "s3", **away),
    ]
    related = tell(records, "AKIAEVE1")["related"]
    assert [(e["shared"], e["principal_arn"], e["events"]) for e in related["same_address"]] == [
        ("198.51.100.7", BOB, 1)
    ]
    assert [each["principal_arn"] for each in related["same_agent"]] == [f"arn:aws:iam::{ACCOUNT}:user/carol"]
    assert [(e["source_network"], e["events"]) for e in related["networks"]] == [
        ("203.0.113.0/24", 1),
        ("198.51.100.0/24", 1),
    ]


def test_a_burst_of_denials_and_the_way_there_are_told() -> None:
    names = ["ListUsers", "ListRoles", "ListGroups", "ListPolicies", "ListAccessKeys"]
    away = {"sourceIPAddress": "198.51.100.7"}
    denied = [call(10 + n, EVE, each, "iam", errorCode="AccessDenied", **away) for n, each in enumerate(names)]
    texts = {
        each["text"]: each["event_ids"]
        for each in tell([call(1, EVE, "ListBuckets", "s3"), *denied], "AKIAEVE1")["summary"]
    }
    burst = [found for text, found in texts.items() if "denied 5 different calls" in text]
    assert burst == [[f"e{10 + n}" for n in range(5)]]
    assert any("198.51.100.7, in a network not seen before with it" in text for text in texts)


def test_the_timeline_is_capped_and_counts_are_whole() -> None:
    records = [call(n, EVE, "ListBuckets", "s3") for n in range(1, 40)]
    records.append(call(50, EVE, "StopInstances", errorCode="AccessDenied"))
    facts = tell(records, "AKIAEVE1", max_events=3)
    assert (ids(facts), facts["counts"]["events"], facts["counts"]["left_out"]) == (["e1", "e2", "e50"], 40, 37)


def test_reports_escape_what_the_log_says() -> None:
    records = [call(1, EVE, "List\x1b[31mBuckets", "s3", userAgent="\u202e[bold]x", sourceIPAddress="<script>")]
    facts = tell(records, "AKIAEVE1")
    assert "\x1b" not in to_text(facts) + to_json(facts)
    assert "\u202e" not in to_text(facts) + to_json(facts)
    assert json.loads(to_json(facts))["timeline"][0]["eventName"] == "List\x1b[31mBuckets"


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("case") / "lake"
    make_lake(path, [new_key(3, EVE, "bob", "AKIABOB1"), call(5, user("bob", "AKIABOB1"), "ListBuckets", "s3")])
    return str(path)


def run(*words: str) -> int:
    with pytest.raises(SystemExit) as stop:
        main(list(words))
    assert isinstance(stop.value.code, int)
    return stop.value.code


def test_the_command_gives_the_designs_object(lake: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("investigate", "eve", "--lake", lake, "-o", "json") == 0
    facts = json.loads(capsys.readouterr().out)
    assert {"seed", "identity", "summary", "timeline", "created", "related"} <= facts.keys()
    event = facts["timeline"][0]
    assert (event["eventTime"], event["eventID"], event["marks"][0]) == (time(3), "e3", "write")
    design = {"eventTime", "eventID", "eventSource", "eventName", "outcome", "principal_arn", "sourceIPAddress"}
    assert design | {"resources", "marks"} <= event.keys()


def test_the_command_writes_a_pack(lake: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("investigate", "AKIAEVE1", "--lake", lake, "--pack", str(tmp_path / "case.zip")) == 0
    assert "made the access key AKIABOB1" in capsys.readouterr().out
    with zipfile.ZipFile(tmp_path / "case.zip") as pack:
        snapshot = json.loads(pack.read("manifest.json"))["lake"]["events_snapshot"]
    with connect(Lake.open(lake)) as engine:
        assert snapshot == engine.snapshot_id is not None


def test_the_command_prints_a_report(lake: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("investigate", "AKIAEVE1", "--lake", lake) == 0
    text = capsys.readouterr().out
    assert "made the access key AKIABOB1 (bob)" in text and "Timeline" in text


@pytest.mark.parametrize(
    ("words", "code", "line"),
    [
        (["nobody"], 5, "trailsift: nobody: no event of the window has it; look at trailsift query views/principals"),
        (["AKIAEVE1", "-o", "xml"], 2, "trailsift: -o: 'xml' is no format of investigate; write table or json"),
        (
            ["AKIABOB1", "--to", time(4)],
            5,
            "trailsift: AKIABOB1: no event of the window has it; the lake has it, outside the window",
        ),
    ],
)
def test_the_command_fails_in_one_line(
    lake: str, capsys: pytest.CaptureFixture[str], words: list[str], code: int, line: str
) -> None:
    assert run("investigate", *words, "--lake", lake) == code
    assert capsys.readouterr().err.splitlines()[-1] == line


def test_an_empty_lake_has_no_answer(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make_lake(tmp_path / "lake", [])
    assert run("investigate", "AKIAEVE1", "--lake", str(tmp_path / "lake")) == 5
    assert "holds no events" in capsys.readouterr().err


def test_names_from_the_settings_stand_beside_what_the_log_says() -> None:
    names = Names.read(
        {
            "networks": {"198.51.100.0/24": "office"},
            "owners": {f"arn:aws:iam::{ACCOUNT}:user/ev*": "platform team"},
        }
    )
    records = [
        call(1, EVE, "ListUsers", "iam", sourceIPAddress="198.51.100.7"),
        call(2, EVE, "ListUsers", "iam", sourceIPAddress="203.0.113.9"),
    ]
    facts = tell(records, "AKIAEVE1", names=names)
    assert [(each["source_network"], each["network_name"]) for each in facts["related"]["networks"]] == [
        ("198.51.100.0/24", "office"),
        ("203.0.113.0/24", None),
    ]
    assert any("is first seen from 198.51.100.0/24 (office)" in each["text"] for each in facts["summary"])
    assert {each["owner"] for each in facts["identity"]} == {"platform team"}
    assert "network_name" not in tell(records, "AKIAEVE1")["related"]["networks"][0]
