"""A recorder between a client and a server: everything that is sent to AWS, byte by byte."""

from __future__ import annotations

import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import attrs
import boto3

from rekognition_xray.local.session import local_session


@attrs.define
class Recorder:
    """Hands bytes on between a client and a server, and keeps what the client sends."""

    url: str
    _heard: list[bytearray] = attrs.field(factory=list)

    @property
    def heard(self) -> bytes:
        """All that was sent, connection by connection."""
        return b"\n".join(map(bytes, self._heard))

    def session(self) -> boto3.Session:
        """A session whose clients send everything through here."""
        return local_session(self.url, access_key="123456789012", region="us-east-1")

    def take(self) -> bytearray:
        """A place for what comes over one more connection."""
        self._heard.append(bytearray())
        return self._heard[-1]


@contextmanager
def recording(upstream: str) -> Iterator[Recorder]:
    """A recorder in front of a server."""
    host, port = upstream.removeprefix("http://").split(":")

    class Connection(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            heard = recorder.take()
            with socket.create_connection((host, int(port))) as server:
                for end in (
                    self.request,
                    server,
                ):  # else a piece waits for the acknowledgement of the last
                    end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                back = threading.Thread(target=self.hand_on, args=(server, self.request, None))
                back.start()
                self.hand_on(self.request, server, heard)
                back.join()

        @staticmethod
        def hand_on(source: socket.socket, target: socket.socket, heard: bytearray | None) -> None:
            with suppress(OSError):
                while data := source.recv(2**16):
                    if heard is not None:
                        heard += data
                    target.sendall(data)
            with suppress(OSError):
                target.shutdown(socket.SHUT_WR)

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        block_on_close = False

    with Server(("127.0.0.1", 0), Connection) as server:
        recorder = Recorder(f"http://127.0.0.1:{server.server_address[1]}")
        serving = threading.Thread(target=server.serve_forever, args=(0.05,))
        serving.start()
        try:
            yield recorder
        finally:
            server.shutdown()
            serving.join()
