"""A small S3 over HTTP that can be told to misbehave: ListObjectsV2, HeadObject and GetObject over objects in memory.

It is a process of its own, since ingestion forks. Requests below `/_/` are the test's: objects put and deleted,
faults set, requests counted. `python -m tests.aws.fake_s3 PORT [FOLDER]` serves a folder of buckets.
"""

from __future__ import annotations

import hashlib
import json
import re
import socket
import struct
import subprocess
import sys
import threading
import time
import urllib.request
from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlsplit
from xml.sax.saxutils import escape

from tests.aws.moto import CREDENTIALS, free_port

_SCOPE = re.compile(r"Credential=[^/]+/\d{8}/([a-z0-9-]+)/s3")


class Store:
    """Objects by `bucket/key`, the faults that are set, and what was asked for."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.bodies: dict[str, bytes] = {}
        self.names: list[str] = []
        self.faults: list[dict[str, Any]] = []
        self.requests: list[list[str]] = []

    def put(self, name: str, body: bytes) -> None:
        with self.lock:
            if name not in self.bodies:
                insort(self.names, name)
            self.bodies[name] = body

    def delete(self, name: str) -> None:
        with self.lock:
            if self.bodies.pop(name, None) is not None:
                self.names.remove(name)

    def fault(self, kind: str, name: str) -> dict[str, Any] | None:
        """The first fault set for this request that is due, counted down."""
        with self.lock:
            self.requests.append([kind, name])
            for each in self.faults:
                if each["on"] == kind and each["match"] in name:
                    each["skip"] -= 1
                    if each["skip"] < 0 and each["times"] != 0:
                        each["times"] -= 1
                        return each
        return None


def etag(body: bytes) -> str:
    return hashlib.md5(body, usedforsecurity=False).hexdigest()


class Handler(BaseHTTPRequestHandler):
    """One connection; `server.store` is shared by all."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1
    disable_nagle_algorithm = True

    @property
    def store(self) -> Store:
        return self.server.store  # type: ignore[attr-defined,no-any-return]

    def log_message(self, *_: object) -> None:
        pass

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(url.query, keep_blank_values=True).items()}
        if url.path == "/_/requests":
            self.answer(200, json.dumps(self.store.requests).encode())
            return
        bucket, _, key = unquote(url.path)[1:].partition("/")
        kind = "list" if not key else "get" if self.command == "GET" else "head"
        name = f"{bucket}/{key or query.get('prefix', '')}"
        fault = self.store.fault(kind, name) or {}
        if fault and not self.misbehave(fault, name):
            return
        if kind == "list":
            self.answer(200, listing(self.store, bucket, query), cut=fault.get("kind", ""))
        else:
            self.object(name, cut=fault.get("kind", ""))

    def do_POST(self) -> None:
        """The test's own wishes."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        match self.path.split("/")[2]:
            case "put":
                self.store.put(unquote(self.path.removeprefix("/_/put/")), body)
            case "all":
                names, text = json.loads(body)
                for name in names:
                    self.store.put(name, text.encode())
            case "delete":
                self.store.delete(unquote(self.path.removeprefix("/_/delete/")))
            case "fault":
                self.store.faults.append({"match": "", "skip": 0, "times": 1} | json.loads(body))
            case "mend":
                self.store.faults.clear()
                self.store.requests.clear()
            case "empty":
                self.server.store = Store()  # type: ignore[attr-defined]
        self.answer(200, b"")

    def misbehave(self, fault: dict[str, Any], name: str) -> bool:
        """Does what the fault says; whether the request is to be answered all the same."""
        match fault["kind"]:
            case "error":
                error = f"<Error><Code>{fault['code']}</Code><Message>told to</Message></Error>".encode()
                self.answer(fault["status"], error)
                return False
            case "elsewhere":
                scope = _SCOPE.search(self.headers.get("Authorization", ""))
                if scope and scope[1] == fault["region"]:
                    return True
                error = b"<Error><Code>PermanentRedirect</Code><Message>elsewhere</Message></Error>"
                self.answer(301, error, {"x-amz-bucket-region": fault["region"]})
                return False
            case "unless":
                if re.search(fault["header"], str(self.headers)):
                    return True
                self.answer(403, b"<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>")
                return False
            case "reset":
                self.reset()
                return False
            case "slow":
                time.sleep(fault["seconds"])
            case "replace":
                self.store.put(name, fault["body"].encode())
            case "delete":
                self.store.delete(name)
        return True

    def object(self, name: str, cut: str) -> None:
        body = self.store.bodies.get(name)
        wanted = self.headers.get("If-Match")
        if body is None:
            self.answer(404, b"<Error><Code>NoSuchKey</Code><Message>no such key</Message></Error>")
        elif wanted and wanted.strip('"') != etag(body):
            self.answer(412, b"<Error><Code>PreconditionFailed</Code><Message>another</Message></Error>")
        else:
            modified = {"Last-Modified": "Thu, 01 Oct 2026 00:00:00 GMT"}
            self.answer(200, body, {"ETag": f'"{etag(body)}"'} | modified, cut)

    def answer(self, status: int, body: bytes, headers: dict[str, str] | None = None, cut: str = "") -> None:
        """Sends an answer, or half of it: `half` then closes as if it were all, `torn` breaks the connection."""
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "HEAD":
            return
        self.wfile.write(body[: len(body) // 2] if cut in ("half", "torn") else body)
        self.wfile.flush()
        if cut == "torn":
            self.reset()
        self.close_connection = self.close_connection or cut == "half"

    def reset(self) -> None:
        """Ends the connection with a reset instead of an end."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True


