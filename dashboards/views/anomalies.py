"""Anomalies: findings as episodes, when they were active, and the events of the one that is chosen."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from dashboards import charts, columns, data, naming, parts
from dashboards.data import Log
from dashboards.scope import Scope

TITLE = "Anomalies"
ICON = ":material/notifications_active:"
ORDER = 30

LISTED = ["severity", "status", "title", "principal_arn", "first_seen", "last_seen", "count", "account", "region"]


def show(log: Log, scope: Scope) -> None:
    """The whole page."""
    parts.heading(TITLE, "What was out of the ordinary?", scope)
    every = data.findings(scope)
    findings = by_status(every)
    chosen = parts.pick("Severity", findings["severity"], charts.SEVERITIES, "severity")
    findings = (findings[findings["severity"].isin(chosen)] if chosen else findings).reset_index(drop=True)
    if findings.empty:
        parts.nothing("finding", scope)
    else:
        with st.container(border=True):
            st.altair_chart(charts.timeline(findings, scope.since, scope.until), alt="When findings were active")
        listed(findings, every, scope)
    unjudged(scope)


def by_status(every: pd.DataFrame) -> pd.DataFrame:
    """Findings of the statuses somebody picks, without a choice those neither muted nor resolved; how many those are
    is told in any case."""
    hidden = every["status"].value_counts()
    picked: list[str] = []
    if len(hidden) > 1 or hidden.get("open", 0) < len(every):
        picked = parts.pick("Status", every["status"], data.STATUSES, "status")
    counts = " · ".join(f"{hidden.get(each, 0):,} {each}" for each in ("muted", "resolved"))
    st.caption(counts if picked else f"Not shown: {counts}")
    return every[every["status"].isin(picked)].reset_index(drop=True) if picked else data.shown(every)


def listed(findings: pd.DataFrame, every: pd.DataFrame, scope: Scope) -> None:
    """The table of findings, and below it the one that was chosen, here or by the URL, whatever its severity."""
    st.subheader("Findings", anchor=False)
    row = parts.table(
        findings[LISTED],
        "findings",
        scope,
        select=True,
        said="choose a row to see its events",
        style=columns.severities,
    )
    identity = parts.chosen(row, findings["id"].tolist(), "finding")
    named = every[every["id"] == identity]
    if not named.empty:
        one(named.iloc[0], scope)


def one(finding: pd.Series, scope: Scope) -> None:
    """A finding: what it means, what to do, and every event it is made of, whatever the window."""
    with st.container(border=True):
        st.subheader(finding["title"], anchor=False)
        parts.facts(
            {
                "Severity": finding["severity"],
                "Status": status(finding),
                "Principal": finding["principal_arn"],
                "Where": f"{finding['account']} · {finding['region']}",
                "When (UTC)": f"{finding['first_seen']:%Y-%m-%d %H:%M:%S} to {finding['last_seen']:%Y-%m-%d %H:%M:%S}",
                "Rule": finding["rule"],
                "MITRE ATT&CK": ", ".join(finding["mitre"]),
            }
        )
        became(finding, scope)
        st.markdown("**Why it stands out**")
        for each in finding["evidence"][:20]:
            st.text(f"– {naming.told(each)}")
        if len(finding["evidence"]) > 20:
            st.caption(f"and {len(finding['evidence']) - 20:,} more, in the events below")
        if finding["action"]:
            st.markdown("**What to do**")
            st.text(finding["action"])
        if st.button("Investigate the principal", icon=":material/manage_search:", key=f"case-{finding['id']}"):
            parts.open_page("investigate", seed=finding["principal_arn"])
        ids = tuple(finding["event_ids"])
        parts.events(scope.whole(), f"events-of-{finding['id']}", ids=ids)


def status(finding: pd.Series) -> str:
    """A finding's status in words, with what goes with it."""
    words: str = finding["status"]
    if pd.notna(finding["muted_until"]):
        words += f" until {finding['muted_until']:%Y-%m-%d %H:%M} UTC, owner {finding['owner']}"
    return f"{words}: {finding['note']}" if finding["note"] else words


def became(finding: pd.Series, scope: Scope) -> None:
    """What became of a stored finding; changes are made by `trailsift findings`."""
    changes = data.history(scope.key, finding["id"])
    if len(changes) > 1:
        with st.expander(f"History: {len(changes):,} changes"):
            parts.table(changes, f"history-of-{finding['id']}", scope)


def unjudged(scope: Scope) -> None:
    """Those whose history is too short to say what is ordinary for them."""
    found = data.unjudged(scope)
    if not found.empty:
        with st.expander(f"{len(found):,} not judged: their history is too short to know what is ordinary"):
            parts.table(found, "not-judged", scope)


show(*parts.here())
