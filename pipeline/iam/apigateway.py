"""API Gateway's control plane: IAM actions are HTTP verbs, resources are request paths.

Events carry operation names (`GetRestApi`), so verb and path come from botocore's models of both API versions,
read when the first such event turns up. Source: "How Amazon API Gateway works with IAM".
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Mapping
from functools import lru_cache
from importlib import resources as package
from typing import Any
from urllib.parse import quote

import msgspec

_VALUE = re.compile(r"[\w$.,:/@+=%-]{1,1024}")


class _Http(msgspec.Struct):
    method: str
    requestUri: str


class _Operation(msgspec.Struct):
    http: _Http


class _Model(msgspec.Struct):
    operations: dict[str, _Operation]


@lru_cache(maxsize=1)
def _operations() -> dict[str, list[tuple[str, str]]]:
    """Verb and path by operation name in lower case, the first API version's first."""
    found: dict[str, list[tuple[str, str]]] = {}
    for service in ("apigateway", "apigatewayv2"):
        for version in sorted(package.files("botocore").joinpath(f"data/{service}").iterdir(), key=lambda at: at.name):
            for name in ("service-2.json.gz", "service-2.json"):
                file = version.joinpath(name)
                if file.is_file():
                    raw = file.read_bytes()
                    model = msgspec.json.decode(gzip.decompress(raw) if name.endswith("gz") else raw, type=_Model)
                    for operation, each in model.operations.items():
                        pair = (each.http.method, each.http.requestUri.partition("?")[0])
                        found.setdefault(operation.lower(), []).append(pair)
    return found


def verb(event_name: str) -> str | None:
    """GET, POST, PUT, PATCH or DELETE for an operation; None for one botocore does not know."""
    known = _operations().get(event_name.lower())
    return known[0][0] if known else None


def resource(event_name: str, request: Mapping[str, Any], partition: str, region: str) -> tuple[str, ...]:
    """The ARN of the path the call went to, `*` standing for what the request does not say.

    IAM's paths lack the /v2 of the second version's URLs: the reference has /apis, and tags under an encoded ARN.
    """
    known = _operations().get(event_name.lower())
    if not known:
        return ()
    given = {name.lower(): value for name, value in request.items() if isinstance(value, str)}
    paths = [re.sub(r"\{([^}]+)\}", lambda part: _fill(part[1], given), path.removeprefix("/v2")) for _, path in known]
    best = min(paths, key=lambda path: path.count("*"))
    return (f"arn:{partition}:apigateway:{region}::{best}",)


def _fill(name: str, given: Mapping[str, str]) -> str:
    """A path parameter's value: CloudTrail writes restApiId where the model has restapi_id."""
    value = given.get(re.sub(r"[_+-]", "", name).lower(), "")
    if not _VALUE.fullmatch(value):
        return "*"
    return quote(value, safe="") if value.startswith("arn:") else value
