"""Buckets: CloudTrail's log files as it delivers them to S3, and single objects wherever they lie there."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from typing import Any

from pipeline.config import SourceSettings
from pipeline.errors import NoDataError, SourceError, UsageError
from pipeline.sources.aws import EXPIRED, UNKNOWN, T, client, code_of, fault, passes, patiently
from pipeline.sources.base import Round, Source, SourceObject
from pipeline.sources.local import SUFFIXES
from pipeline.sources.trails import Answer, Page, Walk

_LOCK = threading.Lock()
# So many requests in a row that all patience did not help mean that it is the place, not the objects.
LOST = 16
# A bucket's name as boto3 takes it; a key may hold anything.
_LOCATION = re.compile(r"s3://(?P<bucket>[A-Za-z0-9][A-Za-z0-9._-]{1,253}[A-Za-z0-9])(?:/(?P<key>.*))?", re.DOTALL)


class Objects:
    """Objects of S3, reached as a source's settings say; every thread may use it, and a copy in every process.

    What cannot be had raises OSError (FileNotFoundError where there is no such object), told as one line; what no
    other object could be had for either, such as credentials that have expired, raises SourceError.
    """

    def __init__(self, settings: SourceSettings) -> None:
        self.settings = settings
        self.payer = {"RequestPayer": "requester"} if settings.request_payer else {}
        self._client: Any = None
        self._lost = 0

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
        try:
            found = self._ask(lambda: self.client.head_object(Bucket=bucket, Key=key, **self.payer))
        except FileNotFoundError:
            raise
        except OSError:
            self.read(bucket, key)  # The answer to a HEAD has no body that says why; that to a GET has.
            raise
        return item(bucket, key, found["ETag"], found["ContentLength"])

    def metadata(self, bucket: str, key: str) -> dict[str, str]:
        """What was stored beside the bytes (`x-amz-meta-…`), its names in lower case, without their prefix."""
        found = self._ask(lambda: self.client.head_object(Bucket=bucket, Key=key, **self.payer))
        return {name.lower(): value for name, value in found.get("Metadata", {}).items()}

    def page(self, bucket: str, page: Page) -> Answer:
        """A page of a listing; raises SourceError where the bucket cannot be listed."""
        named: dict[str, Any] = {"Bucket": bucket, "Prefix": page.prefix} | self.payer
        named |= {} if page.flat else {"Delimiter": "/"}
        named |= {"ContinuationToken": page.token} if page.token else {"StartAfter": page.after} if page.after else {}
        try:
            found = self._ask(lambda: self.client.list_objects_v2(**named))
        except OSError as error:
            raise SourceError(self.settings.location, f"cannot be listed ({error})", "run it again later") from error
        objects = [item(bucket, each["Key"], each["ETag"], each["Size"]) for each in found.get("Contents", [])]
        folders = [each["Prefix"] for each in found.get("CommonPrefixes", [])]
        return Answer(objects, folders, found.get("NextContinuationToken", ""))

    def _ask(self, call: Callable[[], T]) -> T:
        from botocore.exceptions import BotoCoreError, ClientError
        from botocore.parsers import ResponseParserError

        try:
            answer = patiently(call)
        except (BotoCoreError, ClientError, ResponseParserError) as error:
            self._lost += passes(error)
            lost = self._lost >= LOST
            raise (fault if lost else _told)(self.settings.location, error) from error
        self._lost = 0
        return answer


class S3Source(Source):
    """A bucket, a folder of one, or a single object; listed trail by trail where it has CloudTrail's layout."""

    name = "s3"
    parallel = 16

    @classmethod
    def claims(cls, text: str) -> bool:
        """Whatever begins as a location of S3 does."""
        return text.lower().startswith("s3:")

    def __init__(self, settings: SourceSettings) -> None:
        match = _LOCATION.fullmatch(settings.location)
        if not match:
            raise UsageError(settings.location, "is no location in S3", "write s3://BUCKET or s3://BUCKET/FOLDER")
        self.bucket, self.key = match["bucket"], match["key"] or ""
        self.settings, self.store = settings, Objects(settings)

    def objects(self, this: Round) -> Iterator[SourceObject]:
        """The objects that may be new, as they are found.

        Raises NoDataError where there are no logs at all, SourceError where the bucket cannot be listed.
        """
        why = "there are no log files"
        if self.key and not self.key.endswith("/"):
            try:
                yield self.store.head(self.bucket, self.key)
                return
            except OSError as error:
                why = why if isinstance(error, FileNotFoundError) else str(error)
        recent = self.today() - timedelta(days=self.settings.look_back)
        walk = Walk(self._page, f"s3://{self.bucket}/", this, self.wanted, recent)
        yield from walk.objects(self.key if self.key.endswith("/") or not self.key else f"{self.key}/")
        if walk.empty and not this.stop.is_set():
            raise NoDataError(self.settings.location, why, f"looked for {' '.join(SUFFIXES)}")

    def read(self, item: SourceObject) -> bytes:
        """The object's bytes, if it is still the one that was listed."""
        bucket, _, key = item.address.partition("/")
        return self.store.read(bucket, key, item.etag)

    def metadata(self, item: SourceObject) -> dict[str, str]:
        """The object's own metadata, which holds the signature of a digest."""
        bucket, _, key = item.address.partition("/")
        return self.store.metadata(bucket, key)

    def today(self) -> date:
        """The day by S3's clock, which is UTC."""
        return datetime.now(UTC).date()

    def _page(self, page: Page) -> Answer:
        return self.store.page(self.bucket, page)


def item(bucket: str, key: str, etag: str, size: int) -> SourceObject:
    """An object of a bucket, with the one identity it has in the ledger however it was heard of."""
    return SourceObject(f"s3://{bucket}/{key}", etag.strip('"'), size, f"{bucket}/{key}")


def _told(location: str, error: Exception) -> OSError | SourceError:
    """What it means for one object that AWS answered its request with this error."""
    from botocore.exceptions import ClientError, ConnectionError, ParamValidationError

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
    if isinstance(error, ParamValidationError) or (passes(error) and not isinstance(error, ConnectionError)):
        return OSError(f"cannot be read ({text})")
    return fault(location, error)
