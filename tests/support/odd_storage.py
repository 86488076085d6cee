"""An S3 of a few lines that answers PutObject as a test wants it to, over HTTP or TLS."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import attrs


@attrs.define
class Put:
    """One request that has come."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def by_boto3(self) -> bool:
        """boto3 counts its calls; requests over connections of ours bear no number."""
        return "amz-sdk-invocation-id" in self.headers


Answer = Callable[["Handler", Put], None]


def accept(handler: Handler, put: Put) -> None:
    checksum = put.headers["x-amz-checksum-sha256"]
    handler.answer(200, {"x-amz-checksum-sha256": checksum, "x-amz-request-id": "ID-1"})


@attrs.define
class OddStorage:
    """Where requests went, and what happens to those that were not sent by boto3.

    Attributes:
        address: what clients call.
        odd: answers a request that was not sent by boto3.
        puts: the requests.
    """

    address: str
    odd: Answer = accept
    puts: list[Put] = attrs.field(factory=list)

    @property
    def by_boto3(self) -> list[Put]:
        return [put for put in self.puts if put.by_boto3]

    @property
    def over_connections(self) -> list[Put]:
        return [put for put in self.puts if not put.by_boto3]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    storage: OddStorage

    def answer(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": "0", **headers}.items():
            self.send_header(name, value)
        self.end_headers()

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        put = Put(self.path, headers, body)
        self.storage.puts.append(put)
        (accept if put.by_boto3 else self.storage.odd)(self, put)

    def log_message(self, *_: object) -> None:
        """Nothing: tests look at ``puts``."""


@contextmanager
def odd_storage(tls: ssl.SSLContext | None = None) -> Iterator[OddStorage]:
    """A server on this machine, for as long as the block lasts."""
    made = type("MadeHandler", (Handler,), {})
    server = ThreadingHTTPServer(("127.0.0.1", 0), made)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    server.daemon_threads = True
    scheme = "http" if tls is None else "https"
    storage = OddStorage(f"{scheme}://127.0.0.1:{server.server_port}")
    made.storage = storage  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield storage
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
