"""`trailsift iam actions` and `iam expand`: JSON lines in and out, a bad line answered, the rest going on."""

from __future__ import annotations

import io
import json
import sys
from typing import Any

import pytest

from pipeline.cli import main


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
