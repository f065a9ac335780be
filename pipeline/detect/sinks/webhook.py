"""A webhook as a sink: an HTTP POST for each finding, in Slack's shape or as plain JSON. Its URL is a secret."""

from __future__ import annotations

import http.client
import ipaddress
import random
import urllib.error
import urllib.request
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from time import sleep
from typing import Any, NamedTuple
from urllib.parse import SplitResult, urlsplit

from pipeline import __version__
from pipeline.config import SinkSettings
from pipeline.detect.sinks.base import Finding, Sink, message, shortened
from pipeline.detect.sinks.slack import slack
from pipeline.errors import SinkDownError, SinkError, UsageError
from pipeline.export.cells import plain

_SHAPES = {"slack": slack, "json": message}
_SAID = 200  # characters of an answer that an error may repeat
# Answers that say what was sent is at fault; any other under 500 is about who sends, or where to.
_NOT_TAKEN = (400, 413, 422)


class Answer(NamedTuple):
    """What came back: the status, 0 where nothing did; seconds that the place wants to be left alone; what it said."""

    status: int
    wait: float | None
    said: str


class WebhookSink(Sink):
    """`url`: https, or http on this machine. `shape` is slack or json."""

    kind = "webhook"
    needs = "url"
    tries = 4
    timeout = 10.0  # seconds for each answer
    pause = 1.0  # seconds before the second try, doubled before each later one
    longest = 60.0  # seconds; a place that asks for more is left to the next run

    def __init__(self, settings: SinkSettings) -> None:
        super().__init__(settings)
        if settings.shape not in _SHAPES:
            remedy = f"write {' or '.join(_SHAPES)}"
            raise UsageError(f"sink {self.name}", f"{settings.shape!r} is no shape of a webhook", remedy)
        parts = _parts(settings)
        self.place = f"{parts.scheme}://{parts.hostname}{f':{parts.port}' if parts.port else ''}/…"
        handlers: list[Any] = [_Stay()]
        if _here(parts.hostname or ""):
            handlers.append(urllib.request.ProxyHandler({}))  # this machine is not reached by a proxy
        self._opener = urllib.request.build_opener(*handlers)

    def send(self, finding: Finding, change: str, state: str) -> None:
        """Posts it, and again where the place is busy or did not answer."""
        body = shortened(_SHAPES[self.settings.shape](finding, change)).encode(errors="replace")
        for attempt in range(1, self.tries + 1):
            answer = self._post(body)
            if 200 <= answer.status < 300:
                return
            if answer.status and answer.status != 429 and answer.status < 500:
                raise self._refused(answer)
            wait = answer.wait if answer.wait is not None else self.pause * 2 ** (attempt - 1) * random.uniform(1, 1.5)
            if wait > self.longest:
                raise self._down(f"asks to be left alone for {wait:,.0f} s")
            if attempt < self.tries:
                sleep(wait)
        what = f"HTTP {answer.status}" if answer.status else answer.said
        raise self._down(f"did not take it in {self.tries} tries ({what})")

    def _post(self, body: bytes) -> Answer:
        headers = {"Content-Type": "application/json; charset=utf-8", "User-Agent": f"trailsift/{__version__}"}
        request = urllib.request.Request(self.settings.url, data=body, headers=headers, method="POST")
        try:
            with self._opener.open(request, timeout=self.timeout) as answer:
                return Answer(answer.status, None, "")
        except urllib.error.HTTPError as error:
            with error:
                return Answer(error.code, _wait(error.headers.get("Retry-After")), self._said(error))
        except TimeoutError:
            return Answer(0, None, f"no answer in {self.timeout:g} s")
        except urllib.error.URLError as error:
            return Answer(0, None, self._safe(str(error.reason)))
        except (OSError, http.client.HTTPException) as error:
            return Answer(0, None, self._safe(f"{type(error).__name__}: {error}"))

    def _said(self, error: urllib.error.HTTPError) -> str:
        try:
            return self._safe(error.read(_SAID).decode(errors="replace"))
        except (OSError, http.client.HTTPException):
            return ""

    def _safe(self, text: str) -> str:
        """What somebody else said, as one short line without the secret part of the URL."""
        parts = urlsplit(self.settings.url)
        for secret in (self.settings.url, f"{parts.path}?{parts.query}", parts.path, parts.query):
            text = text.replace(secret, "…") if len(secret) > 1 else text
        return plain(text).strip()[:_SAID]

    def _refused(self, answer: Answer) -> SinkError:
        if 300 <= answer.status < 400:
            return self._down(f"sends us elsewhere (HTTP {answer.status})", "write the URL where it wants us")
        problem = f"refused it (HTTP {answer.status}{f': {answer.said}' if answer.said else ''})"
        if answer.status in _NOT_TAKEN:
            return SinkError(f"sink {self.name} ({self.place})", problem)
        return self._down(problem, "check the URL")

    def _down(self, problem: str, remedy: str = "") -> SinkDownError:
        return SinkDownError(f"sink {self.name} ({self.place})", problem, remedy)


class _Stay(urllib.request.HTTPRedirectHandler):
    """Follows no redirect: a finding goes where the settings say and nowhere else."""

    def redirect_request(self, *_: Any) -> None:
        return None


def _parts(settings: SinkSettings) -> SplitResult:
    """The parts of the URL; raises UsageError, which does not repeat it, where findings are not sent to such."""
    try:
        parts = urlsplit(settings.url)
        usable = bool(parts.hostname) and (parts.port or 1) and parts.username is None and settings.url.isascii()
        usable = usable and not any(each <= " " or each == "\x7f" for each in settings.url)
    except ValueError:
        usable = False
    if not usable:
        raise UsageError(f"sink {settings.name}", "its url is none", "write https://HOST/…")
    if parts.scheme != "https" and not (parts.scheme == "http" and _here(parts.hostname or "")):
        remedy = "write https:// (http:// only for this machine)"
        raise UsageError(f"sink {settings.name}", "its url would carry findings in the clear", remedy)
    return parts


def _here(host: str) -> bool:
    """Whether the host is this machine by its own name for itself."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _wait(text: str | None) -> float | None:
    """Seconds that Retry-After asks for: a number, or a date to wait for (RFC 9110, 10.2.3)."""
    if not text:
        return None
    if text.strip().isdecimal():
        return float(text)
    try:
        return max(0.0, (parsedate_to_datetime(text) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):
        return None
