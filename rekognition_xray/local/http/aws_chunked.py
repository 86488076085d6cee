"""Bodies in Amazon's own chunks (``aws-chunked``), with checksums behind the last one."""

from __future__ import annotations

import tempfile
from typing import IO, Final

_LINE: Final = 16 << 10
_BLOCK: Final = 1 << 20
_IN_MEMORY: Final = 4 << 20


class ChunksBroken(ValueError):  # noqa: N818 (says what the chunks are)
    """A body that is not what its chunks say."""


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
