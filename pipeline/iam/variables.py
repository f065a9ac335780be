"""Policy variables: `${aws:username}` in a text, put in from the request; and what a request says of a key.

Rules of "IAM policy elements: Variables and tags": keys mind no case; `${*}`, `${?}` and `${$}` are the characters
themselves; `${key, 'text'}` has a default; nothing equals a variable without a value, so its pattern names nothing
and a negated operator holds; only documents of version 2012-10-17 have variables, in others the letters stand for
themselves. A wildcard in a variable's value is no wildcard.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.errors import UsageError
from pipeline.iam.globs import Glob, Token, tokens

# A name cannot hold braces, so a hostile run of "${" is passed over once.
_VARIABLE = re.compile(r"\$\{(?:([*?$])|([^{}',]+)(?:,\s*'([^']*)')?)\}")


_MOST_VALUES = 1000
# All of a key's values together; the longest that AWS has is a header of some thousand characters.
_LONGEST = 1 << 16


class Unknown:
    """The answer where a partial context does not tell a key's value."""


UNKNOWN = Unknown()


class Context:
    """The request's keys, without regard to case; each has a tuple of texts.

    `partial`: a key that is not given is unknown, and one given as null is known to be absent. Otherwise the
    context is complete and a key that is not given is absent.
    """

    __slots__ = ("partial", "values")

    def __init__(self, given: Mapping[str, Any], partial: bool = False) -> None:
        self.values = {key.lower(): _texts(key, value) for key, value in given.items()}
        if len(self.values) < len(given):
            raise UsageError("context", "has a key twice, in other letters", "key names mind no case; keep one")
        self.partial = partial

    def get(self, key: str) -> tuple[str, ...] | Unknown:
        """Values of a key in lower case; none where it is absent."""
        found = self.values.get(key)
        if found is not None:
            return found
        return UNKNOWN if self.partial else ()


def _texts(key: str, value: object) -> tuple[str, ...]:
    listed: Sequence[object] = value if isinstance(value, list | tuple) else () if value is None else (value,)
    place = f"context.{key[:80]}"
    if len(listed) > _MOST_VALUES:
        raise UsageError(place, f"has more than {_MOST_VALUES:,} values", "no key of AWS's has that many")
    found = tuple(_text(place, each) for each in listed)
    if sum(map(len, found)) > _LONGEST:
        raise UsageError(place, f"has more than {_LONGEST:,} characters", "no key of AWS's is that long")
    return found


def _text(place: str, value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    raise UsageError(place, "is no text, number or truth value", "give one, or a list of them")


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable: its key as written, and the text that stands in where the key has no value."""

    key: str
    default: str | None = None


Template = tuple[Token | Variable, ...]


def template(text: str, wild: bool, variables: bool) -> Template:
    """A policy's text in parts; `wild`: `*` and `?` are wildcards; `variables`: the document's version has them."""
    if not variables or "${" not in text:
        return _plain(text, wild)
    found: list[Token | Variable] = []
    place = 0
    for each in _VARIABLE.finditer(text):
        found += _plain(text[place : each.start()], wild)
        character, key, default = each.groups()
        found.append(character or Variable(key, default))
        place = each.end()
    return tuple(found) + _plain(text[place:], wild)


def _plain(text: str, wild: bool) -> Glob:
    return tokens(text) if wild else (text,) if text else ()


def unknown_keys(parts: Template, context: Context) -> frozenset[str]:
    """Keys of the template's variables that the context does not tell, as written."""
    return frozenset(
        part.key for part in parts if isinstance(part, Variable) and context.get(part.key.lower()) is UNKNOWN
    )


def resolve(parts: Template, context: Context) -> Glob | None:
    """The template with its values; None where a variable has none. Asked only where every key is known.

    A key of several values is no variable's value ("Policy variables can hold single-valued keys only"). None too for
    a text longer than any that it could be compared with.
    """
    found: list[Token] = []
    length = 0
    for part in parts:
        if isinstance(part, Variable):
            value = context.get(part.key.lower())
            if isinstance(value, tuple) and len(value) == 1:
                part = value[0]
            elif part.default is not None and not value:
                part = part.default
            else:
                return None
            length += len(part)
            if length > _LONGEST:
                return None
        if isinstance(part, str) and found and isinstance(found[-1], str):
            found[-1] += part
        elif part != "":
            found.append(part)
    return tuple(found)


def fixed(parts: Template) -> Glob | None:
    """The template as a glob, where it has no variables."""
    return None if any(isinstance(part, Variable) for part in parts) else resolve(parts, _NOTHING)


_NOTHING = Context({})
