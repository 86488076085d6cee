"""The body of an S3 request: taken out of its ``aws-chunked`` form, compared with checksums."""

from __future__ import annotations

import base64
import binascii
import hashlib
import importlib
import logging
import tempfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import IO, TYPE_CHECKING, Final, Protocol

import attrs

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

logger = logging.getLogger(__name__)

_BLOCK: Final = 1 << 20
_PREFIX: Final = "HTTP_X_AMZ_CHECKSUM_"
_SETTINGS: Final = frozenset({"ALGORITHM", "MODE", "TYPE"})
_LENGTHS: Final = {"crc32": 4, "crc32c": 4, "crc64nvme": 8, "sha1": 20, "sha256": 32, "md5": 16}
_STREAMING: Final = "STREAMING-"
_LINE: Final = 16 << 10
_IN_MEMORY: Final = 4 << 20


class BodyRefused(Exception):  # noqa: N818 (an answer of the service)
    """A body that does not match its headers; `code` is the one of S3."""

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        super().__init__(message)


class _Hash(Protocol):
    def update(self, data: bytes, /) -> None: ...
    def digest(self) -> bytes: ...


@attrs.define
class _Cyclic:
    """A cyclic redundancy check in the shape of hashlib's hashes."""

    step: Callable[[bytes, int], int]
    size: int
    value: int = 0

    def update(self, data: bytes, /) -> None:
        self.value = self.step(data, self.value)

    def digest(self) -> bytes:
        return self.value.to_bytes(self.size, "big")


@contextmanager
def checked_body(environ: WSGIEnvironment) -> Iterator[None]:
    """Compares the body with every checksum that came with it, and takes it out of its chunks.

    Known are Content-MD5, X-Amz-Content-SHA256, and x-amz-checksum- with sha256, sha1 and crc32;
    crc32c and crc64nvme where the package awscrt is installed, else they are not checked.

    Raises:
        BodyRefused: they differ (BadDigest), or one is malformed.
    """
    given = environ["wsgi.input"]
    try:
        _open(environ)
        _check(environ)
        yield
    finally:
        if environ["wsgi.input"] is not given:
            environ["wsgi.input"].close()


def _check(environ: WSGIEnvironment) -> None:
    wanted = dict(_expected_checksums(environ))
    hashes = {name: made for name in wanted if (made := _hash(name)) is not None}
    if not hashes:
        return
    body = environ["wsgi.input"]
    for block in _blocks(body, int(environ.get("CONTENT_LENGTH") or 0)):
        for one in hashes.values():
            one.update(block)
    body.seek(0)
    for name, one in hashes.items():
        if one.digest() != wanted[name]:
            raise _bad_digest(name)


def _open(environ: WSGIEnvironment) -> None:
    """Takes the body out of its chunks, where it is in some; trailers become headers."""
    if not environ.get("HTTP_X_AMZ_CONTENT_SHA256", "").startswith(_STREAMING):
        return
    announced = environ.pop("HTTP_X_AMZ_DECODED_CONTENT_LENGTH", None)
    try:
        length = None if announced is None else int(announced)
        body, trailers = unchunk(environ["wsgi.input"], length)
    except ValueError as error:
        text = str(error) if isinstance(error, ChunksBroken) else "the length is not a number"
        raise BodyRefused("IncompleteBody", f"The body is not what it says: {text}.") from error
    body.seek(0, 2)
    environ["CONTENT_LENGTH"] = str(body.tell())
    body.seek(0)
    environ["wsgi.input"] = body
    environ["HTTP_X_AMZ_CONTENT_SHA256"] = "UNSIGNED-PAYLOAD"
    codings = [one.strip() for one in environ.pop("HTTP_CONTENT_ENCODING", "").split(",")]
    if others := [one for one in codings if one and one != "aws-chunked"]:
        environ["HTTP_CONTENT_ENCODING"] = ",".join(others)
    environ.pop("HTTP_X_AMZ_TRAILER", None)
    for name, value in trailers.items():  # as if it had come before the body
        if name.startswith("x-amz-checksum-"):
            environ[f"HTTP_{name.upper().replace('-', '_')}"] = value


