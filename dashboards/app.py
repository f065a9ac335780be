"""The dashboard's frame: finds the pages, opens the lake, draws the filters, runs the page that was asked for."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from dashboards import data, filters, parts
from pipeline.errors import NoDataError, TrailsiftError

HERE = Path(__file__).parent


def main() -> None:
    """One run of the script: somebody opened a page, or touched something on it."""
    # An icon of our own: for a named one the browser would ask a server elsewhere.
    icon = HERE / "logo_mark.svg"
    st.set_page_config(page_title="Trailsift", page_icon=icon, layout="wide", initial_sidebar_state=290)
    st.html(HERE / "style.css")
    listed = parts.views()
    page = st.navigation(
        [
            st.Page(
                each.path, title=each.title, icon=each.icon, default=each is listed[0],
                visibility="hidden" if each.hidden else "visible",
            )
            for each in listed
        ]
    )  # fmt: skip
    st.logo(HERE / "logo.svg", icon_image=icon, size="large")
    try:
        log = data.log()
        scope = filters.sidebar(log)
        if scope is not None:
            st.session_state["trailsift_log"], st.session_state["trailsift_scope"] = log, scope
            st.session_state["trailsift_page"] = next(each.path.stem for each in listed if each.title == page.title)
            page.run()
    except NoDataError as error:
        parts.no_data(error)
    except TrailsiftError as error:
        parts.fault(error)


main()
