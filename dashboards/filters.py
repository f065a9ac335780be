"""The filters of the sidebar: time, account and region, kept in the URL and carried from page to page.

Windows count back from `as of`, the newest event of the lake, so that an old log answers too.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import streamlit as st

from dashboards import naming
from dashboards.data import Log
from dashboards.scope import Scope

WINDOWS = {"24h": timedelta(days=1), "7d": timedelta(days=7), "30d": timedelta(days=30), "90d": timedelta(days=90)}
ALL, USUAL = "all", "30d"
NAMES = 8  # accounts whose names are told below the filter, whose URL holds ids alone
KEYS = ("window", "from", "to", "account", "region")


def sidebar(log: Log) -> Scope | None:
    """The widgets, and what they choose; None, having said so, where the window ends before it begins."""
    with st.sidebar:
        # A log shorter than the usual window is shown whole: its verdicts then rest on days that it covers.
        usual = USUAL if log.as_of - WINDOWS[USUAL] >= log.begins else ALL
        chosen = st.pills(
            "Window", [*WINDOWS, ALL], default=usual, required=True, key="window", bind="query-params",
            help="Counts back from the newest event. From and To, where given, take its place.",
        )  # fmt: skip
        since, until = (_moment(log, label, key) for label, key in (("From (UTC)", "from"), ("To (UTC)", "to")))
        accounts = st.multiselect("Account", log.accounts, key="account", bind="query-params", placeholder="All")
        if called := [told for each in accounts or log.accounts if (told := naming.told(each)) != each]:
            st.text("\n".join([*called[:NAMES], *(["…"] if len(called) > NAMES else [])]))
        regions = st.multiselect("Region", log.regions, key="region", bind="query-params", placeholder="All")
        _as_of(log)
    custom = since is not None or until is not None
    end = until or log.as_of
    # A log of a single moment is shown with the hour before it, since a window has a length.
    whole = min(log.begins, log.as_of - timedelta(hours=1))
    start = since or (end - WINDOWS[chosen] if chosen in WINDOWS else log.begins if log.begins < end else whole)
    if start >= end:
        st.error("The window ends before it begins: choose a From that is before To.", icon=":material/event_busy:")
        return None
    name = "custom" if custom else str(chosen)
    return Scope(log.key, start, end, log.as_of, name, tuple(accounts), tuple(regions))


def _moment(log: Log, label: str, key: str) -> datetime | None:
    now = datetime.now(UTC).replace(tzinfo=None)
    moment = st.datetime_input(
        label, None, key=key, bind="query-params", format="YYYY-MM-DD", step=timedelta(minutes=1),
        min_value=log.begins.replace(tzinfo=None, hour=0, minute=0, second=0, microsecond=0) - timedelta(days=366),
        max_value=max(now, log.newest.replace(tzinfo=None)) + timedelta(days=366),
    )  # fmt: skip
    return moment.replace(tzinfo=UTC) if moment else None


def _as_of(log: Log) -> None:
    st.divider()
    said = "newest event in the lake" if log.as_of == log.newest else "as given"
    st.caption(f"As of **{log.as_of:%Y-%m-%d %H:%M} UTC**, {said}.")
    age = datetime.now(UTC) - log.newest
    if age > timedelta(days=1):
        st.caption(f":material/history: The newest event is {age.days:,} day{'s' * (age.days != 1)} old.")
    st.caption("Lake")
    st.code(log.location, language=None, wrap_lines=True)
