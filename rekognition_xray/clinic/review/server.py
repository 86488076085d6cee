"""The review page on loopback: pictures as they are asked for, readings to a file as they come."""

from __future__ import annotations

import json
import logging
import secrets
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Final, TypeAlias

import attrs

from rekognition_xray.clinic.extras import needs_report
from rekognition_xray.clinic.review.page import SHOW_ALL, ImageOf, Picture, jpeg_of, render_review
from rekognition_xray.clinic.review.reading_list import ListedImage, ReadingList, make_reading_list
from rekognition_xray.data.correcting import (
    Reading,
    append_readings,
    parse_reading,
    read_readings,
)
from rekognition_xray.data.images import ImageOptions
from rekognition_xray.errors import (
    ImageError,
    InvalidRequestError,
    MissingExtraError,
    ReadingsError,
)

log = logging.getLogger(__name__)

_NOTHING: Final = "there is nothing here"
_LOOPBACK: Final = "127.0.0.1"
_MOST_BYTES: Final = 65536  # of a reading


@attrs.frozen
class ServedReview:
    """A review page that is being served.

    Attributes:
        url: what to open in a browser on this machine; it holds a secret.
        images: in the order in which they are shown.
        readings: the file that readings are appended to.
    """

    url: str
    images: tuple[ListedImage, ...]
    readings: Path


@contextmanager
def serve_review(
    journal: str | Path,
    readings: str | Path,
    *,
    port: int = 0,
    sources: Iterable[str] | None = None,
    random: int = 20,
    seed: int = 0,
    blind: bool = True,
    image_of: ImageOf | None = None,
    options: ImageOptions = SHOW_ALL,
) -> Iterator[ServedReview]:
    """Serves the review page on this machine while the block runs.

    Each reading is on the disk when the page says that it is saved; a page that is opened again
    goes on. The address holds a secret, so that other users and other pages do not reach the
    images. Pictures are decoded as they are asked for. Several readers may read at once.

    Args:
        journal: of a bulk run.
        readings: the file that readings are appended to; made if there is none.
        port: 0 for a free one.
        sources: lists these images instead of urgent and random ones; see ``review_page``.
        random: how many of the rest are listed beside the urgent ones.
        seed: of what is random.
        blind: the reader answers before the model's finding is shown, in a random order.
        image_of: gives the image of a source; by default the source is a path.
        options: how images are read; see ``review_page``.

    Yields:
        Address and images.

    Raises:
        JournalError: the journal cannot be read.
        ReadingsError: no image to read, sources that the journal does not know, or a file of
            readings that has bad lines, and stays as it is, or cannot be written.
        InvalidRequestError: the port cannot be opened, or ``random`` is below 0.
        MissingExtraError: the extra ``report`` is not installed.
    """
    needs_report("The review page")
    listed = make_reading_list(journal, sources=sources, random=random, seed=seed, blind=blind)
    file = Path(readings)
    if file.exists():
        read_readings(file)
    append_readings(file, [])  # a file that cannot be written is noticed before somebody reads
    server = _open(port, _Site(listed, file, blind=blind, image_of=image_of, options=options))
    thread = threading.Thread(target=server.serve_forever, args=(0.1,), daemon=True)
    thread.start()
    try:
        yield ServedReview(f"{server.origin}/{server.site.secret}/", listed.images, file)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


_Reply: TypeAlias = tuple[HTTPStatus, str, bytes]
"""Status, type and content."""


