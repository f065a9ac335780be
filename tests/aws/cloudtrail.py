"""CloudTrail's own API on loopback, for what moto lacks: LookupEvents with AWS's limits, and ListPublicKeys.

Speaks AWS JSON 1.1 (and, so that one endpoint is enough, STS GetCallerIdentity and EC2 DescribeRegions). The account
is the one that the request's access key belongs to, the region the one it was signed for. Runs in a process of its
own and is told its state over HTTP, since ingestion forks and a server's threads would not.
Rules: API reference, LookupEvents and Common Errors; "Quotas in AWS CloudTrail".
"""

from __future__ import annotations

import base64
import json
import re
import subprocess
import sys
import time
import urllib.request
import uuid
from collections import Counter, defaultdict, deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock
from typing import Any
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

from tests.aws.moto import CREDENTIALS, REGION, free_port

ACCOUNT = "111122223333"
NOW = datetime(2026, 11, 25, 12, 30, tzinfo=UTC)
ENABLED = ("eu-west-1", "us-east-1")
DAYS = 90
ATTRIBUTES = {
    "AccessKeyId",
    "EventId",
    "EventName",
    "EventSource",
    "ReadOnly",
    "ResourceName",
    "ResourceType",
    "Username",
}
TARGET = "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101."
Entry = tuple[float, int, str, str]  # time, order of arrival, category, record
SCOPE = re.compile(r"Credential=([^/]+)/\d{8}/([^/]+)/([^/]+)/aws4_request")


@dataclass(frozen=True)
class CloudTrail:
    """Where the server listens, and how a test tells it what it holds."""

    url: str

    @property
    def environment(self) -> dict[str, str]:
        """Variables by which boto3 reaches this server for CloudTrail, STS and EC2, and no other."""
        return CREDENTIALS | {f"AWS_ENDPOINT_URL_{name}": self.url for name in ("CLOUDTRAIL", "STS", "EC2")}

    def client(self, region: str = REGION, key: str = "testing") -> Any:
        """A boto3 client of the server, without retries."""
        import boto3
        from botocore.config import Config

        config = Config(retries={"total_max_attempts": 1}, parameter_validation=False)
        keys = {"aws_access_key_id": key, "aws_secret_access_key": "testing"}
        return boto3.client("cloudtrail", region_name=region, endpoint_url=self.url, config=config, **keys)

    def reset(self) -> None:
        """Holds nothing, at NOW, with AWS's limits and the regions of ENABLED."""
        self._tell("reset")

    def configure(self, **changes: Any) -> None:
        """Changes what the server is: `now` (datetime), `rate` (calls/s), `storm` (calls to throttle whatever the
        rate), `regions` (enabled ones), `denied` (regions whose calls AWS refuses), `accounts` ({access key: account}),
        `no_identity` (STS refuses), `expired` (credentials no longer good), `trails` (DescribeTrails' trailList),
        `broken` (calls to answer with HTTP 500).
        """
        if "now" in changes:
            changes["now"] = changes["now"].timestamp()
        self._tell("configure", changes)

    def add(self, records: Sequence[dict[str, Any] | str], region: str = REGION, account: str = ACCOUNT) -> None:
        """Puts events into an account's event history; a text is given out to the letter."""
        texts = [each if isinstance(each, str) else json.dumps(each) for each in records]
        self._tell("add", {"account": account, "region": region, "texts": texts})

    def add_public_key(
        self, der: bytes, since: datetime, until: datetime, fingerprint: str, region: str = REGION
    ) -> None:
        """A key for ListPublicKeys in that region: PKCS#1 DER, and the time in which it signs digests."""
        times = {"ValidityStartTime": since.timestamp(), "ValidityEndTime": until.timestamp()}
        key = {"Value": base64.b64encode(der).decode(), "Fingerprint": fingerprint} | times
        self._tell("key", {"region": region, "key": key})

    def stats(self) -> dict[str, Any]:
        """{"calls", "throttled", "refused": counts; "busiest": most LookupEvents answered within any one second,
        "by_region": {"account/region": calls}, "spans": [[start, end], …] of first pages} since `reset`."""
        return self._tell("stats")

    def _tell(self, what: str, body: Any = None) -> Any:
        request = urllib.request.Request(f"{self.url}/control/{what}", data=json.dumps(body).encode(), method="POST")
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.loads(answer.read())


@contextmanager
def serve() -> Iterator[CloudTrail]:
    """The server while the block runs."""
    port = free_port()
    process = subprocess.Popen([sys.executable, "-m", "tests.aws.cloudtrail", str(port)], stdout=subprocess.PIPE)
    try:
        assert process.stdout and process.stdout.readline() == b"listening\n", "the fake CloudTrail ended"
        yield CloudTrail(f"http://127.0.0.1:{port}")
    finally:
        process.terminate()
        process.wait()


class Fault(Exception):
    """An error that AWS answers with: its code, and what it says."""

    def __init__(self, code: str, text: str, status: int = 400) -> None:
        super().__init__(text)
        self.code, self.status = code, status


