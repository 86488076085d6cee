"""What the server calls: first the requested faults, then the application of the current term.

A term is the life of a world between two resets.
"""

from __future__ import annotations

import shutil
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Sequence
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Final
from xml.sax.saxutils import escape

import attrs
from waitress.channel import ClientDisconnected

from rekognition_xray.local.failures import ServiceError, retry_header
from rekognition_xray.local.faults import Delay, Drop, Page, Refusal
from rekognition_xray.local.http.application import Application
from rekognition_xray.local.http.protocol import CONTENT_TYPE, TARGET, render_error
from rekognition_xray.local.services import s3_operations
from rekognition_xray.local.state import World

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

_S3_STATUS: Final = {
    "AccessDenied": 403,
    "InternalError": 500,
    "NoSuchBucket": 404,
    "NoSuchKey": 404,
    "NoSuchUpload": 404,
    "PreconditionFailed": 412,
    "ServiceUnavailable": 503,
    "SignatureDoesNotMatch": 403,
    "SlowDown": 503,
}
_PAGE: Final = b"<html><head><title>Error</title></head><body><h1>Error</h1></body></html>\n"


@attrs.define(eq=False)
class Term:
    """A world, its application, the number of requests in it, and a folder deleted with it."""

    world: World
    application: Application
    scratch: Path | None
    _requests: int = attrs.field(default=0, init=False)
    _left: threading.Condition = attrs.field(factory=threading.Condition, init=False)

    def enter(self) -> None:
        """A request comes in; the term does not end before it has left."""
        with self._left:
            self._requests += 1

    def leave(self) -> None:
        """A request is answered."""
        with self._left:
            self._requests -= 1
            self._left.notify_all()

    def end(self, seconds: float) -> bool:
        """Drops its jobs, waits for its requests, and frees everything; False after a time-out."""
        deadline = time.monotonic() + seconds
        self.world.jobs.stop()
        self.world.faults.close()
        with self._left:
            empty = self._left.wait_for(lambda: not self._requests, seconds)
        if not empty or not self.world.jobs.join(max(0.0, deadline - time.monotonic())):
            return False
        self.world.close()
        if self.scratch is not None:
            shutil.rmtree(self.scratch, ignore_errors=True)
        return True


class Front:
    """The WSGI application of one server, whatever term it is."""

    def __init__(self, term: Term) -> None:
        self._term = term
        self._changing = threading.Lock()

    @property
    def term(self) -> Term:
        """The present term."""
        return self._term

    def change(self, make: Callable[[Term], Term]) -> Term:
        """Begins a new term and returns the old one; requests wait meanwhile."""
        with self._changing:
            old = self._term
            self._term = make(old)
        return old

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answers one request, or applies a fault instead."""
        with self._changing:
            term = self._term
            term.enter()
        try:
            return _answer(term, environ, start_response)
        finally:
            term.leave()


def _answer(term: Term, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    for effect in term.world.faults.on_request(lambda name: _asks_for(environ, name)):
        match effect:
            case Delay(seconds):
                term.world.faults.pause(seconds)
            case Refusal():
                return _refuse(effect, environ, start_response)
            case Page(status):
                return _reply(environ, status, "text/html", _PAGE, start_response)
            case Drop(when):
                if when == "after":
                    list(term.application(environ, lambda *_: lambda _data: None))
                raise ClientDisconnected  # waitress then closes the connection without a word
    return term.application(environ, start_response)


def _asks_for(environ: WSGIEnvironment, operation: str) -> bool:
    target = environ.get("HTTP_X_AMZ_TARGET")
    if target is not None:
        return bool(target == TARGET + operation)
    return operation in s3_operations(environ)


def _refuse(
    refusal: Refusal, environ: WSGIEnvironment, start_response: StartResponse
) -> Iterable[bytes]:
    headers = retry_header(refusal.retry_after)
    if "HTTP_X_AMZ_TARGET" in environ:
        error = ServiceError(refusal.code, refusal.message)
        request_id = str(uuid.uuid4())
        body = render_error(error, request_id)
        status = refusal.status or error.status
        headers = [("x-amzn-RequestId", request_id), *headers]
        return _reply(environ, status, CONTENT_TYPE, body, start_response, headers=headers)
    status = refusal.status or _S3_STATUS.get(refusal.code, 400)
    text = escape(refusal.message or refusal.code)
    xml = f"<Error><Code>{escape(refusal.code)}</Code><Message>{text}</Message></Error>"
    return _reply(environ, status, "application/xml", xml.encode(), start_response, headers=headers)


def _reply(
    environ: WSGIEnvironment,
    status: int,
    kind: str,
    body: bytes,
    start_response: StartResponse,
    *,
    headers: Sequence[tuple[str, str]] = (),
) -> Iterable[bytes]:
    common = [("Content-Type", kind), ("Content-Length", str(len(body)))]
    start_response(f"{status} {HTTPStatus(status).phrase}", [*common, *headers])
    return [] if environ["REQUEST_METHOD"] == "HEAD" else [body]
