"""The file of an image: read with care, recognised by content, refused in one form."""

from __future__ import annotations

import stat
import struct
from pathlib import Path
from typing import Final

from rekognition_xray.data.images.limits import MAX_SOURCE_BYTES
from rekognition_xray.errors import ImageError

_KINDS: Final = (
    (0, b"GIF8", "GIF"),
    (4, b"ftypavif", "AVIF"),
    (4, b"ftypavis", "AVIF"),
    (4, b"ftypheic", "HEIC"),
    (4, b"ftypheix", "HEIC"),
    (4, b"ftypmif1", "HEIC"),
    (0, b"II+\0", "BigTIFF"),
    (0, b"MM\0+", "BigTIFF"),
    (0, b"\x1f\x8b", "gzip"),
    (0, b"BM", "BMP"),
    (0, b"II*\0", "TIFF"),
    (0, b"MM\0*", "TIFF"),
    (8, b"WEBP", "WebP"),
    (0, b"%PDF", "PDF"),
    (0, b"PK\3\4", "a ZIP archive"),
)
_IMAGES: Final = (b"\xff\xd8", b"\x89PNG")
_OTHERS: Final = (b"GIF8", b"II*\0", b"MM\0*", b"\0\0\0\x0cjP  ", b"\xff\x4f\xff\x51")
_NAMED_ONLY: Final = (b"II+\0", b"MM\0+")  # large TIFF, which is not read
_BRANDS: Final = (b"avif", b"avis", b"heic", b"heix", b"hevc", b"mif1", b"msf1")
_GROUPS: Final = (b"\x02\0", b"\x08\0")  # what a DICOM file without preamble begins with
_VRS: Final = frozenset({b"AE", b"CS", b"DA", b"LO", b"LT", b"OB", b"SH", b"TM", b"UI", b"UL"})
HELD_BACK: Final = frozenset({"burned-in", "other-body-part", "lateral-view", "polarity"})
"""Codes of DICOM that could be read, and is not until an option says so."""
_HINTS: Final = {
    "burned-in": "Look at the image; where no name is written in it, allow it by "
    "ImageOptions(allow_burned_in=True).",
    "other-body-part": "Leave it out; if the tag is wrong, ImageOptions(allow_other_views=True).",
    "lateral-view": "Leave it out; if the tag is wrong, ImageOptions(allow_other_views=True).",
    "polarity": "Look at both, and say which is right: ImageOptions(polarity='photometric'), or "
    "'presentation'.",
    "no-window": "Say which values are black and white: ImageOptions(window=(0.0, 1.0)).",
    "not-an-xray": "Leave the file out: only plain X-rays can be used.",
    "no-decoder": "Export the image anew, uncompressed or as JPEG 2000 or JPEG Lossless.",
}


def read_file(path: Path) -> bytes:
    """The whole content of a file.

    Raises:
        ImageError: missing, no regular file, not readable, or over 256 MiB.
    """
    try:
        size = file_size(path)
        if size > MAX_SOURCE_BYTES:  # not worth reading
            most = f"files over {MAX_SOURCE_BYTES // 2**20} MiB are not read"
            raise refusal("over-limits", f"too large: {size / 2**20:.1f} MiB; {most}", path=path)
        return path.read_bytes()
    except OSError as error:
        raise unreadable_file(path, error) from error


def file_size(path: Path) -> int:
    """Bytes of a regular file; OSError and ImageError for what is none."""
    found = path.stat()
    if not stat.S_ISREG(found.st_mode):  # a pipe would be read for ever
        raise refusal("unreadable", "not a regular file", path=path)
    return found.st_size


def is_dicom(start: bytes) -> bool:
    """Whether content begins as DICOM: ``DICM`` at 128, or a first element without a preamble."""
    if start.startswith(_IMAGES):
        return False
    return start[128:132] == b"DICM" or _begins_with_an_element(start)


def _begins_with_an_element(start: bytes) -> bool:
    group, vr = start[:2], start[4:6]
    if group in _GROUPS:
        length = struct.unpack("<I", start[4:8])[0] if len(start) >= 8 else 0
        return vr in _VRS or 0 < length <= 64
    return group[::-1] in _GROUPS and vr in _VRS  # big endian is always explicit


def kind_of(start: bytes) -> str:
    """A word for content that is no image."""
    if is_dicom(start):
        return "DICOM"
    for at, mark, kind in _KINDS:
        if start[at : at + len(mark)] == mark:
            return kind
    return "text" if all(byte >= 32 or byte in b"\t\n\r\f" for byte in start) else "unknown"


def is_image(start: bytes) -> bool:
    """Whether content begins as an image of a format that is read; DICOM is another question."""
    if start.startswith((*_IMAGES, *_OTHERS)):
        return True
    webp = start[:4] == b"RIFF" and start[8:12] == b"WEBP"
    return webp or (start[:2] == b"BM" and start[6:10] == bytes(4))  # reserved, in any BMP


def begins_as_image(start: bytes) -> bool:
    """Whether content begins as an image or DICOM, be it of a format that is read or only named."""
    named = start.startswith(_NAMED_ONLY) or (start[4:8] == b"ftyp" and start[8:12] in _BRANDS)
    return is_dicom(start) or is_image(start) or named


def unreadable_file(path: Path, error: OSError) -> ImageError:
    """The refusal of a file that the system does not give out."""
    code = "missing" if isinstance(error, FileNotFoundError) else "unreadable"
    return refusal(code, error.strerror or str(error), path=path)


def refusal(code: str, reason: str, name: str = "", path: Path | None = None) -> ImageError:
    """The error for one image, which is called by its name, or else by its path."""
    return ImageError(
        f"{name or path or 'the image'}: {reason}",
        code=code,
        reason=reason,
        paths=(path,) if path else (),
        hint=_HINTS.get(code, "Replace the image by a sound one, or leave it out."),
    )
