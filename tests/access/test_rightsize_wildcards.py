"""Short lists that are not wider, narrow resources that are not elsewhere, and policies that fit IAM's limits."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.access.granted import parsed
from pipeline.access.rightsize.limits import MANAGED, parted
from pipeline.access.rightsize.narrow import fewer, least, narrowed
from pipeline.access.rightsize.rewrite import size
from pipeline.access.rightsize.wildcards import LETTERS, NAMES, WORDS, lies_in, written
from pipeline.iam.globs import matches, within
from pipeline.iam.policy import Statement
from tests.access.rightsized import CATALOGUE, actions, granted, proposed
from tests.access.worlds import ACCOUNT, allow, call, managed, policy, role

TABLE = f"arn:aws:dynamodb:*:{ACCOUNT}:table"


def statement(action: Any, **more: Any) -> Statement:
    return parsed(policy({"Effect": "Allow", "Action": action, "Resource": "*", **more})).statements[0]


@pytest.mark.parametrize(
    ("inner", "outer", "expected"),
    [
        ("abc", "abc", True),
        ("abc", "a*", True),
        ("a*c", "a*", True),
        ("a*c", "a*c", True),
        ("a?c", "a?c", True),
        ("abc", "a?c", True),
        ("a?c", "a*c", True),
        # A star may be nothing or much: one character cannot take it in.
        ("a*c", "a?c", False),
        ("a*", "abc", False),
        ("a?c", "abc", False),
        ("*", "a*", False),
        ("ab", "a", False),
        ("a", "ab", False),
        ("", "*", True),
        ("a*b*c", "*b*", True),
        ("arn:aws:s3:::b/*", "arn:aws:s3:::b*", True),
        ("arn:aws:s3:::b*", "arn:aws:s3:::b/*", False),
    ],
)
def test_within(inner: str, outer: str, expected: bool) -> None:
    assert within(inner, outer) is expected


GLOBS = st.text("ab*?", max_size=6)


@given(GLOBS, GLOBS, st.lists(st.text("abc", max_size=8), max_size=30))
def test_what_is_within_fits_the_outer(inner: str, outer: str, texts: list[str]) -> None:
    if within(inner, outer):
        assert [text for text in texts if matches(inner, text) and not matches(outer, text)] == []


@given(GLOBS, st.data())
def test_a_glob_is_within_itself_and_its_texts_within_it(glob: str, data: st.DataObject) -> None:
    assert within(glob, glob)
    text = "".join(
        data.draw(st.text("abc", max_size=3))
        if each == "*"
        else data.draw(st.sampled_from("abc"))
        if each == "?"
        else each
        for each in glob
    )
    assert within(text, glob)


def bits(*names: str) -> int:
    found = CATALOGUE.expand(names)
    assert not found.unknown
    return found.bits


@pytest.mark.parametrize("level", [NAMES, WORDS, LETTERS])
@pytest.mark.parametrize(
    "old",
    [
        statement("*"),
        statement(["s3:*", "ec2:Describe*"]),
        parsed(policy({"Effect": "Allow", "NotAction": ["iam:*", "s3:Get*"], "Resource": "*"})).statements[0],
    ],
    ids=["all", "some", "complement"],
)
def test_lists_name_just_what_is_kept(old: Statement, level: int) -> None:
    granted_bits = old.expand(CATALOGUE).bits
    for drop in (bits("s3:*Object*"), bits("ec2:Describe*", "s3:DeleteBucket"), bits("sqs:*")):
        kept = granted_bits & ~drop
        names = written(old, kept, (), CATALOGUE, level)
        assert CATALOGUE.expand(names).bits == kept
        assert names == sorted(names, key=str.lower)
        # Nor does any pattern reach a name that the old statement did not, known or not.
        assert all(lies_in(name, old) for name in names)


def test_lists_get_shorter_level_by_level() -> None:
    old = statement("ec2:*")
    kept = bits("ec2:Describe*", "ec2:Get*", "ec2:CreateTags")
    lists = [written(old, kept, (), CATALOGUE, level) for level in (NAMES, WORDS, LETTERS)]
    assert lists[1] == ["ec2:CreateTags", "ec2:Describe*", "ec2:Get*"]
    assert len(lists[0]) > 200 and sum(map(len, lists[2])) <= sum(map(len, lists[1]))


def test_no_wildcard_where_the_old_list_had_names() -> None:
    """The next ec2:DescribeSomethingNew was not granted by a list of every Describe action of today."""
    names = CATALOGUE.names(bits("ec2:Describe*"))
    kept = bits("ec2:Describe*") & ~bits("ec2:DescribeVpcs")
    for level in (NAMES, WORDS, LETTERS):
        assert written(statement(names), kept, (), CATALOGUE, level) == [n for n in names if n != "ec2:DescribeVpcs"]


@pytest.mark.parametrize(
    ("old", "seen", "expected"),
    [
        ("*", "arn:aws:s3:::b", "arn:aws:s3:::b"),
        ("arn:aws:s3:::b/raw/*", "arn:aws:s3:::b/*", "arn:aws:s3:::b/raw/*"),
        ("arn:aws:s3:::*", "arn:aws:s3:::b/*", "arn:aws:s3:::b/*"),
        # Region and account stay as they were.
        (f"{TABLE}/*", f"arn:aws:dynamodb:us-east-1:{'?' * 12}:table/t", f"{TABLE}/t"),
        (f"{TABLE}/t", f"arn:aws:dynamodb:us-east-1:{'?' * 12}:table/t", f"{TABLE}/t"),
        # Neither lies within the other: nothing sure can be said.
        (f"{TABLE}/a*", f"arn:aws:dynamodb:us-east-1:{'?' * 12}:table/*z", None),
        ("arn:aws:lambda:*:function:f", f"arn:aws:lambda:us-east-1:{'?' * 12}:function:f", None),
    ],
)
def test_fewer_resources(old: str, seen: str, expected: str | None) -> None:
    found = fewer(old, seen)
    assert found == expected
    assert found is None or within(found, old)


def test_very_many_resources_are_not_listed() -> None:
    """A role that reads a thousand buckets needs the pattern it has."""
    old = parsed(policy(allow("s3:GetBucketPolicy", "arn:aws:s3:::*"))).statements[0]
    assert narrowed(old, {f"arn:aws:s3:::b{number}" for number in range(1000)}) is None
    few = narrowed(old, {"arn:aws:s3:::b1", "arn:aws:s3:::b2"})
    assert few == ("arn:aws:s3:::b1", "arn:aws:s3:::b2")
    assert narrowed(old, None) is None and narrowed(old, set()) is None


def test_least() -> None:
    assert least(["a/*", "a/b", "c", "a/*"]) == ("a/*", "c")


def test_a_long_policy_is_parted() -> None:
    names = [f"ec2:{'Describe' * 4}{number:04}" for number in range(400)]
    document = policy(
        allow(names, Sid="Many"), allow("s3:*", Sid="Few"), {"Effect": "Deny", "Action": "iam:*", "Resource": "*"}
    )
    pieces = parted(document)
    assert len(pieces) > 2 and all(size(piece) <= MANAGED and piece["Version"] == "2012-10-17" for piece in pieces)
    assert granted(pieces) == granted([document])
    assert [each for piece in pieces for each in piece["Statement"] if each["Effect"] == "Deny"] == [
        document["Statement"][2]
    ]
    # As few as can be: all but the last are full to within one name.
    assert all(size(piece) > MANAGED - 120 for piece in pieces[:-1])


def test_an_administrator_who_needs_much_that_nobody_can_see() -> None:
    """Thousands of actions leave no event: shortened, parted, and still exactly what is kept."""
    aws = managed("AdministratorAccess", ("2020-01-01T00:00:00Z", policy(allow("*"))))
    aws["arn"] = aws["item"]["Arn"] = "arn:aws:iam::aws:policy/AdministratorAccess"
    attached = [{"PolicyName": "AdministratorAccess", "PolicyArn": aws["arn"]}]
    made = proposed([aws, role("r", AttachedManagedPolicies=attached)], [call("role/r", "ec2", "RunInstances")])
    kept = {row["action"] for row in (*made.blind, *made.doubt)} | {"ec2:RunInstances"}
    assert actions(made.documents) == kept and len(kept) > 1000
    assert 1 < len(made.policies) <= 10 and all(each["size"] <= MANAGED for each in made.policies)
    assert len({each["name"] for each in made.policies}) == len(made.policies)


def test_inline_policies_that_no_longer_fit_become_managed() -> None:
    """10,240 characters for all inline policies of a role together ("IAM and AWS STS quotas")."""
    made = proposed([role("r", policy(allow("*")), policy(allow("ec2:*")))], [call("role/r", "ec2", "RunInstances")])
    inline = [each for each in made.policies if each["kind"] == "inline"]
    assert sum(each["size"] for each in inline) <= 10240
    assert any(each["change"] == "replace" and each["replaces"] == "p0" for each in made.policies)
