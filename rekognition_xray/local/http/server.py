"""The HTTP server: one port, one event loop, a fixed number of threads; ends without a trace."""

from __future__ import annotations

import logging
import socket
import threading
import uuid
from typing import TYPE_CHECKING, Any, Final

from waitress import wasyncore
from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser, ParsingError
from waitress.server import create_server
from waitress.trigger import trigger
from waitress.utilities import BadRequest, Error

from rekognition_xray.local.failures import ServiceError
from rekognition_xray.local.http.protocol import CONTENT_TYPE, render_error

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

THREADS: Final = 32
HOLDING_PLACES: Final = 20
"""Threads that held Describes may take; the rest keep answering."""


_TLS: Final = b"\x16\x03"  # how a client that was given an https address begins
_VERSIONS: Final = frozenset({"1.0", "1.1"})


class _Refusal:
    """waitress's answer to a request that is no HTTP, in the form of the service's errors."""

    _CODES: Final = {
        413: "RequestEntityTooLargeException",
        431: "RequestHeaderFieldsTooLargeException",
    }

    def __init__(self, error: Error) -> None:
        self._status = f"{error.code} {error.reason}" if error.code < 500 else "400 Bad Request"
        code = self._CODES.get(error.code, "SerializationException")
        self._error = ServiceError(code, f"The request is not understood: {error.body}")

    def to_response(self, _ident: str) -> tuple[str, list[tuple[str, str]], bytes]:
        request_id = str(uuid.uuid4())
        headers = [("Content-Type", CONTENT_TYPE), ("x-amzn-RequestId", request_id)]
        return self._status, headers, render_error(self._error, request_id)


class _Parser(HTTPRequestParser):  # type: ignore[misc]
    """waitress's, more strictly, and with errors in the service's form.

    waitress itself waits for ever for a body of no bytes after ``Expect: 100-continue``, and for
    the end of the headers of what is no HTTP.
    """

    completed: bool

    def received(self, data: bytes) -> int:
        taken: int = super().received(data)
        if not self.completed and self.header_plus.startswith(_TLS):
            self.parse_header(b"GET / HTTP/1.0\r\n")
            self.error = BadRequest("this is TLS; the local cloud answers http, not https")
            self.completed = True
        if self.completed:
            self.expect_continue = False
        if self.error is not None:
            self.error = _Refusal(self.error)  # pyright: ignore[reportAttributeAccessIssue]
        return taken

    def parse_header(self, header_plus: bytes) -> None:
        super().parse_header(header_plus)
        if self.version not in _VERSIONS:
            raise ParsingError("the version of HTTP is neither 1.0 nor 1.1")


class _Channel(HTTPChannel):  # type: ignore[misc]
    parser_class = _Parser


class Server:
    """The application on a port, in its own threads.

    The port is bound before any thread starts; `close` ends every thread and connection.
    """

    def __init__(self, application: WSGIApplication, host: str, port: int) -> None:
        listening = _listen(host, port)
        self.port: int = listening.getsockname()[1]
        self._sockets: dict[Any, Any] = {}
        self._server = create_server(
            application,
            map=self._sockets,
            sockets=[listening],
            threads=THREADS,
            connection_limit=1000,
            channel_timeout=300,
            outbuf_overflow=64 << 20,  # beyond this waitress leaves its files to the collector
            ident="rekognition-xray",
            clear_untrusted_proxy_headers=True,
        )
        vars(self._server)["channel_class"] = _Channel
        self._server.task_dispatcher.queue_logger = _queue_logger()
        self._wake = trigger(self._sockets)
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="local cloud", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stops answering: requests under way are finished, the others dropped."""
        self._server.task_dispatcher.shutdown()
        self._closing.set()
        self._wake.pull_trigger()
        self._thread.join()
        wasyncore.close_all(self._sockets)

    def _run(self) -> None:
        while not self._closing.is_set():
            wasyncore.loop(timeout=1.0, use_poll=True, map=self._sockets, count=1)


def _queue_logger() -> logging.Logger:
    """Waitress warns of every moment in which all threads are busy; here that is no news."""
    quiet = logging.getLogger(f"{__name__}.queue")
    quiet.setLevel(logging.ERROR)
    return quiet


def _listen(host: str, port: int) -> socket.socket:
    family, _, _, _, address = socket.getaddrinfo(
        host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    return socket.create_server(address[:2], family=family, backlog=1024)
