"""Investigate: from one suspicious fact to the whole story: who it was, what they did in order, what came of it."""

from __future__ import annotations

from typing import Any, Literal

import pandas as pd
import streamlit as st

from dashboards import charts, columns, data, naming, parts
from dashboards.data import Log
from dashboards.scope import Scope
from pipeline.errors import NoDataError, UsageError

TITLE = "Investigate"
ICON = ":material/manage_search:"
ORDER = 35

PAGE = 200  # events of the timeline that are shown at once
FEW, SCROLLED = 6, 860  # credentials whose chains are shown whole; pixels for those of more
TOLD = 12  # sentences that are shown before the rest is asked for
# A mark as the timeline shows it, the telling ones first.
MARKS = {
    "pinned": "⚑ pinned", "seed": "● seed", "denied": "✕ denied", "error": "! error", "write": "✎ write",
    "first_seen": "★ first time", "first_network": "◎ new network", "created": "＋ created",
    "permission_change": "⚿ permissions", "console": "▣ console", "via_service": "→ service", "by_time": "≈ by time",
}  # fmt: skip
COLORS: dict[str, Literal["blue", "red", "gray", "orange"]] = {
    "user": "blue",
    "root": "red",
    "person": "blue",
    "service": "gray",
    "federated": "blue",
    "certificate": "blue",
    "unknown": "orange",
}
LISTED = ["eventTime", "marks", "service", "eventName", "outcome", "sourceIPAddress", "principal_arn"]
LISTED += ["access_key_id", "resources"]
# Heading, where the facts have it, columns; a row leads to its event where one is named.
TABLES = [
    ("Created", "created", ["eventTime", "kind", "id", "name", "by", "events", "denied", "last_used"], "eventID"),
    ("Permissions changed", "gained", ["eventTime", "by", "eventName", "of", "what", "to_itself"], "eventID"),
    (
        "Resources",
        "resources",
        ["resource", "events", "writes", "denied", "first_seen", "last_seen"],
        "sample_event_id",
    ),
    (
        "Networks",
        "networks",
        ["holder", "source_network", "network_name", "events", "denied", "first_seen", "last_seen"],
        "first_event",
    ),
    ("Same address", "same_address", ["shared", "principal_arn", "events", "denied", "last_seen"], "sample_event_id"),
    ("Same program", "same_agent", ["shared", "principal_arn", "events", "denied", "last_seen"], "sample_event_id"),
    ("Left out", "left_out", ["principal_arn", "eventName", "outcome", "events", "first_seen", "last_seen"], ""),
]


def show(log: Log, scope: Scope) -> None:
    """The whole page."""
    parts.heading(TITLE, "What did this key, person, address or resource do, in order?", scope)
    left, right = st.columns([3, 2], gap="medium", vertical_alignment="bottom")
    seed = left.text_input(
        "Seed", key="seed", bind="query-params", max_chars=2048, icon=":material/search:",
        placeholder="Access key, ARN, user or role name, session, address, network, user agent, event id or resource",
    ).strip()  # fmt: skip
    if scope.accounts or scope.regions:
        st.caption("A case is told whole: accounts and regions do not narrow it.")
    if not seed:
        begin(scope)
        return
    try:
        facts = data.case(scope, seed)
    except (NoDataError, UsageError) as error:
        st.info("No case can be told of this seed.", icon=":material/search_off:")
        st.code(data.plain(error), language=None, wrap_lines=True)
        return
    with right:
        book = written(scope, seed)
    totals(facts)
    grounds(facts)
    with st.container(key="stack-story"):
        left, right = st.columns([2, 3], gap="medium")
    with left:
        chain(facts)
    with right:
        summary(facts)
    timeline(facts, scope, set(book.pins) if book else set())
    around(facts, scope)
    if book:
        notes(book, scope)
    with st.container(horizontal=True):
        st.download_button(
            "Case pack", lambda: data.case_pack(scope, seed, book.name if book else None), "case.zip",
            "application/zip", icon=":material/folder_zip:", on_click="ignore",
            help="Report, records, questions and the SHA-256 of each, as one zip",
        )  # fmt: skip


