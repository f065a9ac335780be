"""`trailsift dash`: the dashboard over the lake, in a Streamlit server that only this machine can reach."""

from __future__ import annotations

import os
import sys

import typer

from pipeline.cli.context import current

ADDRESS = "127.0.0.1"


def register(app: typer.Typer) -> None:
    app.command("dash")(_dash)


def _dash(
    port: int = typer.Option(8501, "--port", min=1, max=65535, help="Port on 127.0.0.1."),
) -> None:
    """Serve the dashboard on this machine until Ctrl-C."""
    import importlib.util
    from pathlib import Path

    from pipeline.errors import TrailsiftError

    lake = current.lake()
    _check_free(port)
    found = importlib.util.find_spec("dashboards")
    app = Path(found.origin).parent / "app.py" if found and found.origin else None
    if app is None or not app.is_file():
        raise TrailsiftError("dashboards/app.py", "is not installed", "install trailsift again")
    environment = os.environ | {"TRAILSIFT_LAKE": str(lake.location)}
    # Streamlit puts the script's own folder on the path, not the one that holds `pipeline` and `dashboards`.
    path = [str(app.parent.parent), *filter(None, [environment.get("PYTHONPATH")])]
    environment["PYTHONPATH"] = os.pathsep.join(path)
    if current.config:
        environment["TRAILSIFT_CONFIG"] = str(Path(current.config).absolute())
    if current.as_of:
        environment["TRAILSIFT_AS_OF"] = current.as_of
    current.say(f"dashboard of {lake.location} on http://{ADDRESS}:{port} (Ctrl-C ends it)")
    sys.stderr.flush()
    # In place of this process, so that signals meant for the server reach it.
    os.execve(sys.executable, _streamlit(app, port), environment)


def _streamlit(app: os.PathLike[str], port: int) -> list[str]:
    options = {
        "server.address": ADDRESS,
        "server.port": str(port),
        "server.headless": "true",
        "browser.gatherUsageStats": "false",
    }
    command = [sys.executable, "-m", "streamlit", "run", os.fspath(app)]
    return command + [f"--{name}={value}" for name, value in options.items()]


def _check_free(port: int) -> None:
    import socket

    from pipeline.errors import UsageError

    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((ADDRESS, port))
        except OSError as error:
            raise UsageError(f"port {port}", f"cannot be used ({error.strerror})", "name another by --port") from None
