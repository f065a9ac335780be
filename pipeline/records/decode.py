"""From an object's bytes to its records: inflates, and gives each record's own text.

The shapes records come in are `pipeline.records.shapes`; what is left of broken objects, and a record a line
(NDJSON), is `pipeline.records.salvage`. Only text is cut here; what a record means is `pipeline.records.normalize`'s.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
from isal import isal_zlib

from pipeline.records.jsontext import NO_JSON, SPACE, because, members
from pipeline.records.salvage import piecewise
from pipeline.records.shapes import ObjectError, Refused, is_digest, whole

__all__ = ["ObjectError", "Refused", "inflate", "is_digest", "members", "records"]

GZIP = b"\x1f\x8b"
Raw = msgspec.Raw
_BOM = b"\xef\xbb\xbf"
_LITTLE = 1_024


def inflate(data: bytes, limit: int) -> bytes:
    """The uncompressed bytes: gzip is told by its magic bytes, concatenated members are joined (RFC 1952).

    Raises ObjectError where the gzip is broken or ends early, or the result would exceed `limit` bytes.
    """
    if not data.startswith(GZIP):
        if len(data) > limit:
            raise ObjectError(f"holds {len(data):,} bytes, more than the limit of {limit:,} (max_object_bytes)")
        return data
    parts: list[bytes] = []
    view, at, room = memoryview(data), 0, limit
    # The first member is most often the only one. What a later one leaves over is copied, so it is fed bit by bit.
    step = len(data)
    while data.startswith(GZIP, at):
        member = isal_zlib.decompressobj(wbits=31)
        while not member.eof:
            if at == len(data):
                raise ObjectError("the gzip ends early: the object is truncated")
            chunk = view[at : at + step]
            try:
                part = member.decompress(chunk, room + 1)
            except isal_zlib.error as error:  # type: ignore[misc]
                raise ObjectError(f"the gzip is damaged ({error})") from None
            if len(part) > room:
                raise ObjectError(f"unpacks to more than the limit of {limit:,} bytes (max_object_bytes)")
            room -= len(part)
            at += len(chunk) - len(member.unused_data)
            step *= 2
            if part:
                parts.append(part)
        step = _LITTLE
    if data[at:].strip(b"\0"):
        raise ObjectError("bytes that are no gzip follow the gzip")
    return parts[0] if len(parts) == 1 else b"".join(parts)


def records(data: bytes) -> Iterator[Raw | bytes | Refused]:
    """Each record's JSON text in the object's order, with what could not be cut out as Refused.

    Raises ObjectError where no record can be found at all.
    """
    text = data.removeprefix(_BOM).strip(SPACE) if data[:1] in (b"\xef", b" ", b"\n", b"\r", b"\t") else data
    if not text.strip(SPACE):
        raise ObjectError("is empty")
    if text[:1] not in b"{[":
        raise ObjectError(f"is no JSON: it begins with {text[:12]!r}")
    try:
        yield from whole(text)
    except NO_JSON as error:
        yield from piecewise(text, because(error))
