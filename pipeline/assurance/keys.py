"""CloudTrail's public keys: from ListPublicKeys, asked region by region, or from files that hold its answers."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_der_public_key

from pipeline.errors import UsageError

if TYPE_CHECKING:
    from pipeline.config import SourceSettings

_SLACK = timedelta(hours=2)  # a digest is signed some time after its hour
_FILE_BYTES = 64 << 20
_HINT = "save the answer of: aws cloudtrail list-public-keys --region REGION --start-time TIME"


class Keys(Protocol):
    """Where public keys are had from."""

    def find(self, fingerprint: str, region: str, start: datetime, end: datetime) -> RSAPublicKey | None:
        """The key of that fingerprint, in use in the region at some time from `start` to `end`; None if unknown."""
        ...


class KeyFiles:
    """Keys out of files; nothing is asked of AWS."""

    def __init__(self, paths: Sequence[str | Path]) -> None:
        """Raises UsageError where a file holds no keys."""
        self.keys: dict[str, RSAPublicKey] = {}
        for path in paths:
            found = _decoded(_entries(path), path)
            if not found:
                raise UsageError(path, "holds no public key", _HINT)
            self.keys |= found

    def find(self, fingerprint: str, region: str, start: datetime, end: datetime) -> RSAPublicKey | None:
        """By the fingerprint alone: no two keys share one."""
        return self.keys.get(fingerprint)


class ListedKeys:
    """Keys as ListPublicKeys gives them; a region is asked once a month that is needed."""

    def __init__(self, settings: SourceSettings) -> None:
        self.settings = settings
        self.keys: dict[tuple[str, str], RSAPublicKey] = {}
        self.asked: set[tuple[str, datetime]] = set()
        self.sought: set[tuple[str, str]] = set()

    def find(self, fingerprint: str, region: str, start: datetime, end: datetime) -> RSAPublicKey | None:
        """Raises SourceError where AWS cannot be asked.

        A backfill digest is signed when it is made, which may be long after the hour it is about, so that a key
        not in use in that month is looked for up to now, once.
        """
        wanted, now = (region, fingerprint), datetime.now(UTC)
        month = _month(start)
        if wanted not in self.keys and (region, month) not in self.asked:
            self.asked.add((region, month))
            self._ask(region, month - _SLACK, min(_month(month + timedelta(days=40)) + _SLACK, now))
        if wanted not in self.keys and wanted not in self.sought:
            self.sought.add(wanted)
            self._ask(region, month - _SLACK, now)
        return self.keys.get(wanted)

    def _ask(self, region: str, start: datetime, end: datetime) -> None:
        from botocore.exceptions import BotoCoreError, ClientError

        from pipeline.sources.aws import client, fault

        if start >= end:
            return
        try:
            pages = client(self.settings, "cloudtrail", region).get_paginator("list_public_keys")
            for page in pages.paginate(StartTime=start, EndTime=end):
                for fingerprint, key in _decoded(page["PublicKeyList"], f"ListPublicKeys in {region}").items():
                    self.keys[region, fingerprint] = key
        except (BotoCoreError, ClientError) as error:
            told = fault(f"the public keys of {region}", error)
            told.remedy += "; or give them by --keys FILE"
            raise type(told)(told.place, told.problem, told.remedy) from error


def _month(moment: datetime) -> datetime:
    """Midnight at which the moment's month begins."""
    return moment.replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def _entries(path: str | Path) -> list[Any]:
    """The entries of one file: an answer of ListPublicKeys, or a list of such answers."""
    try:
        file = Path(path).expanduser()
        if file.stat().st_size > _FILE_BYTES:
            raise UsageError(path, "is too large to be a list of public keys", _HINT)
        content = json.loads(file.read_text("utf-8"))
    except OSError as error:
        raise UsageError(path, f"cannot be read ({error.strerror})", "name a file of public keys") from None
    except (ValueError, RecursionError):
        raise UsageError(path, "is no JSON", _HINT) from None
    answers = content if isinstance(content, list) else [content]
    found: list[Any] = []
    for each in answers:
        listed = each.get("PublicKeyList") if isinstance(each, dict) else None
        if not isinstance(listed, list):
            raise UsageError(path, "has no PublicKeyList", _HINT)
        found += listed
    return found


def _decoded(entries: Sequence[Any], place: object) -> dict[str, RSAPublicKey]:
    found: dict[str, RSAPublicKey] = {}
    for number, entry in enumerate(entries, 1):
        key: object = None
        fingerprint = ""
        try:
            value = entry["Value"]
            data = value if isinstance(value, bytes) else base64.b64decode(value, validate=True)
            key, fingerprint = load_der_public_key(data), entry["Fingerprint"].lower()
        except (KeyError, TypeError, ValueError, AttributeError, UnsupportedAlgorithm):
            pass
        if not isinstance(key, RSAPublicKey):
            raise UsageError(
                place, f"its public key {number} cannot be understood (base64 of a DER PKCS #1 key)", _HINT
            )
        found[fingerprint] = key
    return found
