"""How columns and files of tables are called and look: labels, widths, colours of words, names of exports."""

from __future__ import annotations

import re
from typing import Any

import pandas as pd
import streamlit as st

from dashboards import charts
from dashboards.scope import Scope

# A mark and a word, so that nothing hangs on colour alone; the marks are those of `trailsift comply`.
VERDICTS = {
    "pass": ("✔ pass", "#2F7D5B"),
    "fail": ("✘ fail", "#B23A3A"),
    "no_evidence": ("? no evidence", "#A8650B"),
    "manual": ("✎ manual", "#1F5F8B"),
    "not_covered": ("– not covered", "#6B7785"),
}
LABELS = {
    "eventTime": "Time (UTC)", "account_id": "Account", "account": "Account", "awsRegion": "Region", "region": "Region",
    "principal_arn": "Principal", "session_name": "Session", "service": "Service", "eventName": "Call",
    "outcome": "Outcome", "errorCode": "Error", "sourceIPAddress": "Source", "event_id": "Event",
    "severity": "Severity", "title": "Finding", "rule": "Rule", "first_seen": "First (UTC)", "last_seen": "Last (UTC)",
    "count": "Events", "status": "Status", "verdict": "Verdict", "reason": "Reason", "action": "Action",
    "resource_scope": "Resources", "first_used": "First use (UTC)", "last_used": "Last use (UTC)",
    "granted_by": "Granted by", "granted": "Granted", "unused_share": "Unused share", "requirement": "No.",
    "rows_total": "Rows", "eventSource": "Service", "used": "Used", "denied_only": "Denied only", "unused": "Unused",
    "eventID": "Event", "marks": "Marks", "access_key_id": "Access key", "resources": "Resources", "kind": "Kind",
    "of": "Of", "by": "By", "what": "What", "id": "Id", "name": "Name",
    "shared": "Address or program", "source_network": "Network", "holder": "Key or principal", "writes": "Writes",
    "denied": "Denied", "events": "Events", "resource": "Resource", "note": "Note", "at": "When (UTC)",
    "actor": "By", "change": "Change", "subject": "Seed or event", "text": "Text", "to_itself": "To itself",
    "unused_low_confidence": "Low confidence", "not_observable": "Not observable", "blocked": "Blocked",
    "until": "Until (UTC)", "excluded": "Excluded",
}  # fmt: skip
WIDTHS = {
    "severity": 90, "title": 235, "principal_arn": 345, "account": 115, "account_id": 115, "region": 130,
    "awsRegion": 100, "first_seen": 145, "last_seen": 145, "eventTime": 145, "last_used": 145, "count": 70,
    "status": 105, "requirement": 65, "verdict": 150, "reason": 520, "event_id": 290, "action": 260, "outcome": 75,
    "service": 95, "eventName": 190, "rule": 280, "granted": 75, "rows_total": 60, "granted_by": 320,
    "resource_scope": 200, "errorCode": 125, "sourceIPAddress": 125,
    "eventID": 290, "marks": 235, "access_key_id": 190, "resources": 300, "kind": 95, "id": 210, "name": 150,
    "by": 300, "shared": 300, "source_network": 125, "holder": 300, "writes": 65, "denied": 65, "events": 70,
    "resource": 420, "number": 50, "at": 145, "actor": 120, "change": 105, "subject": 290, "text": 420,
    "first_used": 145,
    "unused_share": 135, "used": 65, "denied_only": 90, "unused": 75,
    "unused_low_confidence": 105, "not_observable": 110, "blocked": 75,
    "until": 145, "excluded": 260,
}  # fmt: skip

# Short ids, beside which names may stand.
NAMED = ("account", "account_id", "sourceIPAddress", "source_network")


def column(name: str, values: pd.Series[Any]) -> Any:
    """The settings of a column, by its name and type; one of accounts or addresses has room for their names."""
    label, width = LABELS.get(name, name.replace("_", " ").capitalize()), WIDTHS.get(name)
    if width and name in NAMED:
        longest = max((len(each) for each in values if isinstance(each, str) and each.endswith(")")), default=0)
        width = max(width, min(7 * longest + 20, 240))
    if isinstance(values.dtype, pd.DatetimeTZDtype):
        return st.column_config.DatetimeColumn(label, format="YYYY-MM-DD HH:mm:ss", timezone="UTC", width=width)
    if pd.api.types.is_bool_dtype(values):
        return st.column_config.CheckboxColumn(label, width=width)
    if pd.api.types.is_numeric_dtype(values):
        return st.column_config.NumberColumn(label, format="localized", width=width)
    return st.column_config.Column(label, width=width)


def filename(name: str, scope: Scope, fmt: str) -> str:
    """`trailsift_NAME_FROM_TO_accounts_regions.csv`."""
    parts = [
        "trailsift",
        name,
        f"{scope.since:%Y%m%dT%H%MZ}",
        f"{scope.until:%Y%m%dT%H%MZ}",
        *scope.accounts,
        *scope.regions,
    ]
    return re.sub(r"[^A-Za-z0-9_.-]", "-", "_".join(parts))[:180] + f".{fmt}"


def outcomes(styler: Any) -> Any:
    """Colours the words of the column `outcome`."""
    colors = {"denied": charts.OUTCOMES["denied"], "error": "#A8650B"}
    return styler.map(
        lambda word: f"color: {colors[word]}; font-weight: 600" if word in colors else "", subset=["outcome"]
    )


def severities(styler: Any) -> Any:
    """Colours the words of the column `severity`."""
    return styler.map(
        lambda word: f"color: {charts.SEVERITIES.get(word, charts.INK)}; font-weight: 600", subset=["severity"]
    )


def marks(styler: Any) -> Any:
    """Marks and colours the column `verdict` of requirements."""
    colored = styler.map(lambda word: f"color: {VERDICTS[word][1]}; font-weight: 600", subset=["verdict"])
    return colored.format({"verdict": lambda word: VERDICTS[word][0]})


def permissions(styler: Any) -> Any:
    """Colours the words of the column `verdict` of permissions."""
    colors = {"used": "#2F7D5B", "denied_only": "#B23A3A", "unused": "#A8650B", "unused_low_confidence": "#A8650B"}
    return styler.map(lambda word: f"color: {colors.get(word, charts.MUTED)}", subset=["verdict"])
