"""A bucket and a queue that is told of what is put into it, on moto's server."""

from __future__ import annotations

import gzip
import json
import time
from dataclasses import dataclass
from typing import Any

from tests.aws.moto import REGION, Aws
from tests.logs import event

BUCKET = "trail-logs"
FOLDER = "AWSLogs/111122223333/CloudTrail/eu-west-1/2026/10/01/111122223333_CloudTrail_eu-west-1_20261001T1005Z_"


@dataclass
class Queue:
    """The queue at `url`, and the bucket."""

    aws: Aws
    url: str

    @property
    def location(self) -> str:
        return f"sqs:{self.url}"

    def put(self, name: str, *records: dict[str, Any], folder: str = FOLDER) -> tuple[str, str, str, int]:
        """Stores a log; gives what a message would tell of it: bucket, key, etag and size."""
        records = records or (event(eventID=name),)
        body, key = gzip.compress(json.dumps({"Records": records}).encode(), mtime=0), f"{folder}{name}.json.gz"
        etag = self.aws.client("s3").put_object(Bucket=BUCKET, Key=key, Body=body)["ETag"].strip('"')
        return BUCKET, key, etag, len(body)

    def send(self, *bodies: str) -> None:
        for body in bodies:
            self.aws.client("sqs").send_message(QueueUrl=self.url, MessageBody=body)

    def left(self) -> int:
        """Messages in the queue, those in hand too."""
        wanted = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        found = self.aws.client("sqs").get_queue_attributes(QueueUrl=self.url, AttributeNames=wanted)["Attributes"]
        return sum(int(found[name]) for name in wanted)

    def wait(self, hidden: int = 0) -> None:
        """Returns when no more messages than this are hidden from consumers."""
        wanted, deadline = "ApproximateNumberOfMessagesNotVisible", time.monotonic() + 60
        while time.monotonic() < deadline:
            found = self.aws.client("sqs").get_queue_attributes(QueueUrl=self.url, AttributeNames=[wanted])
            if int(found["Attributes"][wanted]) <= hidden:
                return
            time.sleep(0.1)
        raise AssertionError("messages stay hidden")


def make_queue(aws: Aws) -> Queue:
    """A new queue and bucket; a message comes again after the three seconds that a test may wait."""
    aws.client("s3").create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    attributes = {"VisibilityTimeout": "3"}
    return Queue(aws, aws.client("sqs").create_queue(QueueName="trail", Attributes=attributes)["QueueUrl"])