def _expected_checksums(environ: WSGIEnvironment) -> Iterator[tuple[str, bytes]]:
    if declared := environ.get("HTTP_CONTENT_MD5"):
        yield "md5", _decode("md5", declared)
    declared = environ.get("HTTP_X_AMZ_CONTENT_SHA256", "")
    if len(declared) == 64:
        yield "payload", _hexadecimal(declared)
    if environ["REQUEST_METHOD"] == "POST" and "uploadId=" in environ.get("QUERY_STRING", ""):
        return  # the end of a multipart upload: these speak of the object, not of the request
    for key, value in environ.items():
        name = key.removeprefix(_PREFIX)
        if key.startswith(_PREFIX) and name not in _SETTINGS:
            yield name.lower(), _decode(name.lower(), value)


def _decode(name: str, text: str) -> bytes:
    try:
        digest = base64.b64decode(text, validate=True)
    except binascii.Error:
        digest = b""
    if len(digest) != _LENGTHS.get(name, -1):
        if name == "md5":
            raise BodyRefused("InvalidDigest", "The Content-MD5 you specified was invalid.")
        raise BodyRefused("InvalidRequest", f"Value for x-amz-checksum-{name} header is invalid.")
    return digest


def _hexadecimal(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError as error:
        raise BodyRefused("InvalidRequest", "x-amz-content-sha256 is no digest.") from error


def _bad_digest(name: str) -> BodyRefused:
    if name == "payload":
        return BodyRefused(
            "XAmzContentSHA256Mismatch",
            "The provided 'x-amz-content-sha256' header does not match what was computed.",
        )
    if name == "md5":
        return BodyRefused(
            "BadDigest", "The Content-MD5 you specified did not match what we received."
        )
    return BodyRefused(
        "BadDigest", f"The {name.upper()} you specified did not match the calculated checksum."
    )


def _hash(name: str) -> _Hash | None:
    if name == "crc32":
        return _Cyclic(zlib.crc32, 4)
    if name in {"crc32c", "crc64nvme"}:
        step = _from_awscrt(name)
        return None if step is None else _Cyclic(step, _LENGTHS[name])
    return hashlib.new("sha256" if name == "payload" else name, usedforsecurity=False)


@cache
def _from_awscrt(name: str) -> Callable[[bytes, int], int] | None:
    try:
        step: Callable[[bytes, int], int] = getattr(
            importlib.import_module("awscrt.checksums"), name
        )
    except (ImportError, AttributeError):
        logger.warning("checksums of kind %s are believed: awscrt is not installed", name)
        return None
    return step


def _blocks(body: IO[bytes], length: int) -> Iterable[bytes]:
    while length and (block := body.read(min(length, _BLOCK))):
        length -= len(block)
        yield block


class ChunksBroken(ValueError):  # noqa: N818 (says what the chunks are)
    """A body that does not match the sizes of its chunks."""


def unchunk(body: IO[bytes], length: int | None) -> tuple[IO[bytes], dict[str, str]]:
    """The content, rewound, and the trailers by name in lower case.

    Signatures of chunks are not judged. Raises `ChunksBroken`, also where `length` is given and
    the content has another one.
    """
    content: IO[bytes] = tempfile.SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115 (handed on)
    try:
        while size := _size(body):
            _copy(body, content, size)
        trailers = _trailers(body)
        _check_length(content, length)
    except BaseException:
        content.close()
        raise
    content.seek(0)
    return content, trailers


def _size(body: IO[bytes]) -> int:
    number = body.readline(_LINE).partition(b";")[0].strip()
    try:
        size = int(number, 16)
    except ValueError as error:
        raise ChunksBroken("the size of a chunk is missing") from error
    if size < 0:
        raise ChunksBroken("the size of a chunk is negative")
    return size


def _copy(body: IO[bytes], content: IO[bytes], size: int) -> None:
    while size:
        data = body.read(min(size, _BLOCK))
        if not data:
            raise ChunksBroken("the body ends within a chunk")
        content.write(data)
        size -= len(data)
    if body.read(2) != b"\r\n":
        raise ChunksBroken("a chunk does not end where it says")


def _check_length(content: IO[bytes], length: int | None) -> None:
    if length is not None and content.tell() != length:
        raise ChunksBroken(f"{content.tell()} bytes came, {length} were announced")


def _trailers(body: IO[bytes]) -> dict[str, str]:
    trailers: dict[str, str] = {}
    while (line := body.readline(_LINE).decode("latin-1").strip()) and len(trailers) < 16:
        name, _, value = line.partition(":")
        trailers[name.strip().lower()] = value.strip()
    return trailers
