"""An HTTP server on loopback that takes webhooks: it keeps what it was sent, and answers as it is told to."""

from __future__ import annotations

import json
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

# The secret part of the address, which nothing may repeat.
SECRET = "services/T0001/B0002/s3cr3tt0ken"


@dataclass
class Reply:
    """One answer: a status, headers, a text, and seconds to wait before it."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    text: str = "ok"
    delay: float = 0.0


@dataclass
class Receiver:
    """`bodies` are what was taken with 200, `asked` counts every request; `replies` are given in turn, then 200."""

    port: int
    replies: list[Reply] = field(default_factory=list)
    always: Reply | None = None
    bodies: list[dict[str, Any]] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    types: list[str | None] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/{SECRET}?key=hidden"

    def answer(self) -> Reply:
        if self.always:
            return self.always
        return self.replies.pop(0) if self.replies else Reply()


@contextmanager
def serve(tls: ssl.SSLContext | None = None) -> Iterator[Receiver]:
    """A receiver while the block runs, over TLS where a context is given."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            receiver.asked.append(self.path)
            receiver.types.append(self.headers["Content-Type"])
            reply = receiver.answer()
            time.sleep(reply.delay)
            if reply.status == 200:
                receiver.bodies.append(json.loads(body))
            try:
                self.send_response(reply.status)
                for name, text in reply.headers.items():
                    self.send_header(name, text)
                self.send_header("Content-Length", str(len(reply.text)))
                self.end_headers()
                self.wfile.write(reply.text.encode())
            except OSError:
                pass  # whoever asked did not wait

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.handle_error = lambda *_: None  # type: ignore[method-assign]  # who breaks off the handshake
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    receiver = Receiver(server.server_port)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