def begin(scope: Scope) -> None:
    """Without a seed: where one may come from."""
    st.info("Name one suspicious fact. Events and findings lead here too.", icon=":material/manage_search:")
    found = data.cases(scope.key)
    if found:
        rows = pd.DataFrame([each.summary for each in found.values()])
        st.subheader("Open cases", anchor=False)
        shown = rows[["case", "about", "seeds", "pins", "notes", "last_entry"]]
        row = parts.table(shown, "cases", scope, select=True, said="choose a row to open its first seed")
        if row is not None:
            chosen = found[str(rows["case"][row])]
            parts.open_page("investigate", seed=chosen.seeds[0], case=chosen.name)


def totals(facts: dict[str, Any]) -> None:
    """What the seed is, and the numbers of its case."""
    counts, seed = facts["counts"], facts["seed"]
    with st.container(horizontal=True, vertical_alignment="center"):
        st.badge(seed["kind"].capitalize(), icon=":material/fingerprint:", color="blue")
        st.text(f"{_time(counts['first_seen'])} to {_time(counts['last_seen'])} UTC")
    for note in seed["notes"]:
        st.text(data.plain(note))
    names = {"Events": "events", "Writes": "writes", "Denied": "denied", "Errors": "errors"}
    names |= {"Principals": "principals", "Access keys": "access_keys", "Accounts": "accounts"}
    with st.container(horizontal=True):
        for label, name in names.items():
            st.metric(label, f"{counts[name]:,}", border=True)


def grounds(facts: dict[str, Any]) -> None:
    """What bounds the case: things that were cut off; what the log lacks stands in the page's heading."""
    for each in facts["bounds"]:
        st.warning(data.plain(each), icon=":material/content_cut:")


def chain(facts: dict[str, Any]) -> None:
    """Who it was: each credential's way back, step by step, with the event that proves the step."""
    st.subheader("Who it was", anchor=False)
    credentials: dict[str, list[dict[str, Any]]] = {}
    for link in facts["identity"]:
        credentials.setdefault(str(link["of"]), []).append(link)
    if len(credentials) > FEW:
        st.caption(f"{len(credentials):,} credentials, which scroll")
    # Many credentials scroll beside the story rather than push everything else down.
    with st.container(height=SCROLLED if len(credentials) > FEW else "content", border=False):
        for number, (of, links) in enumerate(credentials.items()):
            with st.expander(data.plain(of).replace("[", "(").replace("]", ")"), expanded=number < 3):
                for link in links:
                    step(link, f"{number}-{link['depth']}")
    if left := facts["counts"]["chains_left_out"]:
        st.caption(f"{left:,} more credential{'s' * (left != 1)}, of which no chain is told.")


