"""What AWS refuses in a document, by the kind of policy it is to be, beyond what cannot be read at all.

`policy.parse` reads every document AWS has ever stored; this is for documents that somebody gives to be judged.
Sources: "Grammar of the IAM JSON policy language", "IAM policy validation check reference", "SCP syntax", "RCP
syntax" (AWS's pages).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from pipeline.errors import PolicyError

IDENTITY, SCP, RCP, RESOURCE, ENDPOINT = "identity", "scp", "rcp", "resource", "vpc_endpoint"
# AWS's own largest documents are under 100,000 characters; a bound keeps the work on any one of them small.
_LARGEST = 1 << 18

_MEMBERS = ("Version", "Id", "Statement")
# A star that ends a part of an ARN may take in the parts after it: "IAM JSON policy elements: Resource".
_RESOURCE = re.compile(r"\*+\Z|arn:(?:[^:]*:){4}|arn:(?:[^:]*:){0,3}[^:]*\*(?::|\Z)")
_SID = re.compile(r"[A-Za-z0-9]*\Z")
_NEEDS_RESOURCE = (IDENTITY, SCP, RCP, ENDPOINT)


def check(document: Mapping[str, Any], kind: str, place: str) -> None:
    """Raises PolicyError at the first thing AWS would refuse; the document is one that `policy.parse` reads."""
    try:
        size = len(msgspec.json.encode(document))
    except UnicodeEncodeError:
        raise PolicyError(place, "holds half of a character", "write surrogates in pairs") from None
    if size > _LARGEST:
        raise PolicyError(place, f"has more than {_LARGEST:,} characters", "split it: AWS takes none of this size")
    for name in document:
        if name not in _MEMBERS:
            raise PolicyError(f"{place}.{name}", "is no element of a policy", "names mind case: Version, Id, Statement")
    given = document["Statement"]
    seen: set[str] = set()
    for i, statement in enumerate(given if isinstance(given, list) else [given]):
        here = f"{place}.Statement[{i}]"
        _sid(statement, kind, seen, here)
        _principal(statement, kind, here)
        _actions(statement, kind, here)
        _resources(statement, kind, here)
        if kind == RCP:
            _rcp(statement, here)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _sid(statement: Mapping[str, Any], kind: str, seen: set[str], place: str) -> None:
    if "Sid" not in statement:
        return
    sid = statement["Sid"]
    if not isinstance(sid, str):
        raise PolicyError(f"{place}.Sid", "is no text", "give a text")
    if kind == IDENTITY and not _SID.match(sid):
        raise PolicyError(f"{place}.Sid", f"{sid[:60]!r} holds more than letters and digits", "use A-Z, a-z, 0-9")
    if sid and sid in seen:
        raise PolicyError(f"{place}.Sid", f"{sid[:60]!r} is used twice", "make each Sid of a policy unique")
    seen.add(sid)


def _principal(statement: Mapping[str, Any], kind: str, place: str) -> None:
    name = next((each for each in ("Principal", "NotPrincipal") if each in statement), None)
    if kind in (IDENTITY, SCP):
        if name:
            raise PolicyError(f"{place}.{name}", f"does not belong in an {_TITLES[kind]}", "take it out")
    elif name is None:
        raise PolicyError(place, "names no Principal", "say whom the statement is about")
    elif statement[name] is None:
        raise PolicyError(f"{place}.{name}", "is no principal", 'write "*" or {"AWS": …}')
    elif name == "NotPrincipal" and (statement["Effect"] == "Allow" or _trust(statement)):
        raise PolicyError(f"{place}.{name}", "is only for Deny, and not in trust policies", "write Principal")


_TITLES = {IDENTITY: "identity-based policy", SCP: "SCP"}


def _trust(statement: Mapping[str, Any]) -> bool:
    """Whether a statement is one of a role's trust policy: nothing else lets anybody assume."""
    return all(
        isinstance(each, str) and each.lower().startswith("sts:assumerole") for each in _listed(statement.get("Action"))
    )


def _actions(statement: Mapping[str, Any], kind: str, place: str) -> None:
    name = "NotAction" if "NotAction" in statement else "Action"
    for action in _listed(statement[name]):
        vendor, colon, rest = action.partition(":")
        if not action.strip("*") and action:
            continue
        if not colon or not vendor or not rest:
            raise PolicyError(f"{place}.{name}", f"{action[:80]!r} has no service prefix", "write SERVICE:ACTION")
        if "*" in vendor or "?" in vendor:
            raise PolicyError(f"{place}.{name}", f"{action[:80]!r} has a wildcard in its service", "name the service")


def _resources(statement: Mapping[str, Any], kind: str, place: str) -> None:
    name = next((each for each in ("Resource", "NotResource") if each in statement), None)
    if name is None:
        if kind in _NEEDS_RESOURCE:
            raise PolicyError(place, "names no Resource", "give Resource or NotResource")
        return
    if kind == RESOURCE and _trust(statement):
        raise PolicyError(f"{place}.{name}", "does not belong in a trust policy", "take it out")
    for resource in _listed(statement[name]):
        if not _RESOURCE.match(resource):
            problem = f"{resource[:80]!r} is neither an ARN nor *"
            raise PolicyError(f"{place}.{name}", problem, "an ARN has six parts; a * at a part's end stands for more")


def _rcp(statement: Mapping[str, Any], place: str) -> None:
    if statement.get("Principal") not in ("*", {"AWS": "*"}):
        raise PolicyError(f"{place}.Principal", "an RCP is about everybody", 'write "Principal": "*"')
    if "NotAction" in statement:
        raise PolicyError(f"{place}.NotAction", "does not belong in an RCP", "write Action")
    if statement["Effect"] == "Allow" and (statement.get("Action"), statement.get("Resource")) != ("*", "*"):
        raise PolicyError(f"{place}.Effect", "an RCP cannot allow", "only AWS's own RCPFullAWSAccess does; write Deny")
