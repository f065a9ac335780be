"""HTTP for `tests.aws.iam`: the query and EC2 protocols in XML and JSON 1.1, by botocore's own models."""

from __future__ import annotations

import base64
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl
from xml.sax.saxutils import escape

from tests.aws.iam import World
from tests.aws.organizations import Fault

SCOPE = re.compile(r"Credential=([^/]+)/\d{8}/([^/]+)/([^/]+)/aws4_request")


@contextmanager
def serve(world: World) -> Iterator[World]:
    """The world on loopback while the block runs."""

    class Bound(Handler):
        pass

    Bound.world = world
    server = ThreadingHTTPServer(("127.0.0.1", 0), Bound)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    world.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield world
    finally:
        server.shutdown()
        server.server_close()


class Handler(BaseHTTPRequestHandler):
    """One request: which service, region, key and operation, and what it gives."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    world: World

    def do_POST(self) -> None:
        data = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        scope = SCOPE.search(self.headers.get("Authorization", ""))
        assert scope, "not signed"
        key, region, service = scope.groups()
        target = self.headers.get("X-Amz-Target")
        if target:
            operation, given = target.rpartition(".")[2], json.loads(data or "{}")
        else:
            given = dict(parse_qsl(data, keep_blank_values=True))
            operation = given.pop("Action")
            given.pop("Version")
        try:
            answer = self.world.call(service, region, operation, given, key)
        except Fault as fault:
            return self._fault(service, fault, bool(target))
        if target:
            return self._answer(200, json.dumps(answer), "application/x-amz-json-1.1")
        return self._answer(200, xml_answer(service, operation, answer), "text/xml")

    def _fault(self, service: str, fault: Fault, is_json: bool) -> None:
        if is_json:
            told = json.dumps({"__type": fault.code, "message": str(fault)})
            return self._answer(fault.status, told, "application/x-amz-json-1.1")
        error = f"<Error><Type>Sender</Type><Code>{fault.code}</Code><Message>{escape(str(fault))}</Message></Error>"
        body = (
            f"<Response><Errors>{error}</Errors></Response>"
            if service == "ec2"
            else f"<ErrorResponse>{error}</ErrorResponse>"
        )
        return self._answer(fault.status, body, "text/xml")

    def _answer(self, status: int, text: str, kind: str) -> None:
        body = text.encode("utf-8", "surrogatepass")
        self.send_response_only(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:
        """Nothing: tests read `calls`."""


@cache
def _model(service: str) -> Any:
    import botocore.session

    return botocore.session.get_session().get_service_model(service)


def xml_answer(service: str, operation: str, answer: dict[str, Any]) -> str:
    """An answer in the service's XML; a member that AWS's model does not name is an error of the test."""
    shape = _model(service).operation_model(operation).output_shape
    body = _xml(shape, answer)
    if service != "ec2":
        body = f"<{operation}Result>{body}</{operation}Result>"
    return f"<{operation}Response>{body}</{operation}Response>"


def _xml(shape: Any, value: Any) -> str:
    if shape.type_name == "structure":
        assert not value.keys() - shape.members.keys(), value.keys() - shape.members.keys()
        return "".join(
            f"<{tag}>{_xml(shape.members[name], each)}</{tag}>"
            for name, each in value.items()
            if each is not None
            for tag in [shape.members[name].serialization.get("name", name)]
        )
    if shape.type_name == "list":
        tag = shape.member.serialization.get("name", "member")
        return "".join(f"<{tag}>{_xml(shape.member, each)}</{tag}>" for each in value)
    if shape.type_name == "map":
        return "".join(f"<entry><key>{escape(key)}</key><value>{each}</value></entry>" for key, each in value.items())
    if shape.type_name == "boolean":
        return "true" if value else "false"
    if shape.type_name == "blob":
        return base64.b64encode(value).decode()
    return escape(str(value))
