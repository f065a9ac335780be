"""What messages name, in every wrapping that AWS's services put around it; and what is no message of theirs."""

from __future__ import annotations

import json

import pytest

from pipeline.sources.notifications import Named, NotUnderstood, named
from tests.aws import notices

KEY = "a b/AWSLogs/ü+%20=.json.gz"
ETAG = "d41d8cd98f00b204e9800998ecf8427e"
ONE = Named("trail-logs", KEY, ETAG, 1024)
UNKNOWN = [Named("trail-logs", "k1.gz"), Named("trail-logs", "k2+%20.gz")]
S3 = notices.s3(("trail-logs", KEY, ETAG, 1024))
BUS = notices.bus("trail-logs", KEY, ETAG, 1024)
TRAIL = notices.trail("trail-logs", "k1.gz", "k2+%20.gz")


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        pytest.param(S3, [ONE], id="S3"),
        pytest.param(S3.replace("ObjectCreated:Put", "ObjectCreated:CompleteMultipartUpload"), [ONE], id="S3, parts"),
        pytest.param(notices.topic(S3), [ONE], id="S3 by SNS"),
        pytest.param(BUS, [ONE], id="EventBridge"),
        pytest.param(notices.topic(BUS), [ONE], id="EventBridge by SNS"),
        pytest.param(TRAIL, UNKNOWN, id="CloudTrail, delivered raw"),
        pytest.param(notices.topic(TRAIL), UNKNOWN, id="CloudTrail"),
        pytest.param('{"s3Bucket": "trail-logs", "s3ObjectKey": "k1.gz"}', UNKNOWN[:1], id="CloudTrail, one key"),
        pytest.param(notices.s3(("trail-logs", "k1.gz", "?", 9)), UNKNOWN[:1], id="an etag that is none"),
        pytest.param(notices.s3(("trail-logs", "k1.gz", ETAG, -1)), UNKNOWN[:1], id="a size that is none"),
        pytest.param(
            notices.s3(("trail-logs", KEY, f'"{ETAG}-2"', 5), ("other-logs", KEY, ETAG, 6)),
            [Named("trail-logs", KEY, f"{ETAG}-2", 5), Named("other-logs", KEY, ETAG, 6)],
            id="several records",
        ),
        pytest.param(notices.trail("trail-logs", "k1.gz", "k1.gz"), UNKNOWN[:1], id="a key twice"),
    ],
)
def test_the_objects_a_message_names(body: str, expected: list[Named]) -> None:
    assert named(body) == expected


@pytest.mark.parametrize(
    "body",
    [
        notices.test_event("trail-logs"),
        notices.topic(notices.test_event("trail-logs")),
        notices.VALIDATION,
        notices.topic(notices.VALIDATION),
        notices.topic("You have chosen to subscribe …", "SubscriptionConfirmation"),
        notices.topic("You have chosen to end …", "UnsubscribeConfirmation"),
        S3.replace("ObjectCreated:Put", "ObjectRemoved:Delete"),
        S3.replace("ObjectCreated:Put", "LifecycleExpiration:Delete"),
        BUS.replace("Object Created", "Object Deleted"),
        '{"Records": []}',
    ],
)
def test_a_message_of_something_else_names_nothing(body: str) -> None:
    assert named(body) == []


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("", "is no JSON"),
        ("hello", "is no JSON"),
        ("[1]", "is no JSON object"),
        ("[" * 100_000, "is nested too deeply"),
        ("{}", "is a message of no known kind"),
        ('{"Records": [5]}', "has a record that is no event of S3"),
        # A queue of CloudTrail's events themselves is none of new objects, and nothing of it is to be deleted.
        ('{"Records": [{"eventSource": "s3.amazonaws.com", "eventName": "PutObject"}]}', "has no s3"),
        ('{"source": "aws.s3", "detail-type": "AWS API Call via CloudTrail", "detail": {}}', "no known kind"),
        ('{"source": "aws.s3", "detail-type": "Object Created", "detail": []}', "has no detail"),
        (notices.trail("trail-logs", ""), "names no object"),
        (notices.trail("trail-logs", "k" * 1025), "names no object"),
        ('{"s3Bucket": "trail-logs", "s3ObjectKey": ["\\ud800"]}', "names no object"),
        ('{"s3Bucket": "trail-logs"}', "names no object"),
        (notices.trail("../x", "k"), "names no bucket"),
        (notices.s3(("trail-logs", "k", ETAG, 1)).replace('"bucket": {', '"bucket": 5, "x": {'), "has no bucket"),
        (notices.topic(notices.topic(notices.topic(notices.topic(S3)))), "is wrapped too often"),
        (json.dumps({"Message": 5, "TopicArn": "arn"}), "no known kind"),
    ],
)
def test_what_is_no_message_of_these_services_is_told(body: str, words: str) -> None:
    with pytest.raises(NotUnderstood, match=words):
        named(body)
