"""Unused access: who was granted more than the log shows them use, and how sure that is."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from dashboards import charts, columns, data, naming, parts
from dashboards.data import Log
from dashboards.scope import Scope
from pipeline.errors import NoDataError

TITLE = "Unused access"
ICON = ":material/key_off:"
ORDER = 20

LISTED = ["action", "verdict", "last_used", "count", "reason", "resource_scope", "granted_by"]


def show(log: Log, scope: Scope) -> None:
    """The whole page."""
    parts.heading(TITLE, "Which permissions does nobody use?", scope)
    try:
        report = data.unused(scope)
    except NoDataError as error:
        parts.no_snapshot(error)
        return
    st.caption(
        f"IAM snapshot of {report.snapshot:%Y-%m-%d %H:%M} UTC. A permission is an action on what a policy names. "
        "Regions do not narrow this page: a grant is not bound to one."
    )
    if report.notes:
        with st.expander(f"{len(report.notes)} note{'s' * (len(report.notes) > 1)} on what this rests on"):
            for note in report.notes:
                st.text(naming.told(f"– {note}"))
    ranked = data.verdicts(scope)
    if ranked.empty:
        st.info("The snapshot holds no user or role of these accounts.", icon=":material/search_off:")
        return
    ranked.insert(1, "unused_share", (ranked["unused"] + ranked["unused_low_confidence"]) / ranked["granted"])
    ranked = ranked.sort_values(["unused_share", "granted"], ascending=False, ignore_index=True)
    totals(ranked)
    with st.container(border=True):
        st.altair_chart(charts.shares(ranked), alt="Granted permissions of each principal by verdict")
    st.subheader("Principals by share of unused permissions", anchor=False)
    share = st.column_config.ProgressColumn("Unused share", format="percent", min_value=0, max_value=1, color="orange")
    row = parts.table(
        ranked, "principals", scope, select=True, said="choose a row to see its permissions", unused_share=share
    )
    principal = parts.chosen(row, ranked["principal_arn"].tolist(), "principal")
    if principal in set(ranked["principal_arn"]):
        of_principal(str(principal), scope)


def totals(ranked: pd.DataFrame) -> None:
    """The sums, a number a verdict."""
    with st.container(horizontal=True):
        st.metric("Principals", f"{len(ranked):,}", border=True)
        st.metric(
            "Granted",
            f"{ranked['granted'].sum():,}",
            border=True,
            help="Permissions: one a principal, action and scope",
        )
        for verdict in ("used", "unused", "unused_low_confidence", "not_observable"):
            st.metric(verdict.replace("_", " ").capitalize(), f"{ranked[verdict].sum():,}", border=True)


def of_principal(principal: str, scope: Scope) -> None:
    """A principal's permissions, and the events behind the one that is chosen."""
    st.subheader("Permissions", anchor=False)
    st.code(data.plain(principal), language=None)
    if (called := naming.named(pd.DataFrame({"principal_arn": [principal]}))["principal_arn"][0]) != principal:
        st.text(data.plain(called.removeprefix(f"{principal} ")))
    every = data.permissions_of(scope, principal)
    chosen = parts.pick("Verdict", every["verdict"], data.VERDICTS, "verdict")
    rows = every[every["verdict"].isin(chosen)] if chosen else every
    answered = ["excluded"] if (every["excluded"].astype("str") != "").any() else []
    rows = rows[LISTED + answered].sort_values(
        ["last_used", "action"], ascending=[False, True], na_position="last", ignore_index=True
    )
    row = parts.table(
        rows.astype({"verdict": "str"}), f"permissions-{principal}", scope, select=True,
        said="choose a row to see the events behind it", style=columns.permissions if len(rows) < 5000 else None,
    )  # fmt: skip
    if row is not None:
        behind(principal, rows.iloc[row], scope)


def behind(principal: str, permission: pd.Series, scope: Scope) -> None:
    """The calls of the principal that need an action, whether they were refused or not."""
    calls = data.calls_for(scope, principal, permission["action"])
    st.subheader("Events behind it", anchor=False)
    st.text(f"{permission['action']}: {permission['reason']}")
    if calls:
        parts.events(scope.whole(scope.since, scope.until), "behind-permission", principal=principal, calls=calls)
    else:
        st.info(f"No event of this principal in {scope.length} needs this action.", icon=":material/search_off:")


show(*parts.here())
