"""Buckets: CloudTrail's log files as it delivers them to S3, and single objects wherever they lie there."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import closing
from typing import Any

from pipeline.config import SourceSettings
from pipeline.errors import SourceError
from pipeline.sources.aws import EXPIRED, UNKNOWN, T, client, code_of, fault, patiently
from pipeline.sources.base import SourceObject

_LOCK = threading.Lock()


class Objects:
    """Objects of S3, reached as a source's settings say; every thread may use it, and a copy in every process.

    What cannot be had raises OSError (FileNotFoundError where there is no such object), told as one line; what no
    other object could be had for either, such as credentials that have expired, raises SourceError.
    """

    def __init__(self, settings: SourceSettings) -> None:
        self.settings = settings
        self.payer = {"RequestPayer": "requester"} if settings.request_payer else {}
        self._client: Any = None

    def __getstate__(self) -> dict[str, Any]:
        return vars(self) | {"_client": None}

    @property
    def client(self) -> Any:
        """This process's client of boto3; whoever calls it tries again (`aws.patiently`), it does not."""
        with _LOCK:  # boto3 makes clients one at a time
            if self._client is None:
                self._client = client(self.settings, "s3", retries={"mode": "standard", "total_max_attempts": 1})
            return self._client

    def read(self, bucket: str, key: str, etag: str = "") -> bytes:
        """The object's bytes, whole; with `etag` only if it is still the object that had it."""
        named = {"Bucket": bucket, "Key": key} | self.payer | ({"IfMatch": f'"{etag}"'} if etag else {})

        def get() -> bytes:
            # StreamingBody holds what it read against Content-Length, and raises where a body ends early.
            with closing(self.client.get_object(**named)["Body"]) as body:
                return bytes(body.read())

        return self._ask(get)

    def head(self, bucket: str, key: str) -> SourceObject:
        """The object as a listing would give it."""

        def ask() -> Any:
            return self.client.head_object(Bucket=bucket, Key=key, **self.payer)

        try:
            found = self._ask(ask)
        except FileNotFoundError:
            raise
        except OSError:
            self.read(bucket, key)  # The answer to a HEAD has no body that says why; that to a GET has.
            raise
        return item(bucket, key, found["ETag"], found["ContentLength"])

    def _ask(self, call: Callable[[], T]) -> T:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            return patiently(call)
        except (BotoCoreError, ClientError) as error:
            raise _told(self.settings.location, error) from error


def item(bucket: str, key: str, etag: str, size: int) -> SourceObject:
    """An object of a bucket, with the one identity it has in the ledger however it was heard of."""
    return SourceObject(f"s3://{bucket}/{key}", etag.strip('"'), size, f"{bucket}/{key}")


def _told(location: str, error: Exception) -> OSError | SourceError:
    """What it means for one object that AWS answered its request with this error."""
    from botocore.exceptions import ClientError, HTTPClientError, IncompleteReadError, ParamValidationError

    code, text = code_of(error), " ".join(str(error).split())
    if isinstance(error, ClientError):
        if code in EXPIRED | UNKNOWN or error.operation_name not in ("GetObject", "HeadObject"):
            return fault(location, error)
        if code in ("NoSuchKey", "NoSuchBucket", "404"):
            return FileNotFoundError(f"is not there, or no longer ({code})")
        if code in ("PreconditionFailed", "412"):
            return OSError("was replaced after it was listed; the next run takes it as it is now")
        if code == "InvalidObjectState":
            return OSError("lies in an archive storage class; restore it to have it read")
        return OSError(f"AWS refused ({text})")
    if isinstance(error, HTTPClientError | IncompleteReadError | ParamValidationError):
        return OSError(f"cannot be read ({text})")
    return fault(location, error)
