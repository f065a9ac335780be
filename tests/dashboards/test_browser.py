"""The dashboard as people have it: the real server, in Debian's Chromium."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dashboards import parts
from tests.conftest import ROOT

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser
PLANTED = json.loads((ROOT / "sample_logs" / "planted.json").read_text())
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
FLAGS += ["--disable-sync", "--no-first-run"]
RUNNING = """() => document.querySelector('[data-testid="stApp"]')?.dataset.testScriptState === 'notRunning'
    && document.querySelector('h1') !== null"""


@pytest.fixture(scope="module")
def server(sample_lake: Path) -> Iterator[int]:
    """`trailsift dash` on a free port; ended with the module."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-c", "from pipeline.cli import main; main()", "dash", "--port", str(port)]
    environment = os.environ | {"TRAILSIFT_LAKE": str(sample_lake)}
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as run:
        try:
            _wait(port, run)
            yield port
        finally:
            run.send_signal(signal.SIGTERM)
            run.wait(30)


def _wait(port: int, run: subprocess.Popen[bytes]) -> None:
    for _ in range(120):
        assert run.poll() is None, run.stderr.read().decode() if run.stderr else ""
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=2)
            return
        except OSError:
            time.sleep(0.5)
    raise AssertionError("the server did not come up")


def listening(port: int) -> set[str]:
    """Addresses (hexadecimal, as /proc has them) on which somebody listens at a port."""
    lines = [
        line.split() for name in ("tcp", "tcp6") for line in Path(f"/proc/net/{name}").read_text().splitlines()[1:]
    ]
    return {each[1].split(":")[0] for each in lines if each[3] == "0A" and each[1].endswith(f":{port:04X}")}


def test_it_listens_on_this_machine_only(server: int) -> None:
    assert listening(server) == {"0100007F"}  # 127.0.0.1, byte by byte from the end


@pytest.fixture(scope="module")
def visit(server: int, chromium: Path) -> Iterator[Visit]:
    """One browser for all tests, since starting one takes seconds."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=str(chromium), args=FLAGS)
        yield Visit(browser.new_page(viewport={"width": 1440, "height": 900}), f"http://127.0.0.1:{server}")
        browser.close()


class Visit:
    """A tab of the browser on the dashboard; `asked` is every address that it asked for anything."""

    def __init__(self, page: Page, home: str) -> None:
        self.page, self.home = page, home
        self.asked: list[str] = []
        page.on("request", lambda request: self.asked.append(request.url))

    def open(self, path: str) -> None:
        self.page.goto(f"{self.home}/{path}")
        self.settle()

    def settle(self) -> None:
        """Waits until the page has been drawn, which it was without an exception or an error."""
        for _ in range(2):
            self.page.wait_for_function(RUNNING, timeout=90_000)
            self.page.wait_for_timeout(500)
        assert self.page.locator('[data-testid="stException"], [data-testid="stAlertContentError"]').count() == 0

    def follow(self, table: int, to: str) -> None:
        """Chooses the first row of a table by its box; a table is drawn on a canvas, so by its place."""
        frame = self.page.locator('[data-testid="stDataFrame"]').nth(table)
        frame.scroll_into_view_if_needed()
        self.page.wait_for_timeout(500)
        frame.locator("canvas").first.click(position={"x": 14, "y": 52}, force=True)
        self.page.wait_for_url(to, timeout=60_000)
        self.settle()


@pytest.mark.parametrize("view", parts.views(), ids=lambda view: view.path.stem)
def test_a_page_opens_and_fits(view: parts.View, visit: Visit) -> None:
    visit.open(f"{'' if view is parts.views()[0] else view.path.stem}?window=30d")
    assert visit.page.locator("h1").first.inner_text() == view.title
    assert visit.page.evaluate("() => document.documentElement.scrollWidth <= window.innerWidth")


def test_a_link_says_what_is_shown_and_exported(visit: Visit) -> None:
    account = PLANTED["accounts"][0]
    visit.open(f"anomalies?window=7d&account={account}&severity=critical")
    assert visit.page.get_by_text("(7 d)").count() == 1
    with visit.page.expect_download() as awaited:
        visit.page.get_by_role("button", name="CSV").first.click()
    text = Path(awaited.value.path()).read_text("utf-8")
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    assert {row["severity"] for row in rows} == {"critical"}
    assert re.fullmatch(rf"trailsift_findings_2026\w+_2026\w+_{account}\.csv", awaited.value.suggested_filename)
    visit.page.get_by_role("link", name="Overview").click()
    visit.page.wait_for_url(lambda url: "anomalies" not in url)
    visit.settle()
    assert "window=7d" in visit.page.url
    assert f"account={account}" in visit.page.url


def test_a_seed_leads_to_its_story_and_on_to_an_event(visit: Visit) -> None:
    visit.open("investigate?window=all")
    visit.page.get_by_label("Seed").fill(PLANTED["new_key"])
    visit.page.get_by_label("Seed").press("Enter")
    visit.page.get_by_text("In plain words").wait_for(timeout=60_000)
    visit.settle()
    assert f"seed={PLANTED['new_key']}" in visit.page.url
    assert visit.page.get_by_text("a long-lived key of this user, made by").first.is_visible()
    visit.follow(0, "**/event?**")
    assert visit.page.get_by_text(PLANTED["new_key"]).first.is_visible()
    visit.page.get_by_role("button", name="Back to Investigate").click()
    visit.page.wait_for_url("**/investigate?**")
    visit.settle()
    assert f"seed={PLANTED['new_key']}" in visit.page.url


def test_a_row_leads_to_its_event_and_back(visit: Visit) -> None:
    visit.open("?window=7d")
    visit.follow(0, "**/anomalies?*finding=*")
    visit.follow(1, "**/event?*id=*")
    assert visit.page.locator("h1").inner_text() == "Event"
    assert visit.page.get_by_text('"eventVersion"').count() == 1
    visit.page.get_by_role("button", name="Back to Anomalies").click()
    visit.page.wait_for_url("**/anomalies?*finding=*", timeout=60_000)
    visit.settle()


def test_the_browser_is_sent_nowhere_else(visit: Visit) -> None:
    visit.open("anomalies")
    assert [url for url in visit.asked if not url.startswith((visit.home, "data:", "blob:"))] == []
