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

import pytest

from dashboards import parts
from tests.conftest import ROOT

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


def test_pages_rows_and_exports(server: int, chromium: Path) -> None:
    """One browser for all of it, since starting one takes seconds."""
    from playwright.sync_api import Page, sync_playwright

    home = f"http://127.0.0.1:{server}"
    asked: list[str] = []

    def still(page: Page) -> None:
        page.wait_for_function(RUNNING, timeout=90_000)
        page.wait_for_timeout(700)
        page.wait_for_function(RUNNING, timeout=90_000)
        assert page.locator('[data-testid="stException"], [data-testid="stAlertContentError"]').count() == 0

    def choose(page: Page, table: int) -> None:
        """A click on the first row's box; a table is drawn on a canvas."""
        frame = page.locator('[data-testid="stDataFrame"]').nth(table)
        frame.scroll_into_view_if_needed()
        page.wait_for_timeout(500)
        frame.locator("canvas").first.click(position={"x": 14, "y": 52}, force=True)

    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=str(chromium), args=FLAGS)
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.on("request", lambda request: asked.append(request.url))
        for view in parts.views():
            page.goto(f"{home}/{'' if view.order == 10 else view.path.stem}?window=30d")
            still(page)
            assert page.locator("h1").first.inner_text() == view.title
            wide = "() => document.documentElement.scrollWidth <= window.innerWidth"
            assert page.evaluate(wide), f"{view.title} is wider than the window"

        # A link with filters, the page's own too: what it names is what is shown, here and on the next page.
        page.goto(f"{home}/anomalies?window=7d&account={PLANTED['accounts'][0]}&severity=medium")
        still(page)
        assert page.get_by_text("(7 d)").count() == 1
        with page.expect_download() as awaited:
            page.get_by_role("button", name="CSV").first.click()
        rows = list(csv.DictReader(io.StringIO(Path(awaited.value.path()).read_text("utf-8"), newline="")))
        assert rows
        assert {row["severity"] for row in rows} == {"medium"}
        assert re.fullmatch(
            rf"trailsift_findings_2026\w+_2026\w+_{PLANTED['accounts'][0]}\.csv", awaited.value.suggested_filename
        )
        page.get_by_role("link", name="Overview").click()
        page.wait_for_url(lambda url: "anomalies" not in url)
        still(page)
        assert "window=7d" in page.url
        assert f"account={PLANTED['accounts'][0]}" in page.url

        # From a finding to its events to one event, and back.
        choose(page, 0)
        page.wait_for_url("**/anomalies?*finding=*", timeout=60_000)
        still(page)
        choose(page, 1)
        page.wait_for_url("**/event?*id=*", timeout=60_000)
        still(page)
        assert page.locator("h1").inner_text() == "Event"
        assert page.get_by_text('"eventVersion"').count() == 1
        page.get_by_role("button", name="Back to Anomalies").click()
        page.wait_for_url("**/anomalies?*finding=*", timeout=60_000)
        still(page)
        browser.close()
    assert [url for url in asked if not url.startswith((home, "data:", "blob:"))] == []