def listing(store: Store, bucket: str, query: dict[str, str]) -> bytes:
    """ListObjectsV2's answer ("ListObjectsV2" of the S3 API reference)."""
    prefix, delimiter = query.get("prefix", ""), query.get("delimiter", "")
    after = query.get("continuation-token") or query.get("start-after") or ""
    full, limit = f"{bucket}/{prefix}", int(query.get("max-keys", "1000"))
    parts: list[str] = []
    last, more = "", False
    with store.lock:
        at = max(bisect_left(store.names, full), bisect_right(store.names, f"{bucket}/{after}") if after else 0)
        while at < len(store.names) and store.names[at].startswith(full):
            key = store.names[at][len(bucket) + 1 :]
            folder, found, _ = key[len(prefix) :].partition(delimiter) if delimiter else ("", "", "")
            if found:
                last = f"{prefix}{folder}{delimiter}"
                at = bisect_left(store.names, f"{bucket}/{last}\U0010ffff")
                if after.startswith(last):
                    continue
                text = f"<CommonPrefixes><Prefix>{escape(quote(last))}</Prefix></CommonPrefixes>"
            else:
                body, last, at = store.bodies[store.names[at]], key, at + 1
                text = (
                    f"<Contents><Key>{escape(quote(key))}</Key><ETag>&quot;{etag(body)}&quot;</ETag>"
                    f"<Size>{len(body)}</Size><StorageClass>STANDARD</StorageClass>"
                    "<LastModified>2026-10-01T00:00:00.000Z</LastModified></Contents>"
                )
            if len(parts) == limit:
                more = True
                break
            parts.append(text)
            token = last
    next_token = f"<NextContinuationToken>{escape(token)}</NextContinuationToken>" if more else ""
    return (
        f'<?xml version="1.0"?><ListBucketResult><Name>{bucket}</Name><EncodingType>url</EncodingType>'
        f"<IsTruncated>{str(more).lower()}</IsTruncated>{next_token}{''.join(parts)}</ListBucketResult>"
    ).encode()


@dataclass(frozen=True)
class FakeS3:
    """The server, as a test sees it."""

    url: str

    @property
    def environment(self) -> dict[str, str]:
        """Variables by which boto3 reaches this server and no other."""
        return CREDENTIALS | {"AWS_ENDPOINT_URL_S3": self.url}

    def put(self, name: str, body: bytes) -> None:
        """Stores an object; `name` is `bucket/key`."""
        self._ask(f"put/{quote(name)}", body)

    def put_all(self, names: Iterable[str], body: bytes = b"{}") -> None:
        """Stores many objects of the same bytes."""
        self._ask("all", json.dumps([list(names), body.decode()]).encode())

    def delete(self, name: str) -> None:
        self._ask(f"delete/{quote(name)}")

    def fault(self, kind: str, on: str = "get", **more: Any) -> None:
        """Sets a fault for requests of the kind `on` (list, get, head) whose bucket/key has `match` in it.

        It is for the next `times` of them (-1 for ever) after `skip`. Kinds: error (status, code), half and torn
        (bodies), reset, slow (seconds), replace (body), delete, elsewhere (region), unless (header: a pattern
        of a request's headers without which it is denied).
        """
        self._ask("fault", json.dumps({"kind": kind, "on": on} | more).encode())

    def mend(self) -> None:
        """Takes back all faults, and forgets the requests."""
        self._ask("mend")

    def empty(self) -> None:
        """Forgets everything."""
        self._ask("empty")

    def requests(self, kind: str) -> list[str]:
        """What was asked for by requests of that kind: bucket/key, or bucket/prefix of a listing."""
        with urllib.request.urlopen(f"{self.url}/_/requests", timeout=30) as answer:
            return [name for each, name in json.load(answer) if each == kind]

    def _ask(self, what: str, body: bytes = b"") -> None:
        urllib.request.urlopen(urllib.request.Request(f"{self.url}/_/{what}", body, method="POST"), timeout=30).close()


@contextmanager
def serve(folder: Path | None = None) -> Iterator[FakeS3]:
    """The server while the block runs; `folder` holds buckets as folders."""
    port = free_port()
    command = [sys.executable, "-m", "tests.aws.fake_s3", str(port), *([str(folder)] if folder else [])]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, cwd=Path(__file__).parents[2])
    assert process.stdout
    try:
        assert process.stdout.readline() == b"ready\n"
        yield FakeS3(f"http://127.0.0.1:{port}")
    finally:
        process.terminate()
        process.wait()


def main(port: int, folder: Path | None) -> None:
    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    server.daemon_threads = True
    server.request_queue_size = 256
    server.store = Store()  # type: ignore[attr-defined]
    store: Store = server.store  # type: ignore[attr-defined]
    for path in sorted(folder.rglob("*")) if folder else []:
        if path.is_file():
            store.bodies[path.relative_to(folder).as_posix()] = path.read_bytes()
    store.names = sorted(store.bodies)
    print("ready", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) > 2 else None)
