"""Framework files: complete, and each fault in one is told with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.catalog import Catalog
from pipeline.errors import QueryError, UsageError
from pipeline.evidence import frameworks
from pipeline.evidence.frameworks import Framework

# The numbers of CIS AWS Foundations 5.0.0, all of them.
SECTION_1 = [f"1.{n}" for n in range(1, 22)]
SECTION_2 = [f"2.1.{n}" for n in range(1, 5)] + [f"2.2.{n}" for n in range(1, 5)] + ["2.3.1"]
SECTION_3 = [f"3.{n}" for n in range(1, 10)]
SECTION_4 = [f"4.{n}" for n in range(1, 17)]
SECTION_5 = ["5.1.1", "5.1.2"] + [f"5.{n}" for n in range(2, 8)]


def test_cis_lists_every_recommendation_once_and_in_order(cis: Framework) -> None:
    numbers = [each.id for each in cis.requirements]
    assert numbers == SECTION_1 + SECTION_2 + SECTION_3 + SECTION_4 + SECTION_5


def test_cis_has_questions_for_all_that_the_log_and_the_snapshot_can_answer(cis: Framework) -> None:
    asked = {each.id for each in cis.requirements if each.questions}
    computed = [
        "1.3",
        "1.4",
        "1.5",
        "1.6",
        "1.7",
        "1.8",
        "1.9",
        "1.10",
        "1.11",
        "1.12",
        "1.13",
        "1.14",
        "1.15",
        "1.16",
        "1.21",
    ]
    assert asked == {*computed, *[f"4.{n}" for n in range(1, 16)]}


@pytest.mark.parametrize("number", range(1, 16))
def test_cis_monitoring_recommendations_ask_their_control(number: int, cis: Framework) -> None:
    [requirement] = [each for each in cis.requirements if each.id == f"4.{number}"]
    [question] = requirement.questions
    assert cis.measures[question].control == f"CT-{number:02d}"


def test_what_is_not_asked_says_why(cis: Framework) -> None:
    assert all(each.reason for each in cis.requirements if not each.questions)


def test_every_compliance_question_names_its_control_or_is_about_coverage(catalog: Catalog) -> None:
    plain = {each.id for each in catalog.queries.values() if each.id.startswith("compliance/") and not each.controls}
    assert plain == {"compliance/coverage", "compliance/log_coverage", "compliance/snapshot_coverage"}


GOOD = """\
title = "T"
statement = "S"
[sections]
a = "A"
[questions."compliance/vpc_changes"]
needs = ["writes"]
occurrence = "review"
what = ["change", "changes"]
because = "B"
[[requirements]]
id = "1"
section = "a"
title = "R"
questions = ["compliance/vpc_changes"]
[[requirements]]
id = "2"
section = "a"
title = "M"
verdict = "manual"
reason = "W"
"""


def read(text: str, catalog: Catalog, folder: Path) -> Framework:
    (folder / "f.toml").write_text(text)
    return frameworks.load(catalog, folder)["f"]


def test_a_whole_file_is_read(catalog: Catalog, tmp_path: Path) -> None:
    made = read(GOOD, catalog, tmp_path)
    assert [(each.id, each.verdict) for each in made.requirements] == [("1", None), ("2", "manual")]
    assert made.measures["compliance/vpc_changes"].control == "CT-14"


BROKEN = [
    ('title = "T"', "title = ", 1, "is no TOML"),
    ('title = "T"', 'name = "T"', 1, "name is unknown"),
    ('statement = "S"\n', "", 1, "statement is missing"),
    ('[sections]\na = "A"\n', "", 1, "there is no table sections"),
    ('"compliance/vpc_changes"]\nneeds', '"compliance/vcp_changes"]\nneeds', 5, "there is no question"),
    ('"compliance/vpc_changes"]\nneeds', '"views/events"]\nneeds', 5, "there is no question"),
    ('needs = ["writes"]', 'needs = ["write"]', 6, "write is unknown; did you mean writes?"),
    ('needs = ["writes"]', "needs = []", 5, "needs nothing"),
    ('needs = ["writes"]', 'needs = "writes"', 6, "no list of texts"),
    ('occurrence = "review"', 'occurrence = "maybe"', 7, "'maybe' is unknown; write one of fail, review, row"),
    ('occurrence = "review"', 'occurrence = "row"', 7, "no column judgement"),
    ('what = ["change", "changes"]', 'what = ["change"]', 8, "two texts"),
    ('because = "B"\n', "", 5, "because is missing"),
    ('because = "B"', 'because = "B"\notherwise = "manual"', 5, "reason is missing"),
    ('because = "B"', 'because = "B"\notherwise = "fail"', 10, "otherwise 'fail' is unknown"),
    ('id = "2"', 'id = "1"', 16, "requirement 1 stands here twice"),
    ('id = "2"\n', "", 15, "id is missing"),
    ('id = "2"\nsection = "a"', 'id = "2"\nsection = "b"', 17, "section 'b' is unknown"),
    ('title = "M"', 'titel = "M"', 18, "titel is unknown; did you mean title?"),
    ('verdict = "manual"', 'verdict = "pass"', 19, "'pass' is unknown; write one of manual, not_covered"),
    ('reason = "W"\n', "", 15, "reason is missing"),
    ('verdict = "manual"\n', "", 15, "has questions, or a verdict of its own"),
    (
        'questions = ["compliance/vpc_changes"]',
        'questions = ["compliance/vpc_changes"]\nverdict = "manual"',
        10,
        "has questions, or a verdict of its own",
    ),
    (
        'questions = ["compliance/vpc_changes"]',
        'questions = ["compliance/config_changes"]',
        14,
        "compliance/config_changes is unknown",
    ),
    ('questions = ["compliance/vpc_changes"]', 'verdict = "manual"\nreason = "W"', 5, "no requirement asks"),
    (GOOD[GOOD.index("[[requirements]]") :], "", 1, "there are no requirements"),
]


@pytest.mark.parametrize(("old", "new", "line", "problem"), BROKEN)
def test_a_fault_is_told_with_its_line(
    old: str, new: str, line: int, problem: str, catalog: Catalog, tmp_path: Path
) -> None:
    assert old in GOOD
    with pytest.raises(QueryError) as raised:
        read(GOOD.replace(old, new, 1), catalog, tmp_path)
    assert raised.value.place.split(":")[:2] == ["queries/frameworks/f.toml", str(line)]
    assert problem in str(raised.value)


def test_a_file_that_is_no_text_is_told(catalog: Catalog, tmp_path: Path) -> None:
    (tmp_path / "f.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(QueryError, match="cannot be read"):
        frameworks.load(catalog, tmp_path)


def test_an_unknown_framework_names_the_nearest(cis: Framework) -> None:
    with pytest.raises(UsageError, match="cis_aws_foundations_5_0"):
        frameworks.get({cis.id: cis}, "cis_aws_5_0")
