"""A folder served on loopback as a bucket of S3, by a process of its own: ListObjectsV2 and GetObject alone.

Real S3 is reached over a network; here the programs share their cores with the server, so that what is measured is
what asking for every object costs, not what waiting for them would.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

NAME = "logs"
_PAGE = 1000


@contextmanager
def served(folder: Path) -> Iterator[dict[str, str]]:
    """The environment in which boto3 finds the folder as the bucket NAME."""
    command = [sys.executable, "-m", "tests.bench.bucket", str(folder)]
    root = Path(__file__).resolve().parents[2]
    server = subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout
        yield {
            "AWS_ENDPOINT_URL_S3": f"http://127.0.0.1:{int(server.stdout.readline())}",
            "AWS_ACCESS_KEY_ID": "bench",
            "AWS_SECRET_ACCESS_KEY": "bench",
            "AWS_REGION": "us-east-1",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
        }
    finally:
        server.terminate()
        server.wait()


class Bucket(ThreadingHTTPServer):
    """The server; keys are the paths below the folder."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        super().__init__(("127.0.0.1", 0), _Answer)

    @cached_property
    def keys(self) -> list[str]:
        """Every key, in the order in which S3 lists them."""
        return sorted(str(path.relative_to(self.folder)) for path in self.folder.rglob("*.json.gz"))

    def page(self, prefix: str, delimiter: str, after: str) -> tuple[list[str], list[str], str]:
        """(keys, common prefixes, last of them) of a page; the last is "" where no page follows."""
        keys: list[str] = []
        folders: list[str] = []
        last = after
        at = max(bisect_left(self.keys, prefix), bisect_right(self.keys, after) if after else 0)
        while at < len(self.keys) and self.keys[at].startswith(prefix):
            if len(keys) + len(folders) == _PAGE:
                return keys, folders, last
            key = self.keys[at]
            end = key.find(delimiter, len(prefix)) if delimiter else -1
            if end < 0:
                keys.append(key)
                last = key
            else:
                folders.append(key[: end + 1])
                last = key[: end + 1] + "\U0010ffff"  # sorts behind every key of the folder
            at = bisect_right(self.keys, last)
        return keys, folders, ""


class _Answer(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Bucket

    def do_GET(self) -> None:
        """A page of the listing, or an object."""
        asked = urlsplit(self.path)
        _, bucket, *rest = unquote(asked.path).split("/", 2)
        given = {name: values[0] for name, values in parse_qs(asked.query, keep_blank_values=True).items()}
        if bucket == NAME and not "".join(rest):
            self._send(200, self._listing(given), "application/xml")
            return
        path = self.server.folder / "".join(rest)
        if bucket != NAME or not path.is_file():
            self._send(404, b"<Error><Code>NoSuchKey</Code></Error>", "application/xml")
            return
        self._send(200, path.read_bytes(), "application/x-gzip", etag(path))

    def _listing(self, given: dict[str, str]) -> bytes:
        prefix = given.get("prefix", "")
        after = given.get("continuation-token") or given.get("start-after", "")
        keys, folders, following = self.server.page(prefix, given.get("delimiter", ""), after)
        parts = [f"<KeyCount>{len(keys) + len(folders)}</KeyCount><MaxKeys>{_PAGE}</MaxKeys>"]
        parts.append(f"<Name>{NAME}</Name><Prefix>{escape(prefix)}</Prefix>")
        parts.append(f"<IsTruncated>{'true' if following else 'false'}</IsTruncated>")
        if following:
            parts.append(f"<NextContinuationToken>{escape(following)}</NextContinuationToken>")
        for key in keys:
            path = self.server.folder / key
            parts.append(
                f"<Contents><Key>{escape(key)}</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified>"
                f"<ETag>{escape(etag(path))}</ETag><Size>{path.stat().st_size}</Size></Contents>"
            )
        parts += [f"<CommonPrefixes><Prefix>{escape(each)}</Prefix></CommonPrefixes>" for each in folders]
        space = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'
        return f'<?xml version="1.0"?><ListBucketResult {space}>{"".join(parts)}</ListBucketResult>'.encode()

    def _send(self, status: int, body: bytes, kind: str, tag: str = "") -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Last-Modified", "Thu, 01 Jan 2026 00:00:00 GMT")
        if tag:
            self.send_header("ETag", tag)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Says nothing."""


def etag(path: Path) -> str:
    """An entity tag that changes with the file."""
    status = path.stat()
    return f'"{hashlib.md5(f"{path.name}{status.st_mtime_ns}{status.st_size}".encode()).hexdigest()}"'


if __name__ == "__main__":
    with Bucket(Path(sys.argv[1])) as bucket:
        bucket.keys  # noqa: B018  (read before the port is told)
        print(bucket.server_address[1], flush=True)
        bucket.serve_forever()
