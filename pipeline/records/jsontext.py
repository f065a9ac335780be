"""JSON text as it stands: whether it is any, and the members or elements of it to the letter.

msgspec does the work. What it refuses and JSON allows, half a surrogate pair written as an escape (RFC 8259,
section 8.2), goes through the standard library's scanner.
"""

from __future__ import annotations

import json
import re

import msgspec

from pipeline.records import brackets

Raw = msgspec.Raw
SPACE = b" \t\r\n"
NO_JSON = (msgspec.DecodeError, RecursionError, UnicodeDecodeError)
TOO_DEEP = "is nested too deeply"
_any = msgspec.json.Decoder(Raw)
_list = msgspec.json.Decoder(list[Raw])


def because(error: Exception) -> str:
    """What a decoder's error says of the text, to follow "the object" or "the record"."""
    if isinstance(error, RecursionError):
        return TOO_DEEP
    return f"is no valid JSON ({str(error).rstrip('.')})"


def readable(value: Raw | bytes) -> bool:
    """Whether every engine takes the value for JSON: DuckDB fails at half a surrogate pair, as msgspec does."""
    try:
        _any.decode(value)
    except NO_JSON:
        return False
    return True


# What msgspec refuses and JSON allows: half a surrogate pair, escaped (RFC 8259, section 8.2).
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F][0-9a-fA-F]{2}")


def why_no_json(text: bytes) -> str | None:
    """Why a text is no JSON value; None where it is one."""
    try:
        _any.decode(text)
    except NO_JSON as error:
        if not _SURROGATE.search(text):
            return because(error)
        try:
            _any.decode(_SURROGATE.sub(rb"\\ufffd", text))
        except NO_JSON:
            return because(error)
    return None


def is_json(text: bytes) -> bool:
    """Whether the text is one JSON value."""
    return why_no_json(text) is None


def elements(text: Raw | bytes) -> list[Raw]:
    """The elements of a list with their text to the letter; raises msgspec.DecodeError where it is no list."""
    try:
        return _list.decode(text)
    except msgspec.DecodeError:
        whole = bytes(text)
        if not is_json(whole):
            raise
        return [Raw(whole[begin:end].strip(SPACE)) for begin, end in brackets.elements(whole, 1)[0]]


def members(record: Raw | bytes) -> dict[str, Raw] | dict[str, bytes]:
    """The members of a record with their text to the letter; the last of several with one name counts.

    Raises ValueError where the record is no object. Falls back to the standard library's scanner for what msgspec
    refuses and JSON allows: escaped lone surrogates (RFC 8259, section 8.2).
    """
    try:
        return _members.decode(record)
    except NO_JSON as error:
        try:
            if _SURROGATE.search(record) and is_json(bytes(record)):
                return _scan_members(bytes(record).decode())
        except (ValueError, RecursionError):
            pass
        raise ValueError(because(error)) from None


_members = msgspec.json.Decoder(dict[str, Raw])
# Numbers stay text: the scanner tells where a value ends, and the long ones are more than Python reads.
_decoder = json.JSONDecoder(parse_int=str, parse_float=str)
_GAP = re.compile(r"[ \t\r\n]*")


def _scan_members(text: str) -> dict[str, bytes]:
    found: dict[str, bytes] = {}

    def skip(at: int, expected: str = "") -> int:
        gap = _GAP.match(text, at)
        at = gap.end() if gap else at
        if expected and text[at : at + 1] != expected:
            raise ValueError(f"expected {expected!r} at {at}")
        return at + len(expected)

    at = skip(skip(0, "{"))
    while text[at : at + 1] != "}":
        if found:
            at = skip(skip(at, ","))
        name, at = _decoder.raw_decode(text, at)
        if not isinstance(name, str):
            raise ValueError("a member has no name")
        begin = skip(skip(at, ":"))
        _, at = _decoder.raw_decode(text, begin)
        found[name] = text[begin:at].encode()
        at = skip(at)
    if skip(at + 1) != len(text):
        raise ValueError("text follows the record")
    return found
