"""Messages about new objects, as the services of AWS write them; each from the example in AWS's own documentation."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote_plus


def s3(*objects: tuple[str, str, str, int], event: str = "ObjectCreated:Put") -> str:
    """S3's event notification for (bucket, key, etag, size) ("Event message structure")."""
    records = [
        {
            "eventVersion": "2.1",
            "eventSource": "aws:s3",
            "awsRegion": "eu-west-1",
            "eventTime": "2026-10-01T10:05:00.000Z",
            "eventName": event,
            "userIdentity": {"principalId": "AWS:AIDAEXAMPLE"},
            "requestParameters": {"sourceIPAddress": "192.0.2.1"},
            "responseElements": {"x-amz-request-id": "C3D13FE58DE4C810", "x-amz-id-2": "FMyUVURI"},
            "s3": {
                "s3SchemaVersion": "1.0",
                "configurationId": "trail",
                "bucket": {"name": bucket, "ownerIdentity": {"principalId": "A3"}, "arn": f"arn:aws:s3:::{bucket}"},
                "object": {"key": quote_plus(key, safe="/"), "size": size, "eTag": etag, "sequencer": "0055AED6DCD9"},
            },
        }
        for bucket, key, etag, size in objects
    ]
    return json.dumps({"Records": records})


def test_event(bucket: str) -> str:
    """What S3 sends when notifications are set up."""
    return json.dumps(
        {
            "Service": "Amazon S3",
            "Event": "s3:TestEvent",
            "Time": "2026-10-01T10:00:00.000Z",
            "Bucket": bucket,
            "RequestId": "5582815E1AEA5ADF",
            "HostId": "8cLeGAmw098X5cv4Zkwcmo8vvZa3eH3eKxsPzbB9wrR+YstdA6Knx4Ip8EXAMPLE",
        }
    )


def topic(message: str, kind: str = "Notification") -> str:
    """SNS's envelope ("Amazon SNS message and JSON formats")."""
    envelope: dict[str, Any] = {
        "Type": kind,
        "MessageId": "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324",
        "TopicArn": "arn:aws:sns:eu-west-1:111122223333:trail",
        "Message": message,
        "Timestamp": "2026-10-01T10:05:01.000Z",
        "SignatureVersion": "1",
        "Signature": "c6lrGWUXM==",
        "SigningCertURL": "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService.pem",
    }
    if kind != "Notification":
        envelope |= {"Token": "2336412f37f", "SubscribeURL": "https://sns.eu-west-1.amazonaws.com/?Action=Confirm"}
    return json.dumps(envelope)


def bus(bucket: str, key: str, etag: str, size: int, kind: str = "Object Created") -> str:
    """An event of S3 on EventBridge ("EventBridge event message structure")."""
    thing = {"key": key, "size": size, "etag": etag, "version-id": "IYV3p45BT0ac8hjHg1houSdS1a.Mro8e"}
    return json.dumps(
        {
            "version": "0",
            "id": "17793124-05d4-b198-2fde-7ededc63b103",
            "detail-type": kind,
            "source": "aws.s3",
            "account": "111122223333",
            "time": "2026-10-01T10:05:00Z",
            "region": "eu-west-1",
            "resources": [f"arn:aws:s3:::{bucket}"],
            "detail": {
                "version": "0",
                "bucket": {"name": bucket},
                "object": thing | {"sequencer": "617f08299329d189"},
                "request-id": "N4N7GDK58NMKJ12R",
                "requester": "111122223333",
                "source-ip-address": "192.0.2.1",
                "reason": "PutObject",
            },
        }
    )


def trail(bucket: str, *keys: str) -> str:
    """CloudTrail's own notification ("Configuring Amazon SNS notifications for CloudTrail")."""
    return json.dumps({"s3Bucket": bucket, "s3ObjectKey": list(keys)})


VALIDATION = "CloudTrail validation message."
