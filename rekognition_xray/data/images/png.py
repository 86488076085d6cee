"""A PNG without what does not change its pixels: comments may be huge, or damaged."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from typing import Final

SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
_PIXELS: Final = frozenset({b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND", b"acTL"})
_IF_SOUND: Final = frozenset({b"eXIf"})  # which way is up


def only_pixels(data: bytes) -> bytes:
    """The file with the chunks alone that its picture needs, as they are; other files as they are.

    Pillow refuses a file for the checksum or the size of any chunk. A damaged chunk of pixels stays
    in, so that it is still found.
    """
    if not data.startswith(SIGNATURE):
        return data
    return SIGNATURE + b"".join(
        chunk
        for kind, chunk in _chunks(data)
        if kind in _PIXELS or kind[:1].isupper() or (kind in _IF_SOUND and _is_sound(chunk))
    )


def has_damaged_pixels(data: bytes) -> bool:
    """Whether a chunk of pixels differs from its checksum, which Pillow does not look at."""
    return data.startswith(SIGNATURE) and any(
        kind == b"IDAT" and not _is_sound(chunk) for kind, chunk in _chunks(data)
    )


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Kind and bytes of each chunk; the last may be cut off."""
    at = len(SIGNATURE)
    while at + 8 <= len(data):
        length, kind = struct.unpack(">I4s", data[at : at + 8])
        yield kind, data[at : at + 12 + length]
        at += 12 + length


def _is_sound(chunk: bytes) -> bool:
    length = int.from_bytes(chunk[:4])
    checksum = int.from_bytes(chunk[-4:])
    return len(chunk) == 12 + length and zlib.crc32(chunk[4:-4]) == checksum
