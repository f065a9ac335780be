"""Calls to one account, patiently: what AWS answers as plain JSON values, what it refuses as `Refused`."""

from __future__ import annotations

import base64
import random
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from threading import Event, Lock
from typing import Any

from pipeline.config import SourceSettings
from pipeline.sources import aws

# Codes of calls that come too fast and may well succeed in a while, besides those that any service has.
THROTTLED = frozenset({"LimitExceeded", "LimitExceededException", "RequestLimitExceeded", "TooManyRequestsException"})
THROTTLED |= {"ConcurrentModification", "ServiceFailure", "ServiceException", "PriorRequestNotComplete"}
# Pauses double from the first to the longest, in seconds: about five minutes of patience in all.
# A connection that cannot be made is given less: whoever has no network should hear of it.
TRIES, FIRST_PAUSE, LONGEST_PAUSE = 20, 0.2, 25.0
CONNECTION_TRIES = 7

_SESSIONS = Lock()  # making sessions and clients reads tables that are not to be read by two threads at once


class Refused(Exception):
    """AWS said no to a call, and would say so again: `code` is AWS's, the text its word."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(" ".join(text.split()))
        self.code = code


class Stopped(Exception):
    """The run was told to stop."""


class Asker:
    """One account's AWS, for any number of threads.

    `settings` say how it is reached; `stop` ends every pause. Raises SourceError where the credentials are no longer
    good or AWS cannot be reached, so that the run ends and can be gone on with.
    """

    def __init__(self, settings: SourceSettings, stop: Event) -> None:
        self.settings, self.stop = settings, stop
        self.throttled = 0
        self._clients: dict[tuple[str, str | None], Any] = {}
        with _SESSIONS:
            self._session = aws.session(settings)

    @property
    def region(self) -> str | None:
        """The region of the session, if it has one."""
        named: str | None = self._session.region_name
        return named

    @property
    def home(self) -> str:
        """A region that will do for what is asked in any: global services are reached from everywhere."""
        return self.region or "us-east-1"

    def ask(
        self, service: str, operation: str, given: Mapping[str, Any] | None = None, region: str | None = None
    ) -> dict[str, Any]:
        """The answer to one call, with times as ISO text and bytes as text. Raises Refused, Stopped or SourceError."""
        from botocore import xform_name
        from botocore.exceptions import ClientError

        try:
            method = getattr(self._client(service, region), xform_name(operation))
            for attempt in range(TRIES):
                self.pause(0)
                try:
                    return {name: plain(value) for name, value in method(**given or {}).items() if name != _META}
                except Exception as error:
                    code = aws.code_of(error)
                    tries = TRIES if code else CONNECTION_TRIES
                    if attempt >= tries - 1 or not (aws.passes(error) or code in THROTTLED):
                        raise
                self.throttled += bool(code)
                self.pause(min(FIRST_PAUSE * 2**attempt, LONGEST_PAUSE) * random.uniform(0.5, 1.5))
        except ClientError as error:
            if self._fatal(error):
                raise aws.fault(self.settings.location, error) from error
            said = error.response.get("Error", {}).get("Message", "")
            raise Refused(aws.code_of(error), f"{error.operation_name}: {aws.code_of(error)}: {said}") from error
        except (OSError, ValueError) as error:
            raise aws.fault(self.settings.location, error) from error
        except Exception as error:
            if type(error).__module__.startswith("botocore"):
                raise aws.fault(self.settings.location, error) from error
            raise
        raise AssertionError("unreachable")

    def pages(
        self, service: str, operation: str, given: Mapping[str, Any] | None = None
    ) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
        """What each page was asked with, and its answer, to the last page."""
        asked = dict(given or {})
        while True:
            answer = self.ask(service, operation, asked)
            yield dict(asked), answer
            token = "Marker" if answer.get("Marker") else "NextToken"
            if not answer.get(token) or answer.get("IsTruncated") is False:
                return
            asked[token] = answer[token]

    def pause(self, seconds: float) -> None:
        """Waits; raises Stopped where the run is told to stop."""
        if self.stop.wait(seconds):
            raise Stopped

    def _client(self, service: str, region: str | None) -> Any:
        with _SESSIONS:
            if (service, region) not in self._clients:
                retries = {"mode": "standard", "total_max_attempts": 1}
                made = aws.client(self.settings, service, region or self.home, self._session, retries=retries)
                self._clients[service, region] = made
            return self._clients[service, region]

    def _fatal(self, error: Exception) -> bool:
        """Whether nothing else will be answered either: the credentials are no longer good, or AWS stays busy."""
        code = aws.code_of(error)
        return code in aws.EXPIRED or code in aws.UNKNOWN or aws.passes(error) or code in THROTTLED


_META = "ResponseMetadata"


def plain(value: Any) -> Any:
    """A value of boto3's as JSON has it, in the way of the AWS command line."""
    if isinstance(value, dict):
        return {str(name): plain(each) for name, each in value.items()}
    if isinstance(value, list):
        return [plain(each) for each in value]
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, bytes):
        try:
            return value.decode("utf-8-sig")
        except UnicodeDecodeError:
            return base64.b64encode(value).decode()
    return value
