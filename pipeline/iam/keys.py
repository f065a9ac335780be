"""The KMS keys a call was applied to: by ARN, by id, or by alias; the two keys of ReEncrypt each by its action.

Source: KMS Developer Guide, "Logging AWS KMS API calls with AWS CloudTrail": an event lists the keys it used under
`resources`, whatever the request named them by.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.iam.formats import Format
from pipeline.iam.requests import texts

if TYPE_CHECKING:
    from pipeline.iam.resources import Call

_BY_ACTION = {"kms:ReEncryptFrom": "sourceKeyId", "kms:ReEncryptTo": "destinationKeyId"}


def of(call: Call, action: str, known: tuple[Format, ...]) -> tuple[str, ...]:
    """ARNs of the keys and aliases one KMS action was applied to."""
    held = [arn for arn in call.arns() if any(each.fits(arn) for each in known)]
    if action in _BY_ACTION:
        return _one_of_two(call, action, held)
    if not known:
        return ()
    named = [_arn(call, key) for key in (*texts(call.found, "keyId"), *texts(call.given, "targetKeyId")[:1])]
    if any(each.type == "alias" for each in known):
        named += [_arn(call, alias) for alias in texts(call.given, "aliasName")[:1]]
    # The ARN of the key itself says more than the alias the request came by.
    exact = [arn for arn in named if not held or (":key/" not in arn and not _is_alias_of_request(call, arn))]
    return tuple(dict.fromkeys([*held, *exact]))


def _is_alias_of_request(call: Call, arn: str) -> bool:
    return arn in {_arn(call, key) for key in texts(call.found, "keyId")}


def _arn(call: Call, key: str) -> str:
    """The ARN of a key or alias named by ARN, id or alias."""
    if key.startswith("arn:"):
        return key
    place = f"arn:{call.partition}:kms:{call.region}:{call.account}"
    return f"{place}:{key}" if key.startswith("alias/") else f"{place}:key/{key}"


def _one_of_two(call: Call, action: str, held: list[str]) -> tuple[str, ...]:
    """The source or the destination of a ReEncrypt: by its member, else as the one the other member does not name."""
    own = [_match(call, key, held) for key in texts(call.given, _BY_ACTION[action])[:1]]
    if own:
        return tuple(own)
    other = next(member for each, member in _BY_ACTION.items() if each != action)
    taken = {_match(call, key, held) for key in texts(call.given, other)[:1]}
    rest = [arn for arn in held if arn not in taken]
    both_told_apart = bool(taken) and taken <= set(held)
    return tuple(rest) if both_told_apart and len(rest) == 1 else tuple(held) if len(held) == 1 else ()


def _match(call: Call, key: str, held: list[str]) -> str:
    """The listed ARN a key id stands for, else the ARN it would have."""
    return next((arn for arn in held if arn == key or arn.endswith(f":key/{key}")), _arn(call, key))