class State:
    """What the server holds; one lock over all of it."""

    def __init__(self) -> None:
        self.lock = Lock()
        self.reset()

    def reset(self) -> None:
        self.now, self.rate = NOW.timestamp(), 2.0
        self.storm = self.broken = 0
        self.regions, self.denied = list(ENABLED), list[str]()
        self.accounts: dict[str, str] = {}
        self.no_identity = self.expired = False
        self.trails: list[dict[str, Any]] = []
        self.keys: dict[str, list[dict[str, Any]]] = defaultdict(list)
        self.events: dict[tuple[str, str], list[Entry]] = defaultdict(list)
        self.tokens: dict[str, tuple[str, list[Entry]]] = {}
        self.recent: dict[tuple[str, str], deque[float]] = defaultdict(deque)
        self.counts: Counter[str] = Counter()
        self.by_region: Counter[str] = Counter()
        self.spans: list[list[float]] = []
        self.busiest = 0

    def control(self, what: str, body: Any) -> Any:
        """Acts on what a test says."""
        if what == "reset":
            self.reset()
        elif what == "configure":
            for name, value in body.items():
                assert hasattr(self, name), name
                setattr(self, name, value)
        elif what == "add":
            there = self.events[body["account"], body["region"]]
            for text in body["texts"]:
                record = json.loads(text)
                moment = datetime.fromisoformat(record["eventTime"]).timestamp()
                there.append((moment, len(there), str(record.get("eventCategory") or "Management"), text))
            there.sort(reverse=True)
        elif what == "key":
            self.keys[body["region"]].append(body["key"])
        counts = {name: self.counts[name] for name in ("calls", "throttled", "refused")}
        return counts | {"busiest": self.busiest, "by_region": dict(self.by_region), "spans": self.spans}

    def call(self, operation: str, body: dict[str, Any], key: str, region: str) -> dict[str, Any]:
        """One call of CloudTrail's API; raises Fault."""
        account = self.accounts.get(key, ACCOUNT)
        if self.expired:
            raise Fault("ExpiredTokenException", "The security token included in the request is expired")
        if region not in self.regions:
            raise Fault("UnrecognizedClientException", "The security token included in the request is invalid.")
        if region in self.denied:
            who = f"User: arn:aws:iam::{account}:user/reader is not authorized to perform: cloudtrail:{operation}"
            raise Fault("AccessDeniedException", f"{who} because no identity-based policy allows it")
        if operation == "LookupEvents":
            self._limit(account, region)
            return self._lookup(body, account, region)
        if operation == "ListPublicKeys":
            since, until = body.get("StartTime", self.now), body.get("EndTime", self.now)
            if since > until:
                raise Fault("InvalidTimeRangeException", "The start time is after the end time.")
            valid = [k for k in self.keys[region] if k["ValidityStartTime"] <= until and k["ValidityEndTime"] >= since]
            return {"PublicKeyList": valid}
        if operation == "DescribeTrails":
            return {"trailList": self.trails}
        raise Fault("UnknownOperationException", "")

    def _limit(self, account: str, region: str) -> None:
        """Two calls in any second for an account and region; a refused one does not count against the limit."""
        self.counts["calls"] += 1
        self.by_region[f"{account}/{region}"] += 1
        if self.broken:
            self.broken -= 1
            raise Fault("InternalFailure", "The request processing has failed because of an unknown error.", 500)
        recent, moment = self.recent[account, region], time.monotonic()
        while recent and recent[0] <= moment - 1:
            recent.popleft()
        if self.storm or len(recent) >= self.rate:
            self.storm = max(0, self.storm - 1)
            self.counts["throttled"] += 1
            raise Fault("ThrottlingException", "Rate exceeded")
        recent.append(moment)
        self.busiest = max(self.busiest, len(recent))

    def _lookup(self, body: dict[str, Any], account: str, region: str) -> dict[str, Any]:
        asked = json.dumps({name: value for name, value in body.items() if name != "NextToken"}, sort_keys=True)
        limit = self._check(body)
        if token := body.get("NextToken"):
            before, rest = self.tokens.get(token, ("", []))
            if before != asked + account + region:
                raise Fault("InvalidNextTokenException", "Invalid NextToken: use the parameters it was given for.")
        else:
            since = body.get("StartTime", self.now - DAYS * 86400)
            until = body.get("EndTime", self.now)
            self.spans.append([since, until])
            there = self.events[account, region]
            wanted = "Insight" if body.get("EventCategory") else "Management"
            rest = [each for each in there if since <= each[0] <= until and each[2] == wanted]
            rest = [each for each in rest if _matches(each[3], body.get("LookupAttributes") or [])]
        answer: dict[str, Any] = {"Events": [_entry(moment, text) for moment, _, _, text in rest[:limit]]}
        if rest[limit:]:
            answer["NextToken"] = uuid.uuid4().hex
            self.tokens[answer["NextToken"]] = (asked + account + region, rest[limit:])
        return answer

    def _check(self, body: dict[str, Any]) -> int:
        since, until, limit = body.get("StartTime"), body.get("EndTime"), body.get("MaxResults", 50)
        if since is not None and until is not None and since > until:
            raise Fault("InvalidTimeRangeException", "The start time is after the end time.")
        if since is not None and since < self.now - DAYS * 86400:
            raise Fault("InvalidTimeRangeException", "The time range is outside the range of possible values.")
        if not isinstance(limit, int) or not 1 <= limit <= 50:
            raise Fault("InvalidMaxResultsException", "MaxResults must be between 1 and 50.")
        if body.get("EventCategory") not in (None, "insight"):
            raise Fault("InvalidEventCategoryException", "The event category is not valid.")
        given = body.get("LookupAttributes") or []
        if len(given) > 1 or any(each.get("AttributeKey") not in ATTRIBUTES for each in given):
            raise Fault("InvalidLookupAttributesException", "One lookup attribute of those documented.")
        return limit


