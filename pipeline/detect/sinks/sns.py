"""A topic of Amazon SNS as a sink: the finding as JSON, with attributes that subscriptions filter by.

Source: Publish in the SNS API Reference (message and attributes at most 256 KiB together; a subject under 100
characters without control characters; a deduplication id of at most 128).
"""

from __future__ import annotations

import re
from typing import Any

from pipeline.config import SinkSettings, SourceSettings
from pipeline.detect.sinks.base import Finding, Sink, message, shortened
from pipeline.errors import SinkDownError, SinkError, SourceError, UsageError
from pipeline.export.cells import plain
from pipeline.sources.aws import client, code_of, fault

_TOPIC = re.compile(r"arn:[\w-]+:sns:(?P<region>[a-z0-9-]+):\d{12}:[\w-]{1,256}(?P<fifo>\.fifo)?")
_SUBJECT, _ATTRIBUTE = 99, 256
_NOT_TAKEN = ("InvalidParameter", "InvalidParameterValue", "ParameterValueInvalid")


class SnsSink(Sink):
    """`topic`: an ARN. A FIFO topic gets a finding once however often the same state of it is sent."""

    kind = "sns"
    needs = "topic"

    def __init__(self, settings: SinkSettings) -> None:
        super().__init__(settings)
        match = _TOPIC.fullmatch(settings.topic)
        if not match:
            problem = f"{plain(settings.topic)!r} is no ARN of a topic"
            raise UsageError(f"sink {self.name}", problem, "write arn:aws:sns:REGION:ACCOUNT:NAME")
        self.place = settings.topic
        self.fifo = bool(match["fifo"])
        self.reached = SourceSettings(
            location=f"sink {self.name} ({self.place})",
            profile=settings.profile,
            role_arn=settings.role_arn,
            external_id=settings.external_id,
            endpoint_url=settings.endpoint_url,
            region=settings.region or match["region"],
        )
        self._client: Any = None

    def send(self, finding: Finding, change: str, state: str) -> None:
        """Publishes it; botocore tries again where the service is busy."""
        severity, title = finding["severity"].upper(), finding["title"]
        request = {
            "TopicArn": self.settings.topic,
            "Subject": _subject(f"{severity}: {title}"),
            "Message": shortened(message(finding, change)),
            "MessageAttributes": _attributes(finding, change),
        }
        if self.fifo:
            request |= {"MessageGroupId": finding["id"], "MessageDeduplicationId": f"{finding['id']}-{state[:64]}"}
        try:
            self._client = self._client or client(
                self.reached, "sns", retries={"mode": "standard", "total_max_attempts": 4}
            )
            self._client.publish(**request)
        except SourceError as error:
            raise SinkDownError(error.place, error.problem, error.remedy) from error
        except Exception as error:
            told = fault(self.reached.location, error)
            kind = SinkError if code_of(error) in _NOT_TAKEN else SinkDownError
            raise kind(told.place, told.problem, told.remedy) from error


def _subject(text: str) -> str:
    """ASCII alone, as mail programs differ about the rest."""
    return plain(text).encode("ascii", "replace").decode()[:_SUBJECT]


def _attributes(finding: Finding, change: str) -> dict[str, dict[str, str]]:
    texts = {"severity": finding["severity"], "rule": finding["rule"], "account": finding["account"], "change": change}
    return {
        name: {"DataType": "String", "StringValue": plain(text)[:_ATTRIBUTE]} for name, text in texts.items() if text
    }
