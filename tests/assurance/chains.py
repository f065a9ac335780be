"""Trails as CloudTrail writes them: logs and a signed digest every hour, with RSA keys of the tests' own.

Written from AWS's pages "CloudTrail digest file structure" and "CloudTrail log file integrity: custom
implementations", beside the code under test and not from it.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from tests.logs import event

ACCOUNT, REGION, BUCKET = "111122223333", "eu-west-1", "trail-bucket"
START = datetime(2026, 11, 1, 10, 1, 31, tzinfo=UTC)
HOUR = timedelta(hours=1)


@cache
def private(name: str) -> rsa.RSAPrivateKey:
    """A key pair, made once a test run."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def fingerprint(name: str) -> str:
    """What stands for AWS's fingerprint; nothing computes it from the key."""
    return hashlib.md5(name.encode()).hexdigest()


def public_der(name: str) -> bytes:
    """The public half as ListPublicKeys gives it: DER, PKCS #1."""
    return private(name).public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.PKCS1)


def key_file(path: Path, *names: str, **forged: str) -> Path:
    """A file as `aws cloudtrail list-public-keys` prints it; `forged` puts another's key under a fingerprint."""
    pairs = [*zip(names, names, strict=True), *forged.items()]
    listed = [
        {
            "Value": base64.b64encode(public_der(key)).decode(),
            "ValidityStartTime": "2026-10-01T00:00:00+00:00",
            "ValidityEndTime": "2026-12-01T00:00:00+00:00",
            "Fingerprint": fingerprint(name),
        }
        for name, key in pairs
    ]
    path.write_text(json.dumps({"PublicKeyList": listed}))
    return path


