"""What the pages share: headings, the note on coverage, tables with their exports, empty states, errors.

Log fields are written by attackers. They go into tables, charts, `st.text`, `st.code` and `st.json`, which show them
as they are; never into Markdown, HTML or links.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

import pandas as pd
import streamlit as st

from dashboards import columns, data, filters, naming
from dashboards.data import Log
from dashboards.scope import Scope
from pipeline.errors import NoDataError, TrailsiftError

VIEWS = Path(__file__).parent / "views"


@dataclass(frozen=True)
class View:
    """A page: its file, and what the file declares of itself by TITLE, ICON, ORDER and, where unlisted, HIDDEN."""

    path: Path
    title: str
    icon: str
    order: int
    hidden: bool


def views() -> list[View]:
    """The files of `views/` in their order; they are read, not run, to find what they declare."""
    found = []
    for path in sorted(VIEWS.glob("*.py")):
        if path.name != "__init__.py":
            said = _declared(path)
            found.append(View(path, said["TITLE"], said["ICON"], said["ORDER"], said.get("HIDDEN", False)))
    return sorted(found, key=lambda view: (view.order, view.title))


def _declared(path: Path) -> dict[str, Any]:
    lines = ast.parse(path.read_text("utf-8"), str(path)).body
    return {
        node.targets[0].id: ast.literal_eval(node.value)
        for node in lines
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id.isupper()
        and isinstance(node.value, ast.Constant)
    }  # fmt: skip


def here() -> tuple[Log, Scope]:
    """The lake and the scope that app.py found for this run."""
    return st.session_state["trailsift_log"], st.session_state["trailsift_scope"]


def heading(title: str, question: str, scope: Scope) -> None:
    """The page's title, what it answers, over which window, and how whole the log of it is."""
    st.title(title, anchor=False)
    span = f"{scope.since:%Y-%m-%d %H:%M} to {scope.until:%Y-%m-%d %H:%M} UTC ({scope.length})"
    named = {"accounts": scope.accounts, "regions": scope.regions}
    places = [f"{many} {', '.join(chosen)}" if chosen else f"all {many}" for many, chosen in named.items()]
    missing = data.gaps(scope)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.text(naming.told(" · ".join([question, span, *places])))
        if not missing:
            whole = f"Log complete: {scope.length} without a missing day"
            st.badge(whole, icon=":material/check_circle:", color="green")
    if missing:
        missed(missing)
    for line in data.integrity(scope.key, scope.since, scope.until):
        st.caption(data.plain(line[:1].upper() + line[1:]))


def missed(missing: list[str]) -> None:
    """What the log lacks, where the eye falls first."""
    with st.container(border=True, key="coverage", gap="xsmall"):
        st.markdown(":orange[:material/warning: **The log does not cover the whole window.** Absence proves little:]")
        for each in missing:
            st.text(f"– {naming.told(each)}")


def nothing(what: str, scope: Scope) -> None:
    """An empty state that says what its emptiness is worth."""
    missing = data.gaps(scope)
    if missing:
        st.info(
            f"No {what} in what there is of {scope.length}; the log is not complete (above).",
            icon=":material/search_off:",
        )
    else:
        st.success(f"No {what}: nothing found in {scope.length} of complete logs.", icon=":material/task_alt:")


def table(
    shown: pd.DataFrame, name: str, scope: Scope, *, select: bool = False, said: str = "",
    style: Callable[[Any], Any] | None = None, height: int | None = None, **config: Any,
) -> int | None:  # fmt: skip
    """A table that exports exactly what it shows; the position of the row somebody chose, where `select`.

    Names stand beside ids for eyes alone. `said` is a word on the rows beside their number; `style` colours a pandas
    Styler; `config` are columns' settings where LABELS does not do.
    """
    with st.container(horizontal=True, vertical_alignment="center", key=f"bar-{name}"):
        number = f"{len(shown):,} row{'s' * (len(shown) != 1)}"
        st.caption(f"{number} · {said}" if said else number)
        for fmt in ("csv", "json"):
            download(shown, name, scope, fmt)
    named = naming.named(shown)
    settings = {each: columns.column(each, named[each]) for each in shown.columns} | config
    clean = named.assign(**{each: _clean(named[each]) for each in shown.columns if naming.texts(named[each])})
    chosen = st.dataframe(
        style(clean.style) if style else clean, hide_index=True, column_config=settings, key=f"table-{name}",
        on_select="rerun" if select else "ignore", selection_mode="single-row", height=height or "auto",
        placeholder="",
    )  # fmt: skip
    rows = cast("dict[str, Any]", chosen)["selection"]["rows"] if select else []
    return rows[0] if rows and rows[0] < len(shown) else None


