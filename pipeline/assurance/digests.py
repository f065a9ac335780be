"""A digest file's content ("CloudTrail digest file structure"), read with care: anyone may have written it.

Nothing of it is ever used as a path: what it names is looked up among what was listed.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated

import msgspec
from isal import isal_zlib

GZIP = b"\x1f\x8b"
ALGORITHM, HASH = "SHA256withRSA", "SHA-256"
# A digest of a hundred thousand logs has about 60 MB.
DIGEST_BYTES = 256 << 20
_CHUNK = 1 << 20

# S3 keys have at most 1,024 bytes; signatures of 8,192-bit keys have 2,048 hexadecimal digits.
_Key = Annotated[str, msgspec.Meta(max_length=1024)]
_Short = Annotated[str, msgspec.Meta(max_length=128)]
_Signature = Annotated[str, msgspec.Meta(max_length=2048)]


class Log(msgspec.Struct):
    """A log file as a digest lists it; the hash is of its uncompressed bytes, in hexadecimal."""

    s3Bucket: _Key
    s3Object: _Key
    hashValue: _Short
    hashAlgorithm: _Short = HASH


class _File(msgspec.Struct):
    digestStartTime: _Short
    digestEndTime: _Short
    digestS3Bucket: _Key
    digestS3Object: _Key
    digestPublicKeyFingerprint: _Short
    digestSignatureAlgorithm: _Short = ALGORITHM
    awsAccountId: _Short | None = None
    previousDigestS3Bucket: _Key | None = None
    previousDigestS3Object: _Key | None = None
    previousDigestHashValue: _Short | None = None
    previousDigestHashAlgorithm: _Short | None = None
    previousDigestSignature: _Signature | None = None
    logFiles: list[Log] = []


@dataclass(frozen=True, slots=True)
class Link:
    """What a digest says of the one before it."""

    bucket: str
    key: str
    sha256: str
    signature: str


@dataclass(frozen=True, slots=True)
class Digest:
    """A digest without its logs. `end_text` is the end as written, which is what was signed."""

    bucket: str
    key: str
    start: datetime
    end: datetime
    end_text: str
    fingerprint: str
    algorithm: str
    sha256: str
    previous: Link | None
    previous_signature: str | None


class Unreadable(Exception):
    """The bytes are not what they should be; the text says why."""


def parse(data: bytes) -> tuple[Digest, list[Log]]:
    """The digest in an object's bytes and the logs it lists; raises Unreadable."""
    text = b"".join(inflated(data, DIGEST_BYTES))
    try:
        found = _decoder.decode(text)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        reason = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise Unreadable(f"is no digest: {reason}") from None
    start, end = _time(found.digestStartTime), _time(found.digestEndTime)
    if end < start:
        raise Unreadable("is no digest: it ends before it begins")
    link = None
    if found.previousDigestS3Bucket is not None and found.previousDigestS3Object is not None:
        link = Link(
            found.previousDigestS3Bucket,
            found.previousDigestS3Object,
            (found.previousDigestHashValue or "").lower(),
            (found.previousDigestSignature or "").lower(),
        )
    digest = Digest(
        bucket=found.digestS3Bucket,
        key=found.digestS3Object,
        start=start,
        end=end,
        end_text=found.digestEndTime,
        fingerprint=found.digestPublicKeyFingerprint.lower(),
        algorithm=found.digestSignatureAlgorithm,
        sha256=hashlib.sha256(text).hexdigest(),
        previous=link,
        previous_signature=found.previousDigestSignature,
    )
    return digest, found.logFiles


def sha256(data: bytes, limit: int) -> str:
    """The SHA-256 of an object's uncompressed bytes, a megabyte at a time; raises Unreadable."""
    total = hashlib.sha256()
    for part in inflated(data, limit):
        total.update(part)
    return total.hexdigest()


def inflated(data: bytes, limit: int) -> Iterable[bytes]:
    """The uncompressed bytes in parts; an object that is no gzip is taken as it is (a tool unpacked it).

    Raises Unreadable where the gzip is broken, ends early, has bytes after it, or unpacks to more than `limit`.
    """
    if not data.startswith(GZIP):
        yield data
        return
    room, rest = limit, data
    while rest.startswith(GZIP):
        member = isal_zlib.decompressobj(wbits=31)
        feed = rest
        while not member.eof:
            try:
                part = member.decompress(feed, _CHUNK)
            except isal_zlib.error as error:  # type: ignore[misc]
                raise Unreadable(f"the gzip is damaged ({error})") from None
            feed = member.unconsumed_tail
            room -= len(part)
            if room < 0:
                raise Unreadable(f"unpacks to more than {limit:,} bytes")
            if not part and not feed and not member.eof:
                raise Unreadable("the gzip ends early: the object is truncated")
            yield part
        rest = member.unused_data
    if rest.strip(b"\0"):
        raise Unreadable("bytes that are no gzip follow the gzip")


def _time(text: str) -> datetime:
    """CloudTrail's way of writing an instant: `2015-08-17T15:01:31Z`."""
    try:
        if _TIME.fullmatch(text):
            return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise Unreadable(f"is no digest: {text[:40]!r} is no time")


_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
_decoder = msgspec.json.Decoder(_File)
