"""Compliance: is each requirement of a framework met, why, and what are the rows behind it?"""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from dashboards import columns, data, naming, parts
from dashboards.data import Log
from dashboards.scope import Scope

TITLE = "Compliance"
ICON = ":material/fact_check:"
ORDER = 40

LISTED = ["requirement", "verdict", "title", "reason", "rows_total"]


def show(log: Log, scope: Scope) -> None:
    """The whole page."""
    parts.heading(TITLE, "Which requirements are met, and where is the proof?", scope)
    known = data.frameworks(scope.key)
    left, right = st.columns([1, 2], gap="medium")
    with left:
        chosen = st.selectbox("Framework", list(known), key="framework", bind="query-params")
    if chosen is None:
        st.info("There is no framework in queries/frameworks.", icon=":material/search_off:")
        return
    report = data.comply(scope, chosen)
    frame = pd.DataFrame(report)
    with left:
        st.caption(f"{known[chosen].title} · {len(report):,} requirements")
    with right:
        wanted = parts.pick("Verdict", frame["verdict"], columns.VERDICTS, "verdicts")
    with st.expander("What the verdicts mean"):
        st.text(known[chosen].statement)
    if not data.has_snapshot(scope):
        parts.no_snapshot()
    if scope.accounts or scope.regions:
        st.caption("Verdicts are of all accounts and regions; the filters narrow the rows behind them.")
    shown = frame[frame["verdict"].isin(wanted)] if wanted else frame
    requirements = [report[place] for place in shown.index]
    row = parts.table(
        shown[LISTED].reset_index(drop=True), chosen, scope, select=True, style=columns.marks, height=420,
        said="choose a row to see what is behind it", title=st.column_config.Column("Requirement", width="large"),
    )  # fmt: skip
    identity = parts.chosen(row, [each["requirement"] for each in requirements], "requirement")
    for each in report:
        if each["requirement"] == identity:
            one(each, scope)


def one(requirement: dict[str, Any], scope: Scope) -> None:
    """A requirement: its verdict in full, and for each question the rows that speak."""
    st.subheader(f"{requirement['requirement']}  {requirement['title']}", anchor=False)
    parts.verdict(requirement["verdict"])
    st.text(naming.told(requirement["reason"]))
    for control in requirement["controls"]:
        for question in control["questions"]:
            with st.container(border=True):
                st.markdown(f"**{control['id']}** · `{question['id']}`")
                st.text(question["because"])
                behind(requirement, question, scope)


def behind(requirement: dict[str, Any], question: dict[str, Any], scope: Scope) -> None:
    """The rows of one question, and the events of the one that is chosen."""
    rows = pd.DataFrame([row for row in requirement["rows"] if row["question"] == question["id"]])
    for name, wanted in (("account_id", scope.accounts), ("awsRegion", scope.regions)):
        if wanted and name in rows:
            rows = rows[rows[name].isin(wanted)].reset_index(drop=True)
    if rows.empty:
        parts.nothing("row", scope)
        return
    name = question["id"].replace("/", "-")
    more = f"of {question['rows_total']:,} · " if question["rows_total"] > len(rows) else ""
    leads = "event_ids" in rows
    said = f"{more}choose a row to see its events" if leads else more.removesuffix(" · ")
    row = parts.table(rows.drop(columns="question"), name, scope, select=leads, said=said)
    if row is not None and leads:
        parts.events(scope.whole(), f"events-{name}", ids=tuple(rows["event_ids"][row]))


show(*parts.here())
