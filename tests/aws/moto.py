"""AWS on loopback: moto's server in a process of its own, since ingestion forks and a server's threads would not."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

REGION = "eu-west-1"
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing", "AWS_DEFAULT_REGION": REGION}


@dataclass(frozen=True)
class Aws:
    """Where the server listens, and what a process needs to reach it."""

    url: str

    @property
    def environment(self) -> dict[str, str]:
        """Variables by which boto3 reaches this server and no other."""
        return CREDENTIALS | {"AWS_ENDPOINT_URL": self.url}

    def client(self, service: str, region: str = REGION) -> Any:
        """A boto3 client of the server."""
        import boto3

        keys = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing"}
        return boto3.client(service, region_name=region, endpoint_url=self.url, **keys)  # type: ignore[call-overload]

    def reset(self) -> None:
        """Empties every service."""
        urllib.request.urlopen(urllib.request.Request(f"{self.url}/moto-api/reset", method="POST"), timeout=10).close()


def free_port() -> int:
    """A port nobody listens on now."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


@contextmanager
def serve() -> Iterator[Aws]:
    """moto's server while the block runs."""
    port = free_port()
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(600):
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                assert process.poll() is None, "moto's server ended"
                time.sleep(0.1)
        yield Aws(f"http://127.0.0.1:{port}")
    finally:
        process.terminate()
        process.wait()