def pick(label: str, values: pd.Series[Any], order: Iterable[str], key: str) -> list[str]:
    """Which of the words in `values` somebody wants to see, none meaning all; kept in the URL as `key`.

    The URL holds an option as it is shown, so options are bare words and their numbers stand below.
    """
    counts = values.value_counts()
    words = [word.replace("_", " ") for word in order if counts.get(word, 0)]
    picked = st.pills(label, words, selection_mode="multi", key=key, bind="query-params")
    st.caption(" · ".join(f"{counts[word.replace(' ', '_')]:,} {word}" for word in words))
    return [word.replace(" ", "_") for word in picked]


def chosen(row: int | None, ids: list[str], param: str) -> str | None:
    """The id of the row that somebody chose, else the one that the URL has as `param`, be it shown above or not.

    A choice is written into the URL, so that it can be sent to somebody.
    """
    if row is not None:
        st.query_params[param] = ids[row]
        return ids[row]
    return st.query_params.get(param)


def download(shown: pd.DataFrame, name: str, scope: Scope, fmt: str) -> None:
    """A button that gives the rows as a file named after the filters."""
    st.download_button(
        fmt.upper(), lambda: data.exported(shown, fmt), columns.filename(name, scope, fmt), key=f"{fmt}-{name}",
        icon=":material/download:", on_click="ignore", type="tertiary", help=f"These rows as {fmt.upper()}",
    )  # fmt: skip


def events(scope: Scope, name: str, **also: str | tuple[str, ...]) -> None:
    """A table of events; a row leads to its page."""
    found, matching = data.events(scope, **also)
    if found.empty:
        nothing("event", scope)
        return
    left = f"newest of {matching:,} · " if matching > len(found) else ""
    row = table(found, name, scope, select=True, said=f"{left}choose a row to open its event", style=columns.outcomes)
    if row is not None:
        open_event(found["event_id"][row])


def open_event(identity: str) -> None:
    """Goes to the page of one event, which knows the way back."""
    left = st.session_state["trailsift_page"]
    if left != "event":
        bound = set(filters.KEYS)
        params = {name: value for name, value in st.query_params.items() if name not in bound}
        st.session_state["trailsift_back"] = (left, params)
    open_page("event", id=identity)


def back() -> None:
    """A button to the page that led to an event; the browser's own takes a step for each filter in the URL."""
    name, params = st.session_state.get("trailsift_back", (views()[0].path.stem, {}))
    title = next(view.title for view in views() if view.path.stem == name)
    if st.button(f"Back to {title}", icon=":material/arrow_back:", type="tertiary"):
        open_page(name, **params)


def open_page(name: str, **params: str) -> None:
    """Goes to a page of `views/`; the filters, being bound to the URL, come along by themselves."""
    st.switch_page(VIEWS / f"{name}.py", query_params=params)


def facts(said: dict[str, Any]) -> None:
    """Names and values, a line each; what is not known is left out."""
    with st.container(gap="xxsmall"):
        for name, value in said.items():
            if value not in (None, ""):
                left, right = st.columns([1, 4], gap="small")
                left.caption(name)
                right.text(naming.told(value))


def verdict(word: str) -> None:
    """The verdict of a requirement, marked and coloured."""
    colors: dict[str, Literal["green", "red", "orange", "blue"]] = {
        "pass": "green", "fail": "red", "no_evidence": "orange", "manual": "blue",
    }  # fmt: skip
    st.badge(columns.VERDICTS[word][0], color=colors.get(word, "gray"))


def no_snapshot(error: NoDataError | None = None) -> None:
    """What is missing where no IAM snapshot was imported, and the commands that bring one."""
    with st.container(border=True):
        st.markdown("**No snapshot imported.** What IAM grants, the log cannot tell: import a snapshot of the account.")
        st.code(
            "aws iam get-account-authorization-details > details.json\n"
            "aws iam generate-credential-report; sleep 10\n"
            "aws iam get-credential-report --query Content --output text | base64 -d > credentials.csv\n"
            f"trailsift iam import details.json credentials.csv --lake {data.location()}",
            language="bash",
        )


def no_data(error: NoDataError) -> None:
    """What somebody sees who has no log yet: what to run."""
    st.title("Nothing to show yet", anchor=False)
    st.text(data.plain(f"{error.place}: {error.problem}."))
    st.markdown("Bring CloudTrail logs into the lake, a folder or a file at a time:")
    st.code(f"trailsift ingest PATH --lake {data.location()}", language="bash")
    st.markdown("or look around with the sample logs that come with Trailsift:")
    st.code("trailsift demo", language="bash")
    st.button("Look again", icon=":material/refresh:")


def fault(error: TrailsiftError) -> None:
    """An error as one line: place, what is wrong, what to do."""
    st.error("This page cannot be shown.", icon=":material/error:")
    st.code(data.plain(error), language=None, wrap_lines=True)


def _clean(values: pd.Series[Any]) -> pd.Series[Any]:
    return values.map(lambda each: data.plain(each) if isinstance(each, str) else each, na_action="ignore")
