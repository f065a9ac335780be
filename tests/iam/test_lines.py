"""`trailsift iam actions`, `expand`, `evaluate`: JSON lines in and out, a bad line answered, the rest going on."""

from __future__ import annotations

import io
import json
import sys
from typing import Any

import pytest

from pipeline.cli import main
from tests.iam.cases import OBJECT, USER, allow

ASKED = {"principal": USER, "action": "s3:GetObject", "resource": OBJECT}
# Its moment in UTC is in the year 10000, which no date can say.
LATE = {"DateLessThan": {"aws:CurrentTime": "9999-12-31T23:59:59-14:00"}}


def run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], verb: str, *lines: str
) -> tuple[list[Any], int]:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO("\n".join(lines).encode()), "utf-8"))
    with pytest.raises(SystemExit) as caught:
        main(["iam", verb])
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()], int(caught.value.code or 0)


def test_actions(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    lines = [
        '{"id": 1, "eventSource": "s3.amazonaws.com", "eventName": "ListBuckets"}',
        "",
        '{"id": "b", "eventSource": "sts.amazonaws.com", "eventName": "GetCallerIdentity"}',
        '{"id": 3, "eventSource": "x.amazonaws.com", "eventName": "Y"}',
    ]
    out, code = run(monkeypatch, capsys, "actions", *lines)
    assert code == 0
    assert out == [
        {"id": 1, "state": "mapped", "actions": [{"action": "s3:ListAllMyBuckets", "resources": [], "basis": "rule"}]},
        {"id": "b", "state": "no_action", "actions": []},
        {"id": 3, "state": "unmapped", "actions": []},
    ]


def test_a_bad_line_does_not_stop_the_rest(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    good = '{"id": 9, "eventSource": "ec2.amazonaws.com", "eventName": "RunInstances"}'
    bad = ["no json", "[1]", '{"id": 2}', '{"id": 3, "eventSource": 5, "eventName": "x"}', "[" * 100_000]
    out, code = run(monkeypatch, capsys, "actions", *bad, good)
    assert code == 1 and len(out) == 6
    assert [each["id"] for each in out] == [None, None, 2, 3, None, 9]
    assert all("error" in each for each in out[:5]) and out[5]["state"] == "mapped"


def test_expand(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    policy = {
        "Version": "2012-10-17",
        "Statement": {"Effect": "Allow", "Action": ["iam:get?ser", "s3:No"], "Resource": "*"},
    }
    lines = [json.dumps({"id": "p", "policy": policy}), '{"id": "q"}', '{"id": "r", "policy": {"Statement": [{}]}}']
    out, code = run(monkeypatch, capsys, "expand", *lines)
    assert code == 1
    assert out[0] == {"id": "p", "actions": ["iam:GetUser"], "unknown": ["s3:No"]}
    assert out[1]["id"] == "q" and "policy" in out[1]["error"]
    assert "Statement[0]" in out[2]["error"]


def test_evaluate(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    mfa = {"Bool": {"aws:MultiFactorAuthPresent": "true"}}
    policy = {"Version": "2012-10-17", "Statement": [{"Sid": "Mfa", **allow("s3:*", "*", mfa)["Statement"][0]}]}
    asked = {"principal": USER, "action": "s3:GetObject", "resource": OBJECT}
    policies = {"identity": [policy], "boundary": None, "session": None, "scps": [], "rcps": [], "resource": None,
                "vpc_endpoint": None}  # fmt: skip
    lines = [
        {"id": "no", "request": asked, "policies": policies},
        {"id": "yes", "request": {**asked, "context": {"aws:multifactorauthpresent": True}}, "policies": policies},
        {"id": "open", "request": asked, "policies": policies, "partial_context": True},
        {"id": "inside", "request": {**asked, "partial_context": True}, "policies": policies},
    ]
    out, code = run(monkeypatch, capsys, "evaluate", *map(json.dumps, lines))
    assert code == 0
    matched = {"policy": "identity[0]", "index": 0, "sid": "Mfa", "effect": "Allow"}
    key = ["aws:MultiFactorAuthPresent"]
    open_ = {"decision": "conditional", "blocked_by": None, "matched": [{**matched, "unknown": key}], "conditions": key}
    assert out == [
        {"id": "no", "decision": "implicit_deny", "blocked_by": "identity", "matched": [], "conditions": []},
        {"id": "yes", "decision": "allowed", "blocked_by": None, "matched": [matched], "conditions": []},
        {"id": "open", **open_},
        {"id": "inside", **open_},
    ]


def test_evaluate_answers_bad_lines_and_goes_on(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = {"principal": USER, "action": "s3:GetObject", "resource": OBJECT}
    bad = {"identity": [{"Version": "2012-10-17", "Statement": {"Effect": "Maybe", "Action": "*", "Resource": "*"}}]}
    lines = [
        "{", "7", json.dumps({"id": 3, "request": asked}), json.dumps({"id": 4, "policies": {}}),
        json.dumps({"id": 5, "request": asked, "policies": bad}),
        json.dumps({"id": 6, "request": {**asked, "resource_acount": "1"}, "policies": {}}),
        json.dumps({"id": 7, "request": asked, "policies": {"identity": [allow()]}}),
    ]  # fmt: skip
    out, code = run(monkeypatch, capsys, "evaluate", *lines)
    assert code == 1
    assert [each["id"] for each in out] == [None, None, 3, 4, 5, 6, 7]
    assert all(set(each) == {"id", "error"} for each in out[:6]) and out[6]["decision"] == "allowed"
    assert "identity[0].Statement[0].Effect" in out[4]["error"] and "resource_acount" in out[5]["error"]


# Lines that would be easy to trip over: each is answered, and the last one still is.
DEEP = "[" * 990 + "]" * 990
TRAPS = [
    '{"id": NaN}',
    '{"id": 1e999, "request": {}, "policies": {}}',
    f'{{"id": {DEEP}, "request": {{}}, "policies": {{}}}}',
    f'{{"id": 1, "request": {{"principal": {DEEP}, "action": "s3:GetObject", "resource": "*"}}, "policies": {{}}}}',
    '{"id": 1, "request": 1' + "0" * 5000 + "}",
    '{"id": 1, "id": 2, "request": {}, "policies": {}}',
    '{"id": 1, "request": null, "policies": null}',
    '{"id": "\\ud800", "request": {}, "policies": {"identity": ["\\ud800"]}}',
    json.dumps({"id": 1, "request": ASKED, "policies": {}, "partial_context": "yes"}),
    json.dumps({"id": 1, "request": ASKED, "policies": {"identity": [allow(condition=LATE)]}}),
    "\x00",
    "\ufeff{}",
]


@pytest.mark.parametrize("trap", TRAPS, ids=range(len(TRAPS)))
def test_no_line_trips_the_command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], trap: str
) -> None:
    good = json.dumps({"id": "good", "request": ASKED, "policies": {"identity": [allow()]}})
    out, code = run(monkeypatch, capsys, "evaluate", trap, good)
    assert code == 1 and len(out) == 2
    assert set(out[0]) == {"id", "error"} and out[0]["error"].startswith("line 1: ")
    assert out[1]["id"] == "good" and out[1]["decision"] == "allowed"


@pytest.mark.parametrize("member", ["boundary", "session", "scps", "rcps", "resource", "vpc_endpoint", None])
def test_null_is_the_same_as_not_given(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], member: str | None
) -> None:
    nothing = {"context": None, "resource_account": None, "partial_context": None}
    policies = {"identity": [allow()]} | ({member: None} if member else {})
    line = {"id": 1, "request": {**ASKED, **nothing}, "policies": policies, "partial_context": None}
    out, code = run(monkeypatch, capsys, "evaluate", json.dumps(line))
    assert (out[0]["decision"], code) == ("allowed", 0)