def stamp(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass
class Trail:
    """Objects of one account, region and trail by key; `metadata` has what S3 keeps beside a digest."""

    account: str = ACCOUNT
    region: str = REGION
    name: str = "main"
    home: str = REGION
    bucket: str = BUCKET
    prefix: str = "AWSLogs"
    key: str = "first"
    moment: datetime = START
    objects: dict[str, bytes] = field(default_factory=dict)
    metadata: dict[str, dict[str, str]] = field(default_factory=dict)
    digests: list[str] = field(default_factory=list)
    logs: list[str] = field(default_factory=list)
    previous: dict[str, str | None] | None = None
    number: int = 0

    def hour(self, logs: int = 1, change: Callable[[dict[str, Any]], None] | None = None) -> str:
        """An hour of logs and its digest; gives the digest's key. `change` has its say before it is signed."""
        begin = self.moment
        self.moment += HOUR
        listed = [self.log(begin + timedelta(minutes=5 + each)) for each in range(logs)]
        self.digests.append(self.digest(begin, self.moment, listed, change=change))
        return self.digests[-1]

    def hours(self, count: int, logs: int = 1) -> Trail:
        """Some hours alike."""
        for _ in range(count):
            self.hour(logs)
        return self

    def log(self, moment: datetime) -> str:
        """A log file delivered then, listed nowhere yet; gives its key."""
        self.number += 1
        unique = hashlib.md5(f"{self.name} {self.number}".encode()).hexdigest()[:16]
        name = f"{self.account}_CloudTrail_{self.region}_{moment:%Y%m%dT%H%MZ}_{unique}.json.gz"
        key = f"{self.prefix}/{self.account}/CloudTrail/{self.region}/{moment:%Y/%m/%d}/{name}"
        record = event(eventTime=stamp(moment - timedelta(minutes=3)), recipientAccountId=self.account)
        self.objects[key] = gzip.compress(json.dumps({"Records": [record]}).encode())
        self.logs.append(key)
        return key

    def digest(
        self,
        begin: datetime,
        end: datetime,
        logs: list[str],
        backfill: bool = False,
        change: Callable[[dict[str, Any]], None] | None = None,
    ) -> str:
        """Writes and signs a digest that goes on from the one before; gives its key."""
        name = f"{self.account}_CloudTrail-Digest_{self.region}_{self.name}_{self.home}_{end:%Y%m%dT%H%M%SZ}"
        folder = f"{self.prefix}/{self.account}/CloudTrail-Digest/{self.region}/{end:%Y/%m/%d}"
        key = f"{folder}/{name}{'_backfill' if backfill else ''}.json.gz"
        before = self.previous or {"S3Bucket": None, "S3Object": None, "HashValue": None, "Signature": None}
        content = {
            "awsAccountId": self.account,
            "digestStartTime": stamp(begin),
            "digestEndTime": stamp(end),
            "digestS3Bucket": self.bucket,
            "digestS3Object": key,
            "digestPublicKeyFingerprint": fingerprint(self.key),
            "digestSignatureAlgorithm": "SHA256withRSA",
            "newestEventTime": stamp(end) if logs else None,
            "oldestEventTime": stamp(begin) if logs else None,
            "previousDigestHashAlgorithm": "SHA-256" if self.previous else None,
            **{f"previousDigest{name}": value for name, value in before.items()},
            "logFiles": [self._listed(each) for each in logs],
        }
        if change:
            change(content)
        self.put(key, content)
        if backfill:
            self.metadata[key]["backfill-generation-timestamp"] = stamp(end + HOUR)
        return key

    def put(self, key: str, content: dict[str, Any]) -> None:
        """Signs the content and puts it there; the next digest goes on from it."""
        data = json.dumps(content).encode()
        hashed = hashlib.sha256(data).hexdigest()
        before = content["previousDigestSignature"] or "null"
        place = f"{content['digestS3Bucket']}/{content['digestS3Object']}"
        text = f"{content['digestEndTime']}\n{place}\n{hashed}\n{before}"
        signature = private(self.key).sign(text.encode(), padding.PKCS1v15(), hashes.SHA256()).hex()
        self.objects[key] = gzip.compress(data)
        self.metadata[key] = {"signature": signature, "signature-algorithm": "SHA256withRSA"}
        self.previous = {"S3Bucket": self.bucket, "S3Object": key, "HashValue": hashed, "Signature": signature}

    def content(self, key: str) -> dict[str, Any]:
        """What a digest says."""
        return dict(json.loads(gzip.decompress(self.objects[key])))

    def rewrite(self, key: str, **changes: Any) -> None:
        """Alters a digest behind CloudTrail's back: its signature stays as it was."""
        self.objects[key] = gzip.compress(json.dumps(self.content(key) | changes).encode())

    def spoil(self, key: str) -> None:
        """Alters a log: one more record, well formed."""
        content = json.loads(gzip.decompress(self.objects[key]))
        content["Records"].append(event())
        self.objects[key] = gzip.compress(json.dumps(content).encode())

    def remove(self, *keys: str) -> None:
        """Deletes objects."""
        for key in keys:
            del self.objects[key]

    def stop(self, pause: timedelta = timedelta(hours=5)) -> None:
        """Logging stops; the next digest begins a chain anew."""
        self.previous = None
        self.moment += pause

    def _listed(self, key: str) -> dict[str, Any]:
        hashed = hashlib.sha256(gzip.decompress(self.objects[key])).hexdigest()
        times = {"newestEventTime": stamp(self.moment), "oldestEventTime": stamp(self.moment)}
        return {"s3Bucket": self.bucket, "s3Object": key, "hashValue": hashed, "hashAlgorithm": "SHA-256"} | times


def to_folder(folder: Path, *trails: Trail) -> Path:
    """The objects as `aws s3 sync` brings them: without their metadata, and leaving alone what is the same."""
    for trail in trails:
        for key, data in trail.objects.items():
            path = folder / key
            path.parent.mkdir(parents=True, exist_ok=True)
            if not path.exists() or path.read_bytes() != data:
                path.write_bytes(data)
    return folder


def to_bucket(client: Any, *trails: Trail) -> str:
    """The objects as CloudTrail delivers them; gives the bucket's location."""
    for trail in trails:
        held = {each["Name"] for each in client.list_buckets()["Buckets"]}
        if trail.bucket not in held:
            client.create_bucket(Bucket=trail.bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        for key, data in trail.objects.items():
            client.put_object(Bucket=trail.bucket, Key=key, Body=data, Metadata=trail.metadata.get(key, {}))
    return f"s3://{trails[0].bucket}"
