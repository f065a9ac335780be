"""How sources reach AWS: boto3 clients by a source's settings, and AWS's errors told as ours."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from datetime import datetime
from email.utils import parsedate_to_datetime
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

from pipeline.config import SourceSettings
from pipeline.errors import SourceError, UnreachableError

if TYPE_CHECKING:
    import boto3

T = TypeVar("T")

# Codes of the state in which nothing gets better by trying again, whatever is asked for.
EXPIRED = frozenset({"ExpiredToken", "ExpiredTokenException", "RequestExpired", "TokenRefreshRequired"})
UNKNOWN = frozenset(
    {
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "InvalidToken",
        "RequestTimeTooSkewed",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)
REFUSED = frozenset({"AccessDenied", "AccessDeniedException"}) | UNKNOWN
# Answers under 500 that pass all the same ("Error responses" of the S3 API reference).
PASSING = frozenset(
    {"RequestTimeout", "SlowDown", "Throttling", "ThrottlingException", "TooManyRequests", "OperationAborted"}
    | {"RequestThrottled", "KmsThrottled", "OverLimit"}  # these are of SQS
)
# Pauses double from the first to the longest, in seconds: about a minute of patience in all.
TRIES, FIRST_PAUSE, LONGEST_PAUSE = 10, 0.1, 15.0


def session(settings: SourceSettings) -> boto3.Session:
    """A boto3 session by the source's `profile` and `role_arn`; a role's credentials are renewed as they run out.

    Raises SourceError where the profile does not exist.
    """
    import boto3
    import botocore.session
    from botocore.credentials import AssumeRoleCredentialFetcher, DeferredRefreshableCredentials
    from botocore.exceptions import BotoCoreError

    try:
        base = boto3.Session(profile_name=settings.profile or None, region_name=settings.region or None)
        base._session.register_component("data_loader", _loader(base._session.get_config_variable("data_path")))
        if not settings.role_arn:
            return base
        named = {"ExternalId": settings.external_id} if settings.external_id else {}
        fetcher = AssumeRoleCredentialFetcher(
            client_creator=base._session.create_client,
            source_credentials=base.get_credentials(),
            role_arn=settings.role_arn,
            extra_args={"RoleSessionName": "trailsift", **named},
        )
        inner = botocore.session.Session(profile=settings.profile or None)
        inner.register_component("data_loader", base._session.get_component("data_loader"))
        inner._credentials = DeferredRefreshableCredentials(
            method="assume-role", refresh_using=fetcher.fetch_credentials
        )
        return boto3.Session(botocore_session=inner, region_name=settings.region or base.region_name)
    except BotoCoreError as error:
        raise fault(settings.location, error) from error


@cache
def _loader(path: str | None) -> Any:
    """What reads botocore's models of services; one for all sessions, as reading them is most of making a client."""
    from botocore.loaders import create_loader

    return create_loader(path)


def client(
    settings: SourceSettings,
    service: str,
    region: str | None = None,
    within: boto3.Session | None = None,
    **options: Any,
) -> Any:
    """A boto3 client of the source's session, with patient retries; `options` go to botocore's Config.

    `within` is that session where it is there already: a new one reads its tables anew. Sessions are not to be used
    by several threads at once, their clients are.
    """
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError

    chosen: dict[str, Any] = {"retries": {"mode": "standard", "total_max_attempts": 8}, "max_pool_connections": 40}
    chosen |= {"connect_timeout": 10, "read_timeout": 60, "user_agent_extra": "trailsift"}
    try:
        chosen_session = within or session(settings)
        factory = chosen_session._session.get_component("response_parser_factory")
        factory.set_parser_defaults(timestamp_parser=_moment)
        return chosen_session.client(
            service,
            region_name=region or settings.region or None,
            endpoint_url=settings.endpoint_url or None,
            config=Config(**chosen | options),
        )
    except (BotoCoreError, ValueError) as error:
        raise fault(settings.location, error) from error


def _moment(value: Any) -> datetime:
    """A time in an answer; botocore's own way to read one takes most of the time that a listing costs."""
    from botocore.utils import parse_timestamp

    try:
        if str(value).endswith("Z"):
            return datetime.fromisoformat(value)
        if str(value).endswith("GMT"):
            return parsedate_to_datetime(value)
    except ValueError:
        pass
    return parse_timestamp(value)  # type: ignore[no-any-return]


def patiently(call: Callable[[], T]) -> T:
    """What the call returns; one whose error passes is made again, with growing pauses that differ between callers.

    It stands in for botocore's own retries where a body is read as well, which botocore leaves to its caller, and
    where so many calls are made at once that botocore's budget of retries would run out.
    """
    for attempt in range(TRIES):
        try:
            return call()
        except Exception as error:
            if attempt == TRIES - 1 or not passes(error):
                raise
        time.sleep(min(FIRST_PAUSE * 2**attempt, LONGEST_PAUSE) * random.uniform(0.5, 1.5))
    raise AssertionError("unreachable")


def passes(error: Exception) -> bool:
    """Whether the same request may well succeed in a while: the service was busy, or the connection broke."""
    from botocore.exceptions import ConnectionError, FlexibleChecksumError, HTTPClientError, IncompleteReadError
    from botocore.parsers import ResponseParserError

    if code_of(error):
        return status_of(error) in (429, 500, 502, 503, 504) or code_of(error) in PASSING
    broken = (ConnectionError, HTTPClientError, IncompleteReadError, FlexibleChecksumError, ResponseParserError)
    return isinstance(error, (*broken, OSError))


def status_of(error: Exception) -> int:
    """The HTTP status of an answer, 0 where there was none."""
    response: dict[str, Any] = getattr(error, "response", None) or {}
    return int(response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def code_of(error: Exception) -> str:
    """AWS's code of an error that it answered with, "" for any other."""
    response: dict[str, Any] = getattr(error, "response", None) or {}
    return str(response.get("Error", {}).get("Code", ""))


def fault(place: object, error: Exception) -> SourceError:
    """An error of boto3's as one line: what AWS said, and what to do about it."""
    code, text = code_of(error), " ".join(str(error).split())
    if code in EXPIRED:
        return SourceError(place, f"the credentials have expired ({code})", "renew them and run the same command again")
    if code in REFUSED:
        return SourceError(place, f"AWS refused ({text})", "give these credentials the right to it, or name others")
    if code.startswith("NoSuch") or code in ("404", "AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist"):
        return SourceError(place, f"does not exist ({text})", "check the name and the account")
    remedy = "run the same command again"
    if "credentials" in text.lower() or "profile" in text.lower():
        remedy = "configure AWS credentials (boto3's own chain), or name a profile in trailsift.toml"
    elif "region" in text.lower():
        remedy = "name a region in trailsift.toml or AWS_REGION"
    elif passes(error):
        return UnreachableError(place, f"cannot be reached ({text})", remedy)
    return SourceError(place, f"cannot be reached ({text})", remedy)
