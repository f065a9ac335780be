"""What an AccessDenied message says: the action AWS refused, on what, and which kind of policy was responsible.

Source: IAM User Guide, "Troubleshoot access denied error messages", for most services; S3 puts the resource in
quotes, SQS and SNS write the action in lower case, EC2 names nothing outside its encoded message.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_LONGEST = 8192
_REFUSED = re.compile(r"not authorized to perform:? ([A-Za-z0-9-]{1,64}:[A-Za-z0-9]{1,128})(?![\w*])")
_RESOURCE = re.compile(r"""^ on (?:the )?(?:following )?resource(?:\(s\))?: ?(?:"([^"]+)"|'([^']+)'|(\S+))""")
_MISSING = re.compile(r"\bbecause no ([A-Za-z -]{3,40}?) (?:policy )?allows\b")
_EXPLICIT = re.compile(r"\b(?:with|has) an explicit deny(?: in an? ([A-Za-z -]{3,40}?)(?: policy|[:.,]|$))?")
# The message's words for a kind of policy, as `iam evaluate` names it.
_KINDS = (
    ("identity-based", "identity"),
    ("permissions boundary", "boundary"),
    ("session", "session"),
    ("service control", "scp"),
    ("resource control", "rcp"),
    ("resource-based", "resource"),
    ("vpc endpoint", "vpc_endpoint"),
)


@dataclass(frozen=True)
class Denial:
    """What was refused: `action` as the message spells it, `resource` (an ARN or *) and `policy` where it says.

    IAM's own messages may name a resource in words ("role deployer"), which is left out.

    `policy` is identity, boundary, session, scp, rcp, resource or vpc_endpoint; `explicit` tells a Deny statement
    from a missing Allow.
    """

    action: str
    resource: str | None = None
    policy: str | None = None
    explicit: bool = False


def read(message: str) -> Denial | None:
    """The denial a message tells of; None for one that names no action. Only the first 8,192 characters are read."""
    text = message[:_LONGEST]
    refused = _REFUSED.search(text)
    if not refused:
        return None
    rest = text[refused.end() :]
    named = _RESOURCE.match(rest)
    resource = None
    if named:
        resource = next(group for group in named.groups() if group)
        rest = rest[named.end() :]
        if named[3]:
            resource = resource.rstrip(".,;")
    explicit, missing = _EXPLICIT.search(rest), _MISSING.search(rest)
    words = (explicit[1] or "") if explicit else missing[1] if missing else ""
    policy = next((kind for phrase, kind in _KINDS if phrase in words.lower()), None)
    if resource != "*" and not (resource or "").startswith("arn:"):
        resource = None
    return Denial(refused[1], resource, policy, explicit is not None)
