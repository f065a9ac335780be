"""A webhook: what it is sent, when it is tried again, and that its URL stays a secret."""

from __future__ import annotations

import ipaddress
import json
import ssl
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from pipeline.config import SinkSettings
from pipeline.detect.sinks.base import open_sink
from pipeline.detect.sinks.slack import escaped, slack
from pipeline.detect.sinks.webhook import WebhookSink
from pipeline.errors import SinkDownError, SinkError, UsageError
from tests.aws.moto import free_port
from tests.detect.sinks.receiver import SECRET, Receiver, Reply, serve
from tests.export.found import finding
from tests.export.test_export import HOSTILE


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses that were made, which take no time."""
    found: list[float] = []
    monkeypatch.setattr("pipeline.detect.sinks.webhook.sleep", found.append)
    return found


def sink(url: str, **settings: Any) -> WebhookSink:
    made = open_sink(SinkSettings("webhook", "chat", url=url, **settings))
    assert isinstance(made, WebhookSink)
    return made


def send(receiver: Receiver, change: str = "found", **settings: Any) -> None:
    sink(receiver.url, **settings).send(finding(), change, "s")


def hidden(text: str) -> bool:
    return not any(each in text for each in ("s3cr3t", "T0001", "hidden"))


def test_json_is_the_plain_finding(receiver: Receiver) -> None:
    send(receiver, "grew", shape="json")
    (body,) = receiver.bodies
    assert next(iter(body)) == "id"
    assert body == finding() | {
        "first_seen": "2026-11-01T10:00:00.500000Z",
        "last_seen": "2026-11-01T11:00:00Z",
        "change": "grew",
    }
    assert receiver.types == ["application/json; charset=utf-8"]
    assert receiver.asked == [f"/{SECRET}?key=hidden"]


def test_a_long_finding_is_shortened_and_says_so(receiver: Receiver) -> None:
    sink(receiver.url, shape="json").send(finding(event_ids=["e" * 36] * 20_000), "found", "s")
    (body,) = receiver.bodies
    assert len(json.dumps(body)) <= 256 * 1024
    assert len(body["event_ids"]) + body["left_out"]["event_ids"] == 20_000


def test_slack_gets_text_and_blocks(receiver: Receiver) -> None:
    send(receiver)
    (body,) = receiver.bodies
    assert body["text"].startswith("HIGH: Access key made for another user: arn:aws:iam::111122223333:role/ci/deploy")
    assert body["blocks"][0]["text"]["text"] == "HIGH: Access key made for another user"
    assert [each["type"] for each in body["blocks"]] == ["header", "section", "section", "section", "context"]


def texts(content: Any) -> list[dict[str, Any]]:
    """Every text object of a message."""
    if isinstance(content, list):
        return [found for each in content for found in texts(each)]
    if not isinstance(content, dict):
        return []
    own = [content] if content.get("type") in ("plain_text", "mrkdwn") else []
    return own + [found for each in content.values() for found in texts(each)]


@pytest.mark.parametrize("text", [*HOSTILE, "<!channel>", "<https://evil.example|click>", "a&b", "*b* `c`", "x" * 9000])
def test_no_log_field_is_a_link_or_a_mention(text: str) -> None:
    body = slack(finding(title=text, evidence=[text] * 50, principal_arn=text, action=text, region=text), "found")
    found = texts(body["blocks"])
    assert found and all(each["type"] == "plain_text" and each["emoji"] is False for each in found)
    for each in [*(each["text"] for each in found), body["text"]]:
        assert "<" not in each and ">" not in each
        assert each.replace("&amp;", "").replace("&lt;", "").replace("&gt;", "").count("&") == 0
        assert not any(ord(char) < 32 and char != "\n" for char in each)
    # docs.slack.dev, Block Kit: header 150, section text 3,000, ten fields of 2,000, 50 blocks.
    assert len(body["blocks"]) <= 50
    assert len(body["blocks"][0]["text"]["text"]) <= 150
    for block in body["blocks"]:
        assert len(block.get("fields", [])) <= 10
        assert all(0 < len(each["text"]) <= 2000 for each in block.get("fields", []))
        assert block["type"] != "section" or "fields" in block or len(block["text"]["text"]) <= 3000


def test_a_cut_splits_no_escape() -> None:
    assert escaped("<<<<", 16) == "&lt;&lt;&lt;&lt;"
    assert escaped("<<<<", 15) == "&lt;&lt;&lt;…"
    assert escaped("ab", 2) == "ab"


def test_what_is_busy_is_asked_again_when_it_says(receiver: Receiver, waits: list[float]) -> None:
    receiver.replies = [Reply(429, {"Retry-After": "7"}), Reply(503), Reply()]
    send(receiver)
    assert len(receiver.bodies) == 1
    assert waits[0] == 7
    assert 2 <= waits[1] <= 3  # the pause doubles: a second before the second try, two before the third


def test_a_date_to_wait_for_is_heeded(receiver: Receiver, waits: list[float]) -> None:
    receiver.replies = [Reply(429, {"Retry-After": format_datetime(datetime.now(UTC) + timedelta(seconds=30), True)})]
    send(receiver)
    assert 20 < waits[0] <= 30


@pytest.mark.parametrize("status", [500, 502, 429])
def test_it_gives_up_after_some_tries(receiver: Receiver, waits: list[float], status: int) -> None:
    receiver.always = Reply(status)
    with pytest.raises(SinkDownError, match=rf"did not take it in 4 tries \(HTTP {status}\)") as error:
        send(receiver)
    assert (len(receiver.asked), len(waits)) == (4, 3)
    assert hidden(str(error.value))


def test_who_asks_for_an_hour_is_left_to_the_next_run(receiver: Receiver, waits: list[float]) -> None:
    receiver.always = Reply(429, {"Retry-After": "3600"})
    with pytest.raises(SinkDownError, match="asks to be left alone for 3,600 s"):
        send(receiver)
    assert (len(receiver.asked), waits) == (1, [])


@pytest.mark.parametrize(
    ("status", "kind"), [(400, SinkError), (413, SinkError), (403, SinkDownError), (404, SinkDownError)]
)
def test_a_refusal_is_not_tried_again(
    receiver: Receiver, waits: list[float], status: int, kind: type[SinkError]
) -> None:
    receiver.always = Reply(status, text=f"no \x1b[31m /{SECRET}?key=hidden")
    with pytest.raises(SinkError, match=f"refused it \\(HTTP {status}: no ") as error:
        send(receiver)
    assert type(error.value) is kind
    assert len(receiver.asked) == 1
    assert hidden(str(error.value))
    assert "\x1b" not in str(error.value)


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_not_followed(receiver: Receiver, waits: list[float], status: int) -> None:
    with serve() as other:
        receiver.always = Reply(status, {"Location": other.url})
        with pytest.raises(SinkDownError, match=rf"sends us elsewhere \(HTTP {status}\)") as error:
            send(receiver)
        assert (other.asked, len(receiver.asked)) == ([], 1)
    assert hidden(str(error.value))


def test_a_proxy_is_not_asked_for_this_machine(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{free_port()}")
    send(receiver)
    assert len(receiver.bodies) == 1


def test_a_certificate_nobody_vouches_for_is_refused(tmp_path: Path, waits: list[float]) -> None:
    with serve(self_signed(tmp_path)) as receiver:
        with pytest.raises(SinkDownError, match=r"did not take it in 4 tries .*certificate"):
            sink(receiver.url.replace("http:", "https:")).send(finding(), "found", "s")
        assert receiver.asked == []


def self_signed(folder: Path) -> ssl.SSLContext:
    """A server's side of TLS with a certificate of its own making."""
    key = ec.generate_private_key(ec.SECP256R1())
    name, now = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")]), datetime.now(UTC)
    made = x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + timedelta(days=1))
    alone = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    certificate = made.add_extension(alone, critical=False).sign(key, hashes.SHA256())
    pem = folder / "server.pem"
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    pem.write_bytes(key.private_bytes(*form) + certificate.public_bytes(serialization.Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    return context


def test_who_does_not_answer_is_not_waited_for(
    receiver: Receiver, waits: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(WebhookSink, "timeout", 0.2)
    receiver.replies = [Reply(delay=1.0), Reply()]
    started = time.monotonic()
    send(receiver)
    assert time.monotonic() - started < 1.0
    assert len(receiver.asked) == 2


def test_nobody_there_is_one_line(waits: list[float]) -> None:
    with pytest.raises(
        SinkDownError, match=r"^sink chat \(http://127.0.0.1:\d+/…\): did not take it in 4 tries"
    ) as error:
        sink(f"http://127.0.0.1:{free_port()}/{SECRET}?key=hidden").send(finding(), "found", "s")
    assert hidden(str(error.value))


@pytest.mark.parametrize(
    "url",
    [
        f"http://hooks.example.com/{SECRET}",
        f"http://127.0.0.1.example.com/{SECRET}",
        f"http://localhost.example.com/{SECRET}",
        f"ftp://hooks.example.com/{SECRET}",
        f"file:///{SECRET}",
        SECRET,
        f"https:///{SECRET}",
        f"https://me:pass@hooks.example.com/{SECRET}",
        f"https://hooks.example.com:port/{SECRET}",
        f"https://hooks.example.com/{SECRET}\nHost: evil",
        f"https://[::1/{SECRET}",
    ],
)
def test_a_url_that_would_not_keep_a_secret_is_refused(url: str) -> None:
    with pytest.raises(UsageError, match=r"^sink chat: its url ") as error:
        sink(url)
    assert hidden(str(error.value))


@pytest.mark.parametrize(
    "url", [f"https://hooks.example.com/{SECRET}", f"http://[::1]:8080/{SECRET}", f"http://localhost/{SECRET}"]
)
def test_the_place_shows_no_secret(url: str) -> None:
    made = sink(url)
    assert hidden(made.place) and hidden(repr(made.settings))
    assert made.place.endswith("/…")


def test_a_shape_must_be_known() -> None:
    with pytest.raises(UsageError, match="sink chat: 'teams' is no shape of a webhook; write slack or json"):
        sink("https://hooks.example.com/x", shape="teams")


def test_a_hostile_finding_is_one_json_text(receiver: Receiver) -> None:
    for each in HOSTILE:
        sink(receiver.url, shape="json").send(finding(title=each, evidence=[each]), "found", "s")
    assert [each["title"] for each in receiver.bodies] == HOSTILE
    assert json.dumps(receiver.bodies)
