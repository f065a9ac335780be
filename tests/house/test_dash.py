"""`trailsift dash`: the server it starts, and what it says when it cannot."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from pipeline import cli
from pipeline.lake.tables import Lake

ROOT = Path(__file__).resolve().parents[2]


def code_of(*words: str) -> int:
    with pytest.raises(SystemExit) as stop:
        cli.main(["dash", *words])
    assert isinstance(stop.value.code, int)
    return stop.value.code


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    return Lake.open(tmp_path / "lake", create=True).path


@pytest.fixture
def port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_a_missing_lake_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert code_of("--lake", str(tmp_path / "none")) == 5
    assert capsys.readouterr().err.count("\n") == 1


def test_a_taken_port_is_one_line(lake: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        number = taken.getsockname()[1]
        assert code_of("--lake", str(lake), "--port", str(number)) == 2
    assert capsys.readouterr().err == (
        f"trailsift: port {number}: cannot be used (Address already in use); name another by --port\n"
    )


def test_the_server_gets_the_lake_and_only_this_machine(lake: Path, port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[tuple[list[str], dict[str, str]]] = []

    def execve(program: str, command: list[str], environment: Any) -> None:
        assert program == sys.executable
        started.append((command, dict(environment)))

    monkeypatch.setattr(os, "execve", execve)
    monkeypatch.chdir(lake.parent)
    assert code_of("--lake", "lake", "--as-of", "2026-11-01", "--port", str(port)) == 0
    ((command, environment),) = started
    assert command[1:5] == ["-m", "streamlit", "run", str(ROOT / "dashboards" / "app.py")]
    assert "--server.address=127.0.0.1" in command
    assert f"--server.port={port}" in command
    assert environment["TRAILSIFT_LAKE"] == str(lake)
    assert environment["TRAILSIFT_AS_OF"] == "2026-11-01"


def test_it_serves_until_it_is_stopped(lake: Path, port: int) -> None:
    code = f"import sys; sys.path.insert(0, {str(ROOT)!r}); from pipeline.cli import main; main()"
    command = [sys.executable, "-c", code, "dash", "--lake", str(lake), "--port", str(port)]
    with subprocess.Popen(
        command, cwd=lake.parent, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as dash:
        try:
            assert _healthy(f"http://127.0.0.1:{port}/_stcore/health", dash), dash.stdout and dash.stdout.read()
        finally:
            dash.send_signal(signal.SIGINT)
        dash.wait(timeout=30)


def _healthy(address: str, process: subprocess.Popen[str]) -> bool:
    for _ in range(300):
        if process.poll() is not None:
            return False
        try:
            with urllib.request.urlopen(address, timeout=5) as answer:
                return bool(answer.read() == b"ok")
        except OSError:
            time.sleep(0.1)
    return False
