"""Overview: what needs attention, and is the log complete?"""

from __future__ import annotations

from datetime import timedelta

import pandas as pd
import streamlit as st

from dashboards import charts, columns, data, naming, parts
from dashboards.data import Log
from dashboards.scope import Scope

TITLE = "Overview"
ICON = ":material/space_dashboard:"
ORDER = 10

# The longest window that is still drawn by minutes, by hours.
UNITS = {"minute": timedelta(hours=4), "hour": timedelta(days=4)}
LISTED = ["severity", "title", "principal_arn", "region", "first_seen", "count"]


def show(log: Log, scope: Scope) -> None:
    """The whole page."""
    parts.heading(TITLE, "What needs attention, and is the log complete?", scope)
    unit = next((name for name, most in UNITS.items() if scope.until - scope.since <= most), "day")
    activity = data.activity(scope, unit)
    findings = data.shown(data.findings(scope))
    metrics(log, scope, activity, findings, unit)
    left, right = st.columns([2, 1], gap="medium")
    with left, st.container(border=True):
        if activity["events"].sum():
            st.altair_chart(charts.histogram(activity, unit), alt="Events over time, stacked by outcome")
        else:
            parts.nothing("event", scope)
    with right, st.container(border=True):
        by_severity(findings, scope)
    coverage(log, scope)
    st.subheader("Top findings", anchor=False)
    if findings.empty:
        parts.nothing("finding", scope)
        return
    top = findings[LISTED].head(10)
    said = (
        f"of {len(findings):,} · choose a row to see its events"
        if len(findings) > 10
        else "choose a row to see its events"
    )
    row = parts.table(top, "top-findings", scope, select=True, said=said, style=columns.severities)
    if row is not None:
        parts.open_page("anomalies", finding=findings["id"][row])


def metrics(log: Log, scope: Scope, activity: pd.DataFrame, findings: pd.DataFrame, unit: str) -> None:
    """Four numbers with their course; against the span before, where the log holds all of it."""
    now = data.totals(scope)
    before = data.totals(scope.before()) if scope.before().since >= log.begins else {}
    letter = {"minute": "min", "hour": "h", "day": "D"}[unit]
    begun = findings["first_seen"].dt.floor(letter).value_counts()
    grave = int(findings["severity"].isin(["critical", "high"]).sum())
    # Means are of the spans since the log began: before, there was nothing to count.
    logged = activity[activity["span"] >= pd.Timestamp(log.begins).floor(letter)]
    about = {
        "events": f"{logged['events'].mean():,.0f} {charts.SPANS[unit][0]}",
        "principals": f"{logged['principals'].mean():,.0f} {charts.SPANS[unit][0]}",
        "denied": f"{now['denied'] / max(now['events'], 1):.1%} of events",
    }
    with st.container(horizontal=True):
        for label, name in (("Events", "events"), ("Principals", "principals"), ("Denied calls", "denied")):
            said = _change(now[name], before.get(name), scope) or about[name]
            _metric(label, now[name], said, activity[name].tolist())
        _metric("Open findings", len(findings), f"{grave:,} critical or high", activity["span"].map(begun).tolist())


def _metric(label: str, value: int, beside: str | None, course: list[float]) -> None:
    st.metric(
        label, f"{value:,}", beside, delta_color="off", delta_arrow="off", border=True, height="stretch",
        chart_data=[0 if each != each else each for each in course], chart_type="bar",
    )  # fmt: skip


def _change(now: int, before: int | None, scope: Scope) -> str | None:
    if not before:
        return None
    if now > 10 * before:
        return f"{before:,} in the {scope.length} before"
    return f"{(now - before) / before:+.0%} on the {scope.length} before"


def by_severity(findings: pd.DataFrame, scope: Scope) -> None:
    """Open findings by severity; each leads to the list of them."""
    st.altair_chart(charts.severity_bars(findings), alt="Open findings by severity")
    if st.button("All findings", icon=":material/arrow_forward:", type="tertiary"):
        parts.open_page("anomalies")


def coverage(log: Log, scope: Scope) -> None:
    """The strip of what the log holds, from where it begins."""
    days = log.days
    if scope.accounts:
        days = days[days["account_id"].isin(scope.accounts)]
    if scope.regions:
        days = days[days["awsRegion"].isin(scope.regions)]
    full = charts.days_of(days.dropna(subset=["account_id", "awsRegion"]), max(scope.since, log.begins), scope.until)
    if full.empty:
        return
    full["place"] = full["place"].map({each: naming.told(each) for each in full["place"].unique()})
    with st.container(border=True):
        st.altair_chart(charts.strip(full), alt="Events a day, account and region")


show(*parts.here())
