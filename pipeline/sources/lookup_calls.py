"""Calls of LookupEvents: at AWS's pace, patient with throttling, and told apart by what an error is about."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from threading import Event, Lock
from typing import Any

from pipeline.config import SourceSettings
from pipeline.sources.aws import EXPIRED, client, code_of, fault
from pipeline.sources.pace import Pace

PAGE = 50  # LookupEvents' most ("API_LookupEvents", MaxResults)
THROTTLED = frozenset({"ThrottlingException", "Throttling", "RequestLimitExceeded", "TooManyRequestsException"})
# What AWS answers in a region that the account has not enabled, to credentials that are good elsewhere.
OFF = frozenset({"UnrecognizedClientException", "InvalidClientTokenId", "OptInRequired", "AuthFailure"})
DENIED = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"})
# Calls in a row that may be throttled, or fail for no fault of ours, before the window is left to the next run.
_PATIENCE = {"throttled": 60, "failed": 8}
_LONGEST = 60  # the longest wait after a throttled call, in intervals of the pace


class RegionClosed(Exception):
    """Nothing can be had from this region: it is not enabled, or access is refused."""


@dataclass
class Caller:
    """LookupEvents in one account and region."""

    settings: SourceSettings
    account: str
    region: str
    per_second: float
    within: Any  # the boto3 session that callers of all regions share
    lock: Lock  # over that session
    stop: Event

    def __post_init__(self) -> None:
        self._pace = Pace(f"lookup-{self.account}-{self.region}", self.per_second)
        self._client: Any = None

    def pages(self, start: datetime, end: datetime) -> Iterator[tuple[list[dict[str, Any]], bool]]:
        """(events, whether there are more) page by page, newest first; both ends are included.

        Raises RegionClosed, SourceError where the credentials are no longer good, OSError for what may pass.
        """
        asked: dict[str, Any] = {"StartTime": start, "EndTime": end, "MaxResults": PAGE}
        while True:
            answer = self._call(asked)
            token = answer.get("NextToken")
            yield answer.get("Events") or [], bool(token)
            if not token:
                return
            # A token is good for the very parameters it was given for.
            asked = asked | {"NextToken": token}

    def _call(self, asked: dict[str, Any]) -> dict[str, Any]:
        failures = {"throttled": 0, "failed": 0}
        while not self.stop.is_set():
            self._pace.wait(self.stop)
            try:
                return self._ready().lookup_events(**asked)  # type: ignore[no-any-return]
            except Exception as error:
                kind = self._kind(error)
                failures[kind] += 1
                if failures[kind] >= _PATIENCE[kind]:
                    raise OSError(f"LookupEvents failed {failures[kind]} times in a row ({error})") from error
            longest = self._pace.interval * min(_LONGEST, 2 ** sum(failures.values()))
            self._pace.back_off(longest * random.uniform(0.5, 1))
        raise OSError("stopped")

    def _kind(self, error: Exception) -> str:
        """What to count the error as; raises what waiting does not mend."""
        from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError

        code = code_of(error)
        if code in THROTTLED:
            return "throttled"
        if code in OFF:
            raise RegionClosed(f"is not enabled for account {self.account} ({code})") from error
        if code in DENIED:
            raise RegionClosed(f"needs the permission cloudtrail:LookupEvents ({' '.join(str(error).split())})")
        if isinstance(error, HTTPClientError) or (isinstance(error, ClientError) and _status(error) >= 500):
            return "failed"
        if code and code not in EXPIRED:
            raise OSError(f"LookupEvents answered {' '.join(str(error).split())}") from error
        if code or isinstance(error, BotoCoreError):
            raise fault(f"lookup:{self.region}", error) from error
        raise error

    def _ready(self) -> Any:
        with self.lock:
            if self._client is None:
                # No retries of boto3's own: they would come beside the pace.
                once = {"mode": "standard", "total_max_attempts": 1}
                self._client = client(self.settings, "cloudtrail", self.region, self.within, retries=once)
            return self._client


def _status(error: Any) -> int:
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