def _entry(moment: float, text: str) -> dict[str, Any]:
    """An event as LookupEvents gives it (API reference, Event)."""
    record = json.loads(text)
    identity = record.get("userIdentity") or {}
    issuer = (identity.get("sessionContext") or {}).get("sessionIssuer") or {}
    entry = {
        "EventId": record.get("eventID"),
        "EventName": record.get("eventName"),
        "ReadOnly": None if record.get("readOnly") is None else str(record["readOnly"]).lower(),
        "AccessKeyId": identity.get("accessKeyId"),
        "EventTime": moment,
        "EventSource": record.get("eventSource"),
        "Username": identity.get("userName") or issuer.get("userName"),
        "Resources": [
            {"ResourceType": each.get("type"), "ResourceName": each.get("ARN")}
            for each in record.get("resources") or []
        ],
        "CloudTrailEvent": text,
    }
    return {name: value for name, value in entry.items() if value is not None}


def _matches(text: str, attributes: list[dict[str, str]]) -> bool:
    entry = _entry(0, text)
    for each in attributes:
        resources = {r.get(each["AttributeKey"]) for r in entry["Resources"]}
        if each["AttributeValue"] not in {entry.get(each["AttributeKey"]), *resources}:
            return False
    return True


class Handler(BaseHTTPRequestHandler):
    """HTTP to State and back."""

    protocol_version = "HTTP/1.1"
    state = State()

    def do_POST(self) -> None:
        data = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        with self.state.lock:
            if self.path.startswith("/control/"):
                return self._json(200, self.state.control(self.path.rpartition("/")[2], json.loads(data)))
            scope = SCOPE.search(self.headers.get("Authorization", ""))
            key, region, service = scope.groups() if scope else ("", "", "")
            if service in ("sts", "ec2"):
                return self._xml(service, parse_qs(data.decode()), key)
            try:
                if not scope:
                    raise Fault("MissingAuthenticationTokenException", "Missing Authentication Token")
                operation = self.headers.get("X-Amz-Target", "").removeprefix(TARGET)
                return self._json(200, self.state.call(operation, json.loads(data or b"{}"), key, region))
            except Fault as fault:
                self.state.counts["refused"] += fault.code != "ThrottlingException"
                return self._json(fault.status, {"__type": fault.code, "message": str(fault)})

    def _xml(self, service: str, asked: dict[str, list[str]], key: str) -> None:
        account = self.state.accounts.get(key, ACCOUNT)
        if service == "sts" and self.state.no_identity:
            text = "<Code>InvalidClientTokenId</Code><Message>The security token is invalid.</Message>"
            return self._answer(403, f"<ErrorResponse><Error>{text}</Error></ErrorResponse>".encode(), "text/xml")
        if service == "sts":
            who = (
                f"<Arn>arn:aws:iam::{account}:user/reader</Arn><UserId>AIDAREADER</UserId><Account>{account}</Account>"
            )
            body = f"<GetCallerIdentityResult>{who}</GetCallerIdentityResult>"
            body = f"<GetCallerIdentityResponse>{body}</GetCallerIdentityResponse>"
        else:
            assert asked["Action"] == ["DescribeRegions"], asked
            names = "".join(
                f"<item><regionName>{escape(each)}</regionName><optInStatus>opted-in</optInStatus></item>"
                for each in self.state.regions
            )
            body = f"<DescribeRegionsResponse><regionInfo>{names}</regionInfo></DescribeRegionsResponse>"
        return self._answer(200, body.encode(), "text/xml")

    def _json(self, status: int, body: Any) -> None:
        self._answer(status, json.dumps(body).encode(), "application/x-amz-json-1.1")

    def _answer(self, status: int, body: bytes, kind: str) -> None:
        self.send_response_only(status)
        self.send_header("Date", formatdate(self.state.now, usegmt=True))
        self.send_header("x-amzn-RequestId", str(uuid.uuid4()))
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:
        """Nothing: tests read `stats`."""


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler)
    print("listening", flush=True)
    server.serve_forever()
