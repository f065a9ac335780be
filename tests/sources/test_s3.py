"""Buckets as a source: found by the layout CloudTrail writes, listed again where objects may come, read whole."""

from __future__ import annotations

import pickle

import pytest

from pipeline.config import SourceSettings
from pipeline.sources.s3 import Objects
from tests.aws.moto import REGION, Aws

BUCKET = "trail-logs"


def put(aws: Aws, key: str, body: bytes = b"{}") -> str:
    """Stores an object and returns its etag."""
    return str(aws.client("s3").put_object(Bucket=BUCKET, Key=key, Body=body)["ETag"]).strip('"')


@pytest.fixture
def bucket(aws: Aws) -> Aws:
    aws.client("s3").create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    return aws


def test_an_object_is_read_whole_and_known_by_bucket_key_and_etag(bucket: Aws) -> None:
    etag = put(bucket, "a b/ü+%20.json", b"x" * 3_000_000)
    objects = Objects(SourceSettings(f"s3://{BUCKET}"))
    assert objects.read(BUCKET, "a b/ü+%20.json", etag) == b"x" * 3_000_000
    found = objects.head(BUCKET, "a b/ü+%20.json")
    assert (found.uri, found.etag, found.size) == (f"s3://{BUCKET}/a b/ü+%20.json", etag, 3_000_000)
    assert pickle.loads(pickle.dumps(objects)).read(BUCKET, "a b/ü+%20.json") == b"x" * 3_000_000


def test_an_object_that_is_gone_or_another_is_told(bucket: Aws) -> None:
    etag = put(bucket, "a.json")
    put(bucket, "a.json", b'{"Records": []}')
    objects = Objects(SourceSettings(f"s3://{BUCKET}"))
    with pytest.raises(OSError, match="was replaced after it was listed"):
        objects.read(BUCKET, "a.json", etag)
    for call in (objects.read, objects.head):
        with pytest.raises(FileNotFoundError, match="is not there"):
            call(BUCKET, "b.json")
        with pytest.raises(FileNotFoundError, match="is not there"):
            call("no-such-bucket", "b.json")
        with pytest.raises(OSError, match=r"cannot be read \(.*[Ii]nvalid bucket name"):
            call("no such bucket", "b.json")
