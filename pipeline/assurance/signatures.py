"""Whether a signature is CloudTrail's ("CloudTrail log file integrity: custom implementations")."""

from __future__ import annotations

import binascii
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256

from pipeline.assurance.digests import Digest

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey


def string_to_sign(digest: Digest) -> bytes:
    """What CloudTrail signs: end, place and hash of the digest, and the signature of the one before or `null`."""
    previous = "null" if digest.previous_signature is None else digest.previous_signature
    return f"{digest.end_text}\n{digest.bucket}/{digest.key}\n{digest.sha256}\n{previous}".encode()


def fits(digest: Digest, signature: str, key: RSAPublicKey) -> bool:
    """Whether the hexadecimal signature is the key's over this digest (RSASSA-PKCS1-v1_5, RFC 8017, with SHA-256)."""
    try:
        key.verify(binascii.unhexlify(signature), string_to_sign(digest), PKCS1v15(), SHA256())
    except (InvalidSignature, ValueError):
        return False
    return True
