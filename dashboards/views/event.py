"""Event: one event, in words and as its record, and what the same principal did around it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import streamlit as st

from dashboards import data, naming, parts
from dashboards.data import Log
from dashboards.scope import Scope

TITLE = "Event"
ICON = ":material/receipt_long:"
ORDER = 90
HIDDEN = True

AROUND = timedelta(minutes=15)
HEIGHT = 480
_DID = {"ok": "called", "denied": "was denied", "error": "failed to call"}


def show(log: Log, scope: Scope) -> None:
    """The whole page."""
    identity = st.query_params.get("id", "")
    parts.back()
    st.title(TITLE, anchor=False)
    rows = data.event(scope.key, identity) if identity else []
    if not rows:
        st.info("There is no event of this id in the lake." if identity else "Choose an event on another page.")
        if identity:
            st.code(data.plain(identity), language=None)
        return
    row = rows[0]
    st.text(naming.told(sentence(row)))
    seeds(row, scope)
    if len(rows) > 1:
        st.caption(f"{len(rows)} accounts have a copy of this event; the first is shown.")
    left, right = st.columns([2, 3], gap="medium")
    with left, st.container(border=True, height=HEIGHT):
        parts.facts(what_it_says(row))
    with right, st.container(border=True, height=HEIGHT):
        st.markdown("**Record**, as CloudTrail delivered it")
        st.json(row["record"], expanded=2)
    around(row, scope)


def seeds(row: dict[str, Any], scope: Scope) -> None:
    """Ways on: the whole story of whoever, or whatever, stands behind the event; and a case to pin it to."""
    named = {"Key": row["access_key_id"], "Principal": row["principal_arn"], "Session": row["session_name"]}
    named["Address"] = row["sourceIPAddress"] if row["source_network"] else None
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption("Investigate")
        for label, seed in named.items():
            if seed and seed != "unknown" and st.button(label, icon=":material/manage_search:", type="tertiary"):
                parts.open_page("investigate", seed=seed)
        cases = data.cases(scope.key)
        if cases:
            with st.popover("Pin to a case", icon=":material/keep:", type="tertiary"), st.form("pin", border=False):
                name = st.selectbox("Case", list(cases))
                note = st.text_input("Why", max_chars=2048)
                if st.form_submit_button("Pin it") and name:
                    data.pin(scope.key, name, row["eventID"] or row["record_sha256"], note)
                    st.toast("Pinned.")


def sentence(row: dict[str, Any]) -> str:
    """Who did what, where and when, in one line."""
    who = row["principal_arn"] + (f" (session {row['session_name']})" if row["session_name"] else "")
    how = f" with {row['errorCode']}" if row["errorCode"] else ""
    through = f" through {row['via_service']}" if row["via_service"] else ""
    call = f"{row['service'] or 'unknown service'}:{row['eventName'] or 'unknown call'}"
    where = f"account {row['account_id'] or 'unknown'}, {row['awsRegion'] or 'no region'}"
    origin = f" from {row['sourceIPAddress']}" if row["sourceIPAddress"] else ""
    did = f"{who} {_DID.get(row['outcome'], 'called')} {call}{how}{through}"
    return f"{did} in {where}{origin} at {_time(row['eventTime'])} UTC."


def what_it_says(row: dict[str, Any]) -> dict[str, Any]:
    """Who, what, where and when, a line each."""
    identity = row["userIdentity"] or {}
    attributes = (identity.get("sessionContext") or {}).get("attributes") or {}
    touched = [each["ARN"] for each in row["resources"] or [] if each.get("ARN")]
    return {
        "When (UTC)": _time(row["eventTime"]),
        "Principal": row["principal_arn"],
        "Type": row["principal_type"],
        "Session": row["session_name"],
        "Access key": row["access_key_id"],
        "MFA in session": attributes.get("mfaAuthenticated"),
        "Through": row["via_service"],
        "Call": f"{row['eventSource']} {row['eventName']}",
        "Outcome": row["outcome"],
        "Error": row["errorCode"],
        "Message": row["errorMessage"],
        "Resources": "\n".join(touched),
        "Account": row["account_id"],
        "Region": row["awsRegion"],
        "Source": row["sourceIPAddress"],
        "User agent": row["userAgent"],
        "Event": row["eventID"] or row["record_sha256"],
        "Object": row["source_object"],
    }


def around(row: dict[str, Any], scope: Scope) -> None:
    """The same principal's events a quarter of an hour before and after."""
    st.subheader("The same principal, 15 minutes before and after", anchor=False)
    near = scope.whole(row["eventTime"] - AROUND, row["eventTime"] + AROUND)
    identity = row["eventID"] or row["record_sha256"]
    parts.events(near, f"around-{identity}", principal=row["principal_arn"])


def _time(moment: Any) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S}" if moment else ""


show(*parts.here())
