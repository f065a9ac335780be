"""Texts from rules as SQL literals: the one function by which a value of a rule gets into a statement."""

from __future__ import annotations

import re

_CONTROL = re.compile(r"([\x00-\x1f\x7f]+)")


class Unfit(Exception):
    """Why a rule, or a part of one, cannot be asked of the lake; `key` is the field at fault where one is known."""

    def __init__(self, problem: str, remedy: str = "", key: str = "") -> None:
        self.problem, self.remedy, self.key = problem, remedy, key
        super().__init__(problem)


def literal(text: str) -> str:
    """An SQL expression that gives exactly `text`, whatever it holds; raises Unfit for half a surrogate pair.

    Inside single quotes DuckDB reads every character as itself but the quote, which is doubled. Control characters
    are spelled out, so that a statement stays one that can be printed.
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        raise Unfit("a value holds half a surrogate pair", "write the whole character") from None
    parts: list[str] = []
    for number, piece in enumerate(_CONTROL.split(text)):
        if number % 2:
            parts += [f"chr({ord(each)})" for each in piece]
        elif piece:
            parts.append("'" + piece.replace("'", "''") + "'")
    if not parts:
        return "''"
    return parts[0] if len(parts) == 1 else f"({' || '.join(parts)})"


def folded(text: str) -> str:
    """The literal in DuckDB's own small letters, which differ from Python's for a few characters."""
    return f"lower({literal(text)})"


def joined(word: str, parts: list[str]) -> str:
    """SQL conditions joined by AND or OR as a balanced tree, so that thousands of them are not a deep one."""
    if len(parts) <= 50:
        return f"({f' {word} '.join(parts)})" if len(parts) > 1 else parts[0]
    half = len(parts) // 2
    return f"({joined(word, parts[:half])} {word} {joined(word, parts[half:])})"
