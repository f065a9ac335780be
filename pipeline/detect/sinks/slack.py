"""A finding as a message for Slack: plain text in blocks, so that nothing in a log field is a link or a mention.

Source: docs.slack.dev, "Block Kit" (header text at most 150 characters, section text 3,000, a field 2,000) and
"Formatting message text" (`&`, `<` and `>` are escaped).
"""

from __future__ import annotations

from typing import Any

from pipeline.detect.sinks.base import Finding
from pipeline.export.cells import plain
from pipeline.export.findings import summary

_HEADER, _SECTION, _FIELD, _TEXT = 150, 3000, 2000, 3000
_NOTES = 5
_ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_CHANGES = {"found": "", "grew": "Grown: ", "reopened": "Open again: ", "test": "Test: "}


def slack(finding: Finding, change: str) -> dict[str, Any]:
    """`{"text", "blocks"}`, as an incoming webhook takes it."""
    severity, lead = finding["severity"].upper(), _CHANGES[change]
    fields = {
        "Principal": _named(finding["principal_arn"] or "several", finding.get("principal_owner")),
        "Account": _named(finding["account"] or "several", finding.get("account_name")),
        "Region": finding["region"] or "not known",
        "Events": f"{finding['count']:,}",
        "First seen": f"{finding['first_seen']:%Y-%m-%d %H:%M:%S} UTC",
        "Last seen": f"{finding['last_seen']:%Y-%m-%d %H:%M:%S} UTC",
    }
    left = len(finding["evidence"]) - _NOTES
    notes = [*finding["evidence"][:_NOTES], *([f"and {left:,} more"] if left > 0 else [])]
    sections = ["\n".join(plain(each) for each in notes), plain(finding["action"] or "")]
    blocks = [
        {"type": "header", "text": _text(f"{lead}{severity}: {finding['title']}", _HEADER)},
        {"type": "section", "fields": [_text(f"{name}: {each}", _FIELD) for name, each in fields.items()]},
        *({"type": "section", "text": _lines(each, _SECTION)} for each in sections if each.strip()),
        {"type": "context", "elements": [_text(f"{finding['rule']}, finding {finding['id']}", _FIELD)]},
    ]
    return {
        "text": escaped(plain(f"{lead}{severity}: {summary(finding)}"), _TEXT),
        "blocks": blocks,
        "unfurl_links": False,
        "unfurl_media": False,
    }


def escaped(text: str, size: int) -> str:
    """The text with Slack's control characters escaped, at most `size` characters; an ellipsis says there was more."""
    pieces = [_ESCAPES.get(each, each) for each in text]
    if sum(map(len, pieces)) <= size:
        return "".join(pieces)
    room = size - 1
    kept = []
    for each in pieces:
        room -= len(each)
        if room < 0:
            break
        kept.append(each)
    return "".join(kept) + "…"


def _named(identity: str, name: str | None) -> str:
    return f"{identity} ({name})" if name else identity


def _text(text: str, size: int) -> dict[str, Any]:
    return _lines(plain(text), size)


def _lines(text: str, size: int) -> dict[str, Any]:
    return {"type": "plain_text", "text": escaped(text, size), "emoji": False}
