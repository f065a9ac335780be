"""A topic of SNS: the message, its limits, and a FIFO topic's one delivery of one state."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pipeline.config import SinkSettings
from pipeline.detect.sinks.base import message, open_sink, shortened
from pipeline.detect.sinks.sns import SnsSink
from pipeline.errors import SinkDownError, UsageError
from tests.aws.moto import REGION, Aws
from tests.export.found import finding
from tests.export.test_export import HOSTILE


class Topic:
    """A topic with a queue behind it that shows what was published."""

    def __init__(self, aws: Aws, fifo: bool = False) -> None:
        more = {"Attributes": {"FifoTopic": "true"}} if fifo else {}
        self.sqs, sns = aws.client("sqs"), aws.client("sns")
        self.arn = sns.create_topic(Name=f"found{'.fifo' if fifo else ''}", **more)["TopicArn"]
        more = {"Attributes": {"FifoQueue": "true"}} if fifo else {}
        self.queue = self.sqs.create_queue(QueueName=f"found{'.fifo' if fifo else ''}", **more)["QueueUrl"]
        wanted = self.sqs.get_queue_attributes(QueueUrl=self.queue, AttributeNames=["QueueArn"])
        sns.subscribe(TopicArn=self.arn, Protocol="sqs", Endpoint=wanted["Attributes"]["QueueArn"])

    def taken(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        while batch := self.sqs.receive_message(QueueUrl=self.queue, MaxNumberOfMessages=10).get("Messages"):
            for each in batch:
                found.append(json.loads(each["Body"]))
                self.sqs.delete_message(QueueUrl=self.queue, ReceiptHandle=each["ReceiptHandle"])
        return found


def sink(topic: str, **settings: Any) -> SnsSink:
    made = open_sink(SinkSettings("sns", "topic", topic=topic, **settings))
    assert isinstance(made, SnsSink)
    return made


def test_a_finding_arrives_with_subject_and_attributes(aws: Aws) -> None:
    topic = Topic(aws)
    sink(topic.arn).send(finding(), "found", "s")
    (told,) = topic.taken()
    assert told["Subject"] == "HIGH: Access key made for another user"
    assert json.loads(told["Message"]) == message(finding(), "found")
    assert {name: each["Value"] for name, each in told["MessageAttributes"].items()} == {
        "severity": "high",
        "rule": "detections/access_key_for_another_user",
        "account": "111122223333",
        "change": "found",
    }


def test_a_fifo_topic_tells_one_state_once(aws: Aws) -> None:
    topic = Topic(aws, fifo=True)
    out = sink(topic.arn)
    for state in ("1" * 64, "1" * 64, "2" * 64):
        out.send(finding(), "found", state)
    assert len(topic.taken()) == 2


@pytest.mark.parametrize("title", [*HOSTILE, "Zürich – ” 日本", "x" * 500])
def test_a_subject_is_what_sns_takes(title: str, aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[dict[str, Any]] = []

    class Client:
        def publish(self, **request: Any) -> None:
            asked.append(request)

    monkeypatch.setattr("pipeline.detect.sinks.sns.client", lambda *_, **__: Client())
    sink("arn:aws:sns:eu-west-1:111122223333:found").send(finding(title=title, rule=title, account=None), "found", "s")
    subject = asked[0]["Subject"]
    # Publish: "less than 100 characters", no line breaks or control characters; begins with a letter, as severities do.
    assert 0 < len(subject) < 100 and subject.isascii() and subject.isprintable()
    for each in asked[0]["MessageAttributes"].values():
        assert each["StringValue"] and each["StringValue"].isprintable()
    assert "account" not in asked[0]["MessageAttributes"]


def test_a_long_finding_is_shortened_and_says_so() -> None:
    long = finding(event_ids=[f"{number:036d}" for number in range(20_000)], evidence=["ü" * 40_000, "b"])
    text = shortened(message(long, "found"))
    content = json.loads(text)
    assert len(text.encode()) <= 256 * 1024 - 4096
    assert content["count"] == long["count"]
    assert len(content["event_ids"]) + content["left_out"]["event_ids"] == 20_000
    assert content["event_ids"] == long["event_ids"][: len(content["event_ids"])]
    assert "evidence" not in content["left_out"]


def test_one_note_beyond_the_limit_is_left_out_too() -> None:
    content = json.loads(shortened(message(finding(evidence=["x" * 300_000]), "found")))
    assert (content["evidence"], content["left_out"]["evidence"]) == ([], 1)


def test_a_topic_that_is_not_there_is_one_line(aws: Aws) -> None:
    with pytest.raises(SinkDownError, match=r"^sink topic \(arn:aws:sns:eu-west-1:123456789012:none\): "):
        sink(f"arn:aws:sns:{REGION}:123456789012:none").send(finding(), "found", "s")


def test_a_profile_that_is_not_there_is_one_line() -> None:
    with pytest.raises(SinkDownError, match="nobody"):
        sink("arn:aws:sns:eu-west-1:123456789012:none", profile="nobody").send(finding(), "found", "s")


@pytest.mark.parametrize("topic", ["found", "arn:aws:sqs:eu-west-1:123456789012:found", "arn:aws:sns:eu-west-1:1:x"])
def test_what_is_no_topic_is_refused(topic: str) -> None:
    with pytest.raises(UsageError, match="is no ARN of a topic; write arn:aws:sns:REGION:ACCOUNT:NAME"):
        sink(topic)