@attrs.define(eq=False)
class _Site:
    """What is served: the page, its pictures, and a place for readings."""

    listed: ReadingList
    file: Path
    blind: bool = attrs.field(kw_only=True)
    image_of: ImageOf | None = attrs.field(kw_only=True)
    options: ImageOptions = attrs.field(kw_only=True)
    secret: str = attrs.field(factory=lambda: secrets.token_urlsafe(16), init=False)
    _lock: threading.Lock = attrs.field(factory=threading.Lock, init=False)
    _written: tuple[int, int] | None = attrs.field(default=None, init=False)

    def get(self, path: str) -> _Reply:
        """The page, or a picture."""
        secret, _, name = path.removeprefix("/").partition("/")
        if not self._is_secret(secret):
            return _refuse(HTTPStatus.NOT_FOUND, _NOTHING)
        if not name:
            return self._page()
        number = _number(name.removeprefix("image/"), most=len(self.listed.images) - 1)
        if number is None:
            return _refuse(HTTPStatus.NOT_FOUND, _NOTHING)
        try:
            source = self.listed.images[number].answer.source
            data = jpeg_of(source, self.image_of, self.options)
        except (ImageError, MissingExtraError) as error:
            return _refuse(HTTPStatus.NOT_FOUND, error.message)
        return HTTPStatus.OK, "image/jpeg", data

    def save(self, path: str, content: bytes) -> _Reply:
        """Appends a reading that was sent, and answers once it is on the disk."""
        secret, _, name = path.removeprefix("/").partition("/")
        if not self._is_secret(secret) or name != "readings":
            return _refuse(HTTPStatus.NOT_FOUND, _NOTHING)
        try:
            reading = parse_reading(json.loads(content))
        except (ValueError, RecursionError) as error:
            return _refuse(HTTPStatus.BAD_REQUEST, f"this is no reading: {error}")
        if reading.source not in {one.answer.source for one in self.listed.images}:
            return _refuse(HTTPStatus.BAD_REQUEST, "this image is not on the list")
        if reading.label is not None and reading.label not in self.listed.labels:
            known = ", ".join(self.listed.labels)
            return _refuse(HTTPStatus.BAD_REQUEST, f"{reading.label!r} is none of: {known}")
        try:
            with self._lock:
                self._append(reading)
        except ReadingsError as error:
            full = isinstance(error.__cause__, OSError)
            status = HTTPStatus.INSUFFICIENT_STORAGE if full else HTTPStatus.INTERNAL_SERVER_ERROR
            return _refuse(status, error.message)
        return HTTPStatus.OK, "text/plain; charset=utf-8", b"saved"

    def _append(self, reading: Reading) -> None:
        """Appends a reading; a file that others changed is read first: it may have become bad."""
        if self.file.exists() and _state(self.file) != self._written:
            read_readings(self.file)
        append_readings(self.file, [reading])
        self._written = _state(self.file)

    def _page(self) -> _Reply:
        try:
            with self._lock:
                readings = read_readings(self.file)
        except ReadingsError as error:
            return _refuse(HTTPStatus.INTERNAL_SERVER_ERROR, str(error))
        return HTTPStatus.OK, "text/html; charset=utf-8", self._render(readings).encode()

    def _render(self, readings: Iterable[Reading]) -> str:
        sources = {one.answer.source for one in self.listed.images}
        return render_review(
            self.listed,
            [Picture(f"image/{number}") for number in range(len(self.listed.images))],
            blind=self.blind,
            save_to="readings",
            readings=[one for one in readings if one.source in sources],
        )

    def _is_secret(self, text: str) -> bool:
        return secrets.compare_digest(text.encode(), self.secret.encode())


def _open(port: int, site: _Site) -> _Server:
    try:
        return _Server(port, site)
    except (OSError, OverflowError) as error:
        raise InvalidRequestError(
            f"Port {port} cannot be opened: {error}.", hint="Name another port; 0 is a free one."
        ) from error


def _refuse(status: HTTPStatus, why: str) -> _Reply:
    # A path may hold bytes that are no UTF-8.
    return status, "text/plain; charset=utf-8", why.encode(errors="backslashreplace")


def _state(file: Path) -> tuple[int, int]:
    """Size and time of change: another program's writing changes them."""
    found = file.stat()
    return found.st_size, found.st_mtime_ns


def _number(text: str, *, most: int) -> int | None:
    """The whole number from 0 to the most that is allowed; else None."""
    if not (text.isascii() and text.isdigit()) or len(text) > len(str(most)):
        return None
    return int(text) if int(text) <= most else None


def _guarded(reply: Callable[[], _Reply]) -> _Reply:
    """The reply, or that it failed: ``image_of`` is not ours, and may raise anything."""
    try:
        return reply()
    except Exception as error:
        log.warning("a request failed", exc_info=True)
        return _refuse(HTTPStatus.INTERNAL_SERVER_ERROR, f"this failed: {type(error).__name__}")


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, port: int, site: _Site) -> None:
        super().__init__((_LOOPBACK, port), _Handler)
        self.site = site

    @property
    def origin(self) -> str:
        return f"http://{_LOOPBACK}:{self.server_address[1]}"

    def handle_error(self, request: object, client_address: object) -> None:  # noqa: ARG002 - the base's
        """Browsers break connections off; what else fails is logged."""
        level = logging.DEBUG if isinstance(sys.exception(), OSError) else logging.WARNING
        log.log(level, "a request failed", exc_info=True)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 30
    server: _Server

    def do_GET(self) -> None:
        if self._is_ours():
            self._answer(*_guarded(lambda: self.server.site.get(self.path)))

    def do_POST(self) -> None:
        length = _number(self.headers.get("Content-Length", ""), most=_MOST_BYTES)
        if length is None:
            self.close_connection = True
            self._answer(*_refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "this is no reading"))
            return
        content = self.rfile.read(length)
        if self._is_ours():
            self._answer(*_guarded(lambda: self.server.site.save(self.path, content)))

    def _is_ours(self) -> bool:
        """Whether the request is to us by address, and of no other page (DNS rebinding, CSRF)."""
        ours = self.server.origin
        sent = (f"http://{self.headers.get('Host')}", self.headers.get("Origin", ours))
        if sent == (ours, ours):
            return True
        self._answer(*_refuse(HTTPStatus.FORBIDDEN, "open the page by the address that was shown"))
        return False

    def _answer(self, status: HTTPStatus, kind: str, content: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("Referrer-Policy", "no-referrer")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002, ARG002 - the base's
        log.debug("%s", args[1:])  # never the path, which holds the secret
