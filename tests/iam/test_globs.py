"""Wildcards: `*` any run, `?` one character, in linear time."""

from __future__ import annotations

import time

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


def test_a_hostile_pattern_does_not_hang() -> None:
    pattern, text = "*a" * 200 + "*b", "a" * 5000
    start = time.perf_counter()
    assert not fits(tokens(pattern))(text)
    assert time.perf_counter() - start < 2