def step(link: dict[str, Any], key: str) -> None:
    """One step of a chain."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.badge(f"{link['depth'] + 1} · {link['kind']}", color=COLORS.get(link["kind"], "gray"))
        if link["eventID"] and st.button(
            _time(link["eventTime"]), key=f"chain-{key}", type="tertiary", icon=":material/receipt_long:",
            help="The event that this step stands on",
        ):  # fmt: skip
            parts.open_event(link["eventID"])
    st.text(naming.told(link["text"]))


def summary(facts: dict[str, Any]) -> None:
    """The story in plain words, in order of time."""
    st.subheader("In plain words", anchor=False)
    told = facts["summary"]
    with st.container(border=True, gap="xsmall"):
        _sentences(told[:TOLD])
        if len(told) > TOLD:
            with st.expander(f"{len(told) - TOLD:,} more"):
                _sentences(told[TOLD:])


def _sentences(told: list[dict[str, Any]]) -> None:
    for each in told:
        left, right = st.columns([1, 4], gap="small")
        left.caption(f"{each['at']:%Y-%m-%d %H:%M}")
        right.text(data.plain(each["text"]))


def timeline(facts: dict[str, Any], scope: Scope, pins: set[str]) -> None:
    """Every event in order, with what stands out in it; by mark, outcome and service."""
    st.subheader("Timeline", anchor=False)
    events = pd.DataFrame(facts["timeline"])
    events["service"] = events["eventSource"].fillna("unknown").str.partition(".")[0]
    pinned = events["eventID"].isin(pins)
    marks = [["pinned", *each] if pin else each for each, pin in zip(events["marks"], pinned, strict=True)]
    counts = facts["counts"]
    if len(events) > 1:
        first, last = counts["first_seen"], counts["last_seen"]
        with st.container(border=True):
            st.altair_chart(charts.story(events, first, last), alt="Events by service over time, by outcome")
    if counts["left_out"]:
        said = f"{counts['left_out']:,} more are left out; those that tell something are here"
        st.caption(f"{len(events):,} of {counts['events']:,} events; {said} (trailsift investigate --max-events).")
    wanted = parts.pick("Marks", pd.Series([each for some in marks for each in some]), MARKS, "marks")
    left, right = st.columns(2, gap="medium")
    with left:
        outcomes = parts.pick("Outcome", events["outcome"], charts.OUTCOMES, "outcome")
    with right:
        services = st.multiselect("Service", sorted(events["service"].unique()), key="service", placeholder="All")
    keep = pd.Series([not wanted or bool(set(wanted) & set(each)) for each in marks], index=events.index)
    keep &= events["outcome"].isin(outcomes) if outcomes else True
    keep &= events["service"].isin(services) if services else True
    events["marks"] = ["  ".join(words for mark, words in MARKS.items() if mark in each) for each in marks]
    events["resources"] = [", ".join(each) for each in events["resources"]]
    _paged(events[keep].reset_index(drop=True), scope)


def _paged(events: pd.DataFrame, scope: Scope) -> None:
    if events.empty:
        st.info("No event of the case has these marks.", icon=":material/search_off:")
        return
    pages = -(-len(events) // PAGE)
    number = 1
    if pages > 1:
        number = int(st.number_input(f"Page of {pages:,}", 1, pages, 1, key="page", width=160))
    some = events.iloc[(number - 1) * PAGE : number * PAGE].reset_index(drop=True)
    said = f"of {len(events):,} · choose a row to open its event" if pages > 1 else "choose a row to open its event"
    row = parts.table(
        some[LISTED], "timeline", scope, select=True, said=said, style=columns.outcomes, height=460,
    )  # fmt: skip
    if row is not None:
        parts.open_event(some["eventID"][row])


def around(facts: dict[str, Any], scope: Scope) -> None:
    """What came of it and who is near: a tab each, those without rows left out."""
    tables = facts | facts["related"]
    there = [each for each in TABLES if tables[each[1]]]
    if not there:
        return
    st.subheader("What came of it, and who is near", anchor=False)
    tabs = st.tabs([f"{heading} ({len(tables[name]):,})" for heading, name, _, _ in there])
    for tab, (_, name, listed, proof) in zip(tabs, there, strict=True):
        with tab:
            rows = pd.DataFrame(tables[name])
            height = 320 if len(rows) > 8 else None
            row = parts.table(
                rows[[each for each in listed if each in rows]],
                name,
                scope,
                select=bool(proof),
                said="choose a row to open its event" if proof else "calls that the timeline has no room for",
                height=height,
            )
            if proof and row is not None and rows[proof][row]:
                parts.open_event(rows[proof][row])


def written(scope: Scope, seed: str) -> Any:
    """The case that somebody chose, or opens now, to write to; None for none."""
    found = data.cases(scope.key)
    mine = [name for name, each in found.items() if seed in each.seeds]
    names = [*mine, *(name for name in found if name not in mine)]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        if names:
            name = st.selectbox(
                "Case", names, index=0 if mine else None, key="case", bind="query-params", width=220,
                placeholder="Pins and notes: none",
            )  # fmt: skip
        else:
            name = None
        with st.popover("New case", icon=":material/create_new_folder:"):
            _new(scope, seed)
    return found.get(str(name))


def _new(scope: Scope, seed: str) -> None:
    with st.form("new-case", border=False):
        name = st.text_input("Name", max_chars=80)
        about = st.text_area("What it is about", max_chars=10_000)
        if st.form_submit_button("Open the case"):
            try:
                data.open_case(scope.key, name, seed, about)
            except UsageError as error:
                st.error(data.plain(error))
            else:
                st.rerun()


def notes(book: Any, scope: Scope) -> None:
    """What was pinned and written, every entry; and a place to write."""
    st.subheader("Pins and notes", anchor=False)
    rows = pd.DataFrame(book.entries)[["number", "at", "actor", "change", "subject", "text"]]
    parts.table(rows, "entries", scope, said="nothing is ever deleted")
    with st.form("note", clear_on_submit=True, border=False):
        text = st.text_area("Note", max_chars=10_000, height=80)
        if st.form_submit_button("Write it down", icon=":material/edit_note:") and text.strip():
            data.add_note(scope.key, book.name, text)
            st.rerun()


def _time(moment: Any) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S}" if moment else ""


show(*parts.here())
