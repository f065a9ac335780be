"""How sources reach AWS: what is tried again, and what an answer's times are read as."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError

from pipeline.config import SourceSettings
from pipeline.sources import aws


@pytest.mark.parametrize(
    "value",
    ["2026-10-01T12:30:00.000Z", "2026-10-01T12:30:00Z", "Thu, 01 Oct 2026 12:30:00 GMT", 1790857800, "1790857800"],
)
def test_times_in_every_form_of_aws(value: Any) -> None:
    assert aws._moment(value).astimezone(UTC) == datetime(2026, 10, 1, 12, 30, tzinfo=UTC)


def answered(code: str, status: int) -> ClientError:
    return ClientError({"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}, "GetObject")


@pytest.mark.parametrize(
    ("error", "passes"),
    [
        (answered("InternalError", 500), True),
        (answered("SlowDown", 503), True),
        (answered("RequestTimeout", 400), True),
        (answered("AccessDenied", 403), False),
        (answered("ExpiredToken", 400), False),
        (answered("NotImplemented", 501), False),
        (EndpointConnectionError(endpoint_url="http://x", error="refused"), True),
        (ConnectionResetError(), True),
        (NoCredentialsError(), False),
        (ZeroDivisionError(), False),
    ],
)
def test_what_passes_is_tried_again_to_an_end(monkeypatch: pytest.MonkeyPatch, error: Exception, passes: bool) -> None:
    pauses: list[float] = []
    monkeypatch.setattr(aws.time, "sleep", pauses.append)
    calls: list[int] = []

    def fail(times: int) -> str:
        calls.append(1)
        if len(calls) <= times:
            raise error
        return "done"

    with pytest.raises(type(error)):
        aws.patiently(lambda: fail(99))
    assert len(calls) == (aws.TRIES if passes else 1)
    if passes:
        assert 20 < sum(pauses) < 120
        assert max(pauses) <= 1.5 * aws.LONGEST_PAUSE
        calls.clear()
        assert aws.patiently(lambda: fail(3)) == "done"


def test_models_of_services_are_read_once_a_process() -> None:
    """Whatever the role: reading them takes twenty times what else it takes to make a client."""
    role = "arn:aws:iam::111122223333:role/reader"
    sources = (SourceSettings("a", region="eu-west-1"), SourceSettings("b", region="eu-west-1", role_arn=role))
    first, second = (aws.session(each)._session.get_component("data_loader") for each in sources)
    assert first is second
