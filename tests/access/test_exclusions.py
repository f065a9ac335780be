"""Exclusions: what they cover, what they leave out of the report, and how it is told."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from pipeline import config
from pipeline.access.exclusions import Exclusions, grace
from pipeline.access.ground import survey
from pipeline.access.rightsize.propose import propose
from pipeline.access.unused import unused
from pipeline.config import ExclusionSettings
from pipeline.errors import UsageError
from tests.access.worlds import END, START, allow, arn, daily, engine, managed, policy, role

TODAY = date(2026, 10, 30)
ITEMS = [
    role("keep", policy(allow("ec2:RunInstances", Sid="NOREPO"), allow("ec2:StopInstances", "*")), path="/ops/",
         Tags=[{"Key": "team", "Value": "disaster"}]),
    role("other", policy(allow("ec2:RunInstances"))),
]  # fmt: skip


def left(*given: ExclusionSettings, used_too: bool = False) -> tuple[set[tuple[str, str]], list[str], list[str]]:
    """Rows by principal and action, what is said beside them, and the texts of `excluded`."""
    with engine(ITEMS, daily()) as made:
        report = unused(made, START, END, used_too=used_too, excluded=Exclusions(given, TODAY))
    rows = report.rows.to_pylist()
    names = {(each["principal_arn"].rpartition("/")[2], each["action"]) for each in rows}
    return names, report.notes, sorted({each["excluded"] for each in rows})


def excluded(**criteria: str) -> ExclusionSettings:
    return ExclusionSettings(owner="ops@example.com", reason="break glass", **criteria)


RUN, STOP, OTHER = ("keep", "ec2:RunInstances"), ("keep", "ec2:StopInstances"), ("other", "ec2:RunInstances")


@pytest.mark.parametrize(
    ("criteria", "expected"),
    [
        ({"principal": arn("role", "keep", "/ops/")}, {OTHER}),
        ({"principal": "*:role/*"}, set()),
        ({"path": "/ops/*"}, {OTHER}),
        ({"tag": "team=dis*"}, {OTHER}),
        ({"tag": "team=red"}, {RUN, STOP, OTHER}),
        ({"action": "ec2:Run*"}, {STOP}),
        ({"action": "EC2:runinstances"}, {STOP}),
        ({"sid": "NOREPO*"}, {STOP, OTHER}),
        ({"path": "/ops/*", "action": "ec2:Stop*"}, {RUN, OTHER}),
    ],
)
def test_what_is_covered_is_left_out(criteria: dict[str, str], expected: set[tuple[str, str]]) -> None:
    assert left(excluded(**criteria))[0] == expected


def test_what_is_left_out_is_counted_and_shown_on_demand() -> None:
    _, notes, _ = left(excluded(path="/ops/*", until="2026-12-31"))
    assert "2 permissions left out: break glass (ops@example.com, until 2026-12-31)" in notes
    names, notes, texts = left(excluded(path="/ops/*"), used_too=True)
    assert names >= {RUN, STOP, OTHER}
    assert texts == ["", "break glass (ops@example.com)"]
    assert not [each for each in notes if "left out: break" in each]


def test_one_that_has_ended_covers_nothing_and_is_told() -> None:
    names, notes, _ = left(excluded(path="/ops/*", until="2026-10-29"))
    assert names == {RUN, STOP, OTHER}
    assert "an exclusion ended on 2026-10-29: break glass (ops@example.com, until 2026-10-29)" in notes
    assert left(excluded(path="/ops/*", until="2026-10-30"))[0] == {OTHER}


def test_a_proposal_keeps_what_somebody_answers_for() -> None:
    def actions(*given: ExclusionSettings) -> tuple[set[str], list[str]]:
        with engine(ITEMS, daily()) as made:
            proposal = propose(survey(made, START, END, Exclusions(given, TODAY)), arn("role", "keep", "/ops/"))
        statements = [each for document in proposal.documents for each in document["Statement"]]
        return {str(each["Action"]) for each in statements}, proposal.notes

    assert actions()[0] == set()
    kept, notes = actions(excluded(sid="NOREPO*"))
    assert kept == {"ec2:RunInstances"}
    assert "kept for an exclusion: break glass (ops@example.com)" in notes


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('[[exclusions]]\nowner = "a"\n', "exclusions 1: it has no reason"),
        ('[[exclusions]]\nreason = "a"\n', "exclusions 1: it has no owner"),
        ('[[exclusions]]\nowner = "a"\nreason = "b"\nwho = "c"\n', "there is no setting 'who'"),
        ('exclusions = "x"\n', "exclusions is no list of tables"),
    ],
)
def test_a_table_that_is_wrong(text: str, problem: str, tmp_path: Path) -> None:
    (tmp_path / "trailsift.toml").write_text(text)
    with pytest.raises(UsageError, match=problem):
        config.load(start=tmp_path)


@pytest.mark.parametrize(
    ("criteria", "problem"), [({}, "covers everything"), ({"path": "/", "until": "soon"}, "'soon' is no day")]
)
def test_one_that_means_nothing(criteria: dict[str, Any], problem: str) -> None:
    with pytest.raises(UsageError, match=problem):
        Exclusions([excluded(**criteria)], TODAY)


def test_the_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "trailsift.toml").write_text('[[exclusions]]\nowner = "a"\nreason = "b"\nsid = "NOREPO*"\n')
    assert config.load(start=tmp_path).exclusions == (ExclusionSettings(owner="a", reason="b", sid="NOREPO*"),)


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        (0, "newer than the window: inline"),
        (60, "newer than the grace: inline"),
        (30, "no call in the window"),
        (400, "newer than the window: inline"),
    ],
)
def test_a_permission_is_new_for_its_grace_and_no_longer(days: int, expected: str) -> None:
    """A managed policy granted 45 days before the end of a window of 90 days."""
    given = managed("m", ("2026-09-15T00:00:00Z", policy(allow("ec2:RunInstances"))))
    held = [{"PolicyName": "m", "PolicyArn": given["arn"]}]
    with engine([given, role("r", AttachedManagedPolicies=held)], daily()) as made:
        rows = unused(made, START, END, grace=grace(days)).rows.to_pylist()
    (row,) = rows
    new = days != 30
    assert row["verdict"] == ("unused_low_confidence" if new else "unused")
    assert row["reason"].startswith(expected.replace("inline", given["arn"]))
