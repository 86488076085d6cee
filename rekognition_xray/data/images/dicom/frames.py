"""What a packed frame says of itself, read before any decoder gets it.

Decoders believe the frame, not the tags, and the one for JPEG Lossless ends the whole process on
frames that are not well formed: both are settled here.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from itertools import pairwise
from typing import Final

import attrs

from rekognition_xray.data.images.dicom.tags import Fault, contradiction

_START: Final = frozenset({*range(0xC0, 0xD0), 0xF7} - {0xC4, 0xC8, 0xCC})  # start of frame
_BARE: Final = frozenset({0x01, *range(0xD0, 0xD9)})  # markers without a length
_TABLES, _SCAN, _RESTART = 0xC4, 0xDA, 0xDD
_NOT_DATA: Final = re.compile(rb"\xff[^\x00\xd0-\xd7]")
_END: Final = b"\xff\xd9"


@attrs.frozen
class Frame:
    """Size in pixels, number of colours, bits of one and their sign, as a codestream has them."""

    rows: int
    columns: int
    parts: int
    precision: int
    signed: bool = False


def jpeg_frame(data: bytes) -> Frame:
    """Reads the header of a JPEG, JPEG Lossless or JPEG-LS frame."""
    for marker, body, _ in _segments(_finish(data)):
        if marker in _START:
            precision, rows, columns, parts = struct.unpack_from(">BHHB", body)
            return Frame(rows, columns, parts, precision)
    raise _damage("JPEG")


def jpeg_2000_frame(data: bytes) -> Frame:
    """Reads the header of a JPEG 2000 frame."""
    at = _finish(data).find(b"\xff\x4f\xff\x51")  # behind the boxes of a JP2 file, if there are any
    if at < 0:
        raise _damage("JPEG 2000")
    right, below, left, above = struct.unpack_from(">4I", data, at + 8)
    parts, precision = struct.unpack_from(">HB", data, at + 40)
    signed = bool(precision & 0x80)
    return Frame(below - above, right - left, parts, (precision & 0x7F) + 1, signed)


def check_lossless(data: bytes, *, allocated: int) -> None:
    """Makes sure that a JPEG Lossless frame is well formed up to its last byte."""
    precision, tables, sound = 0, set[int](), True
    for marker, body, end in _segments(data):
        if marker == _TABLES:
            tables |= set(_huffman_tables(body))
        elif marker in _START:
            sound &= marker == 0xC3 and not precision and len(body) == 9
            precision = body[0]
            if not 2 <= precision <= 16 or (precision > 8) != (allocated > 8):
                raise contradiction(f"pixels of {precision} bits are packed for {allocated}")
        elif marker == _RESTART:
            sound &= len(body) == 2
        elif marker == _SCAN:
            sound &= len(body) == 6 and body[0] == 1 and body[2] >> 4 in tables
            sound &= 1 <= body[3] <= 7 and body[4] == 0 and body[5] < precision
            rest = _NOT_DATA.search(data, end)
            sound &= rest is not None and not data[rest.start() :].strip(b"\0").strip(b"\xff\xd9")
    if not (sound and precision):
        raise _damage("JPEG Lossless")


def check_run_lengths(data: bytes, *, pixels: int) -> None:
    """Makes sure that each segment of an RLE frame holds a byte of every pixel, and no more."""
    count, *starts = struct.unpack_from("<16L", data)
    bounds = [*starts[:count], len(data)]
    for start, end in pairwise(bounds):
        found = _unrolled_size(data[start:end])
        if found < pixels:
            raise Fault("truncated", f"{found:,} bytes of pixels where {pixels:,} are needed")
        if found > pixels + 2:  # a byte or two may fill up the last word
            raise contradiction(f"{found:,} bytes of pixels where {pixels:,} are needed")


def _unrolled_size(segment: bytes) -> int:
    """Bytes that a run length segment makes, as PackBits counts them (PS3.5 G.3)."""
    at = made = 0
    while at < len(segment):
        head = segment[at]
        at += 2 if head >= 128 else head + 2
        made += 257 - head if head > 128 else (head + 1 if head < 128 else 0)
        at -= head == 128
    return made - max(at - len(segment), 0)


def _huffman_tables(body: bytes) -> Iterator[int]:
    at = 0
    while at < len(body):
        counts = body[at + 1 : at + 17]
        last = at + 17 + sum(counts)
        room = sum(count << (15 - place) for place, count in enumerate(counts))
        wrong = len(counts) < 16 or last > len(body) or room > 2**16 or not sum(counts)
        if wrong or body[at] > 3 or max(body[at + 17 : last]) > 16:
            raise _damage("JPEG Lossless")
        yield body[at]
        at = last


def _segments(data: bytes) -> Iterator[tuple[int, bytes, int]]:
    """Marker, content and end of each segment up to the first scan's."""
    if data[:2] != b"\xff\xd8":
        raise _damage("JPEG")
    at, marker = 2, 0
    while marker != _SCAN:
        if at + 4 > len(data):
            raise Fault("truncated", "the pixels end within their header")
        mark, marker = data[at], data[at + 1]
        if mark != 0xFF:
            raise _damage("JPEG")
        if marker == 0xFF or marker in _BARE:
            at += 1 if marker == 0xFF else 2
            continue
        end = at + 2 + struct.unpack_from(">H", data, at + 2)[0]
        if not at + 4 <= end <= len(data):
            raise Fault("truncated", "the pixels end within their header")
        yield marker, data[at + 4 : end], end
        at = end


def _finish(data: bytes) -> bytes:
    end = data.rfind(_END)
    # Both 0 and 255 serve as padding, and some makers write one byte more, of any value.
    if end < 0 or len(data[end + len(_END) :].rstrip(b"\0\xff")) > 1:
        raise Fault("truncated", "the pixels end before their last one")
    return data


def _damage(what: str) -> Fault:
    return Fault("unreadable", f"damaged: the pixels are not the {what} that they should be")
