"""Wildcards: `*` any run, `?` one character, in linear time."""

from __future__ import annotations

import sys
from types import FrameType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from pipeline.iam.globs import fits, matches, overlap, tokens


@pytest.mark.parametrize(
    ("pattern", "text", "fits"),
    [
        ("arn:aws:s3:::b/*", "arn:aws:s3:::b/x/y:z", True),
        ("arn:aws:s3:::b/*", "arn:aws:s3:::b", False),
        ("*", "", True),
        ("?", "", False),
        ("a?c", "abc", True),
        ("a*c*e", "abcde", True),
        ("a*b*b", "ab", False),
        ("a.c", "abc", False),
        ("[ab]", "a", False),
        ("a*", "A", False),
        ("a*\n", "ab\n", True),
    ],
)
def test_matches(pattern: str, text: str, fits: bool) -> None:
    assert matches(pattern, text) is fits


@pytest.mark.parametrize(
    ("one", "other", "meet"),
    [
        ("arn:aws:s3:::b/*", "arn:*:s3:*:b/*", True),
        ("arn:aws:s3:::b/*", "arn:aws:s3:::b", False),
        ("arn:aws:s3:::a*", "arn:*:s3:*:abc/*", True),
        ("arn:aws:s3:::a", "arn:*:s3:*:ab", False),
        ("*", "anything", True),
        ("a*b", "*", True),
        ("a?", "*b", True),
        ("a?", "?c?", False),
        ("", "*", True),
        ("", "?", False),
    ],
)
def test_overlap(one: str, other: str, meet: bool) -> None:
    assert overlap(one, other) is meet and overlap(other, one) is meet


@given(some.text("ab*?", max_size=8), some.text("ab", max_size=8))
def test_overlap_with_a_plain_text_is_a_match(pattern: str, text: str) -> None:
    assert overlap(pattern, text) == matches(pattern, text)


@given(some.text("ab*?", max_size=7), some.text("ab*?", max_size=7), some.text("ab", max_size=6))
def test_what_fits_both_makes_them_overlap(one: str, other: str, text: str) -> None:
    if matches(one, text) and matches(other, text):
        assert overlap(one, other)


def steps(pattern: str, text: str) -> int:
    """Lines of Python run to compile the pattern and match the text; the library's own searches are linear."""
    ran = 0

    def count(frame: FrameType, event: str, argument: object) -> Any:
        nonlocal ran
        ran += event == "line"
        return count

    fits.cache_clear()
    before = sys.gettrace()
    sys.settrace(count)
    try:
        fits(tokens(pattern))(text)
    finally:
        sys.settrace(before)
    return ran


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("*a", "a"),
        ("*a*b", "ab"),
        ("*?a", "a"),
        ("*" * 8, "ab"),
        ("a?" * 4 + "*", "aa"),
        ("*aaaa?aaaab", "a"),
        ("?*", "a"),
    ],
)
def test_work_grows_with_the_sizes_and_not_with_their_powers(pattern: str, text: str) -> None:
    once = steps(pattern * 50 + "b", text * 500)
    twice = steps(pattern * 100 + "b", text * 1000)
    assert twice <= 2.2 * once + 50


@given(some.text("ab*?", max_size=10), some.text("ab", max_size=10))
def test_the_same_as_trying_every_split(pattern: str, text: str) -> None:
    def fit(p: int, t: int) -> bool:
        if p == len(pattern):
            return t == len(text)
        if pattern[p] == "*":
            return any(fit(p + 1, later) for later in range(t, len(text) + 1))
        return t < len(text) and pattern[p] in ("?", text[t]) and fit(p + 1, t + 1)

    assert matches(pattern, text) is fit(0, 0)
