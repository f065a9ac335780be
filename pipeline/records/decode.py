"""From an object's bytes to its records: inflates, tells the shape, and gives each record's own text.

Shapes: `{"Records": […]}`, a bare list, one object, a record a line (NDJSON), LookupEvents pages
(`{"Events": [{"CloudTrailEvent": "…"}]}`), EventBridge envelopes (`{"detail-type", "detail"}`), digests.
Only text is cut here; what a record means is `pipeline.records.normalize`'s.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

import msgspec
from isal import isal_zlib

GZIP = b"\x1f\x8b"
# Above this size a broken object is not searched for its good records: cutting up 60 MB of the worst shape took
# minutes on a busy machine.
PIECEWISE = 64 << 20
_DEEPEST = 1_000_000
Raw = msgspec.Raw


class ObjectError(Exception):
    """The object as a whole cannot be read; its text says why."""


@dataclass(frozen=True)
class Refused:
    """A piece of an object that is no record: its bytes, and why."""

    raw: bytes
    reason: str


class _Shape(msgspec.Struct):
    """The members by which an object tells its shape."""

    Records: Raw = Raw()
    Events: Raw = Raw()
    detail: Raw = Raw()
    detail_type: Raw = msgspec.field(name="detail-type", default=Raw())
    digestStartTime: Raw = Raw()
    digestEndTime: Raw = Raw()


class _LookupEvent(msgspec.Struct):
    CloudTrailEvent: str


_shape = msgspec.json.Decoder(_Shape)
_list = msgspec.json.Decoder(list[Raw])
_any = msgspec.json.Decoder(Raw)
_lookup = msgspec.json.Decoder(_LookupEvent)
_SPACE = b" \t\r\n"
_BOM = b"\xef\xbb\xbf"


def inflate(data: bytes, limit: int) -> bytes:
    """The uncompressed bytes: gzip is told by its magic bytes, concatenated members are joined (RFC 1952).

    Raises ObjectError where the gzip is broken or ends early, or the result would exceed `limit` bytes.
    """
    if not data.startswith(GZIP):
        if len(data) > limit:
            raise ObjectError(f"holds {len(data):,} bytes, more than the limit of {limit:,} (max_object_bytes)")
        return data
    parts: list[bytes] = []
    room = limit
    rest = data
    while rest.startswith(GZIP):
        member = isal_zlib.decompressobj(wbits=31)
        try:
            part = member.decompress(rest, room + 1)
        except isal_zlib.error as error:  # type: ignore[misc]
            raise ObjectError(f"the gzip is damaged ({error})") from None
        if len(part) > room:
            raise ObjectError(f"unpacks to more than the limit of {limit:,} bytes (max_object_bytes)")
        if not member.eof:
            raise ObjectError("the gzip ends early: the object is truncated")
        parts.append(part)
        room -= len(part)
        rest = member.unused_data
    if rest.strip(b"\0"):
        raise ObjectError("bytes that are no gzip follow the gzip")
    return parts[0] if len(parts) == 1 else b"".join(parts)


def records(data: bytes) -> Iterator[Raw | bytes | Refused]:
    """Each record's JSON text in the object's order, with what could not be cut out as Refused.

    Raises ObjectError where no record can be found at all.
    """
    text = data.removeprefix(_BOM).strip(_SPACE) if data[:1] in (b"\xef", b" ", b"\n", b"\r", b"\t") else data
    if not text.strip(_SPACE):
        raise ObjectError("is empty")
    if text[:1] not in b"{[":
        raise ObjectError(f"is no JSON: it begins with {text[:12]!r}")
    try:
        yield from _whole(text)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        yield from _piecewise(text, _because(error))


def is_digest(record: Raw | bytes) -> bool:
    """Whether the object is a digest file (CloudTrail digest file structure: digestStartTime, digestEndTime)."""
    try:
        shape = _shape.decode(record)
    except (msgspec.DecodeError, RecursionError):
        return False
    return _opens(shape.digestStartTime, b'"') and _opens(shape.digestEndTime, b'"')


def _because(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "is nested too deeply"
    return f"is no valid JSON ({str(error).rstrip('.')})"


def _whole(text: bytes) -> Iterator[Raw | bytes | Refused]:
    """Records of a text that is one JSON value; raises DecodeError before the first record if it is not."""
    if text[:1] == b"[":
        yield from _list.decode(text)
        return
    shape = _shape.decode(text)
    if _opens(shape.Records, b"["):
        yield from _list.decode(shape.Records)
    elif _opens(shape.Events, b"["):
        yield from _lookup_page(_list.decode(shape.Events))
    elif _opens(shape.detail, b"{") and _opens(shape.detail_type, b'"'):
        yield shape.detail
    elif len(memoryview(shape.Records)) or len(memoryview(shape.Events)):
        raise ObjectError('has "Records" or "Events" that is no list')
    else:
        yield _any.decode(text)


def _opens(raw: Raw, mark: bytes) -> bool:
    return bytes(memoryview(raw)[:1]) == mark


def _lookup_page(events: list[Raw]) -> Iterator[bytes | Refused]:
    """LookupEvents gives each record as a string in `CloudTrailEvent` (API reference, Event)."""
    for event in events:
        try:
            yield _lookup.decode(event).CloudTrailEvent.encode()
        except (msgspec.DecodeError, UnicodeEncodeError):
            yield Refused(bytes(event), "has no CloudTrailEvent text")


def _piecewise(text: bytes, reason: str) -> Iterator[Raw | bytes | Refused]:
    """Records of a text that is not one good JSON value: a record a line, or a list with a bad element."""
    lines = text.split(b"\n")
    if len(lines) > 1 and _is_value(lines[0]):
        for line in lines:
            line = line.strip(_SPACE)
            if not line:
                continue
            try:
                yield from _whole(line)
            except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
                yield line if _is_json(line) else Refused(line, _because(error))
            except ObjectError as error:
                yield Refused(line, str(error))
        return
    if len(text) > PIECEWISE:
        raise ObjectError(reason)
    if text[:1] == b"{" and b'"Records"' not in text and _is_json(text):
        yield text
        return
    opening = re.match(rb'\s*(\{\s*"Records"\s*:\s*)?\[', text)
    if not opening:
        if text[:1] == b"{" and reason == "is nested too deeply" and next(_elements(b"[" + text + b"]", 1), None):
            yield Refused(text, reason)
            return
        raise ObjectError(reason)
    pieces = list(_elements(text, opening.end()))
    if pieces and pieces[-1] is None:
        raise ObjectError(reason)
    for piece in pieces:
        assert piece is not None
        try:
            yield _any.decode(piece)
        except (msgspec.DecodeError, RecursionError) as error:
            yield piece if _is_json(piece) else Refused(piece, _because(error))


def _is_json(text: bytes) -> bool:
    """Whether text that msgspec refuses is JSON all the same: an escaped lone surrogate is allowed (RFC 8259, 8.2)."""
    try:
        return json.loads(text) is not None
    except (ValueError, RecursionError):
        return False


def _is_value(line: bytes) -> bool:
    try:
        _any.decode(line)
    except (msgspec.DecodeError, RecursionError):
        return _is_json(line)
    return True


# Strings, brackets and commas are all that matter for cutting a list into its elements.
_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*"|[\[\]{},]', re.DOTALL)


def _elements(text: bytes, start: int) -> Iterator[bytes | None]:
    """The elements of the list that opens before `start`, cut by brackets alone, at any depth, without recursion.

    Ends with None where the text ends before the list does (it is truncated, or its quotes do not pair), or goes on
    into the depth for ever.
    """
    depth, begin = 0, start
    for token in _TOKEN.finditer(text, start):
        kind = text[token.start()]
        if kind in b"[{":
            depth += 1
        elif kind in b"]}":
            depth -= 1
        if depth > _DEEPEST:
            break
        if depth < 0 or (depth == 0 and kind == 0x2C):
            piece = text[begin : token.start()].strip(_SPACE)
            if piece:
                yield piece
            begin = token.end()
            if depth < 0:
                return
    yield None


def members(record: Raw | bytes) -> dict[str, Raw] | dict[str, bytes]:
    """The members of a record with their text to the letter; the last of several with one name counts.

    Raises ValueError where the record is no object. Falls back to the standard library's scanner for what msgspec
    refuses and JSON allows: escaped lone surrogates (RFC 8259, section 8.2).
    """
    try:
        return _members.decode(record)
    except (msgspec.DecodeError, RecursionError) as error:
        try:
            return _scan_members(bytes(record).decode())
        except (ValueError, RecursionError):
            raise ValueError(_because(error)) from None


_members = msgspec.json.Decoder(dict[str, Raw])
_decoder = json.JSONDecoder()
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
