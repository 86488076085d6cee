"""One image: its header, the service's limits, and the one way from a film to what AWS sees."""

from __future__ import annotations

import hashlib
import io
import stat
from pathlib import Path
from typing import Final, Literal

import attrs
from PIL import Image, ImageOps, UnidentifiedImageError

from rekognition_xray.errors import ImageError

MIN_SIDE: Final = 64
"""Smallest side in pixels that the service takes."""
MAX_SIDE: Final = 4096
"""Largest side in pixels that the service takes."""
MAX_ASPECT: Final = 20
"""Largest ratio of the long to the short side that the service takes."""
MAX_BYTES: Final = 15 * 1024 * 1024
"""Largest image file in S3 that the service takes (documented as 15 MB)."""

_FORMATS: Final = {"JPEG": "JPEG", "MPO": "JPEG", "PNG": "PNG"}  # MPO is a JPEG with a second film
_QUALITY: Final = 95
_ORIENTATION: Final = 0x0112
_KINDS: Final = (
    (0, b"GIF8", "GIF"),
    (0, b"BM", "BMP"),
    (0, b"II*\0", "TIFF"),
    (0, b"MM\0*", "TIFF"),
    (8, b"WEBP", "WebP"),
    (0, b"%PDF", "PDF"),
    (0, b"PK\3\4", "a ZIP archive"),
    (128, b"DICM", "DICOM"),
)


@attrs.frozen
class Probe:
    """What the header of an image file says.

    Attributes:
        format: ``JPEG`` or ``PNG``, by content.
        width, height: pixels as stored, before any EXIF orientation.
        mode: Pillow's colour mode, such as ``L`` (grey) or ``RGB``.
        size: bytes of the file.
    """

    format: str
    width: int
    height: int
    mode: str
    size: int


@attrs.frozen
class PreparedImage:
    """A film as it goes to AWS: grey pixels and nothing else.

    Attributes:
        data: the file's bytes.
        extension: ``jpg`` or ``png``.
        sha256: hex digest of ``data``.
        width, height: pixels, upright.
    """

    data: bytes = attrs.field(repr=False)
    extension: Literal["jpg", "png"]
    sha256: str
    width: int
    height: int


@attrs.frozen
class Decoded:
    """A fully decoded film.

    Attributes:
        grey: the upright 8-bit grey picture.
        probe: what the header said.
        turned: whether EXIF asked for another orientation than the stored one.
    """

    grey: Image.Image = attrs.field(repr=False)
    probe: Probe
    turned: bool


def probe(path: Path) -> Probe:
    """Reads an image file's header; no pixel is decoded.

    Raises:
        ImageError: missing, empty, neither PNG nor JPEG, or a broken header.
    """
    name = str(path)
    try:
        size = _size(path)
        with path.open("rb") as stream, _open(stream, size, name, path) as image:
            return _probe(image, size)
    except OSError as error:
        raise _unreadable_file(path, error) from error


def check_limits(probe: Probe) -> str | None:
    """Says which limit of the service an image breaks, or None when it keeps all of them.

    Limits: sides of 64 to 4096 px, aspect at most 20:1, at most 15 MB.
    """
    short, long = sorted((probe.width, probe.height))
    measured = f"{probe.width} x {probe.height} px"
    if short < MIN_SIDE:
        return f"too small: {measured}; each side must have at least {MIN_SIDE} px"
    if long > MAX_SIDE:
        return f"too large: {measured}; each side may have at most {MAX_SIDE} px"
    if long > MAX_ASPECT * short:
        return f"too narrow: {measured}; the long side may be {MAX_ASPECT} times the short one"
    if probe.size > MAX_BYTES:
        return f"too large: {probe.size / 2**20:.1f} MiB; a file may have at most 15 MiB"
    return None


def decode(source: bytes | Path | Image.Image, *, name: str = "") -> Decoded:
    """Decodes a film completely and makes it grey and upright.

    Limits are checked on the header, so that a decompression bomb is refused unopened. 16-bit
    pictures keep their upper 8 bits; transparency is laid over black.

    Args:
        source: bytes of a file, a path, or a Pillow image.
        name: what messages call the film; a path is called by itself.

    Raises:
        ImageError: not a readable PNG or JPEG within the service's limits.
    """
    if isinstance(source, Image.Image):
        return _decode_image(source, size=0, name=name or "the image", path=None)
    path = source if isinstance(source, Path) else None
    name = name or str(path or "the image")
    data = _read(source) if isinstance(source, Path) else source
    with _open(io.BytesIO(data), len(data), name, path) as image:
        return _decode_image(image, size=len(data), name=name, path=path)


def prepare(source: bytes | Path | Image.Image, *, name: str = "") -> PreparedImage:
    """Turns a film into what AWS sees: the one way for training and for detection.

    Grey, EXIF orientation baked in, every kind of metadata gone; a JPEG stays JPEG (quality 95),
    all else becomes PNG. Equal pixels give equal bytes (with the same Pillow). Nothing is scaled.

    Args:
        source: bytes of a PNG or JPEG file, a path, or a Pillow image.
        name: what messages call the film; a path is called by itself.

    Raises:
        ImageError: not a readable PNG or JPEG of 64 to 4096 px a side, aspect at most 20:1 and
            15 MB.
    """
    decoded = decode(source, name=name)
    as_jpeg = decoded.probe.format == "JPEG"
    data = _encode(decoded.grey, as_jpeg=as_jpeg)
    width, height = decoded.grey.size
    path = source if isinstance(source, Path) else None
    made = Probe(decoded.probe.format, width, height, "L", len(data))
    _refuse_over_limits(made, name or str(path or "the image"), path)
    digest = hashlib.sha256(data).hexdigest()
    return PreparedImage(data, "jpg" if as_jpeg else "png", digest, width, height)


def _encode(grey: Image.Image, *, as_jpeg: bool) -> bytes:
    bare = Image.new("L", grey.size)  # a new image: Pillow writes comments and profiles it carries
    bare.paste(grey)
    buffer = io.BytesIO()
    if as_jpeg:
        bare.save(buffer, "JPEG", quality=_QUALITY)
    else:
        bare.save(buffer, "PNG")
    return buffer.getvalue()


def _decode_image(image: Image.Image, *, size: int, name: str, path: Path | None) -> Decoded:
    header = _probe(image, size)
    _refuse_over_limits(header, name, path)
    turned = _orientation(image) != 1
    try:
        image.load()
        grey = _grey(ImageOps.exif_transpose(image) if turned else image)
    except Exception as error:  # a decoder may raise anything on damaged bytes
        raise _broken(name, path, error) from error
    return Decoded(grey, header, turned)


def _grey(image: Image.Image) -> Image.Image:
    if image.mode.startswith(("I", "F")):
        return _grey_of_many_bits(image)
    if image.has_transparency_data:
        opaque = image.convert("RGBA")
        black = Image.new("RGBA", image.size, (0, 0, 0, 255))
        return Image.alpha_composite(black, opaque).convert("L")
    return image.convert("L")


def _grey_of_many_bits(image: Image.Image) -> Image.Image:
    if image.mode == "F":
        return image.convert("L")
    wide = image if image.mode == "I" else image.convert("I")
    return wide.point([value >> 8 for value in range(65536)], "L")


def _orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(_ORIENTATION, 1))
    except Exception:  # noqa: BLE001 - a damaged EXIF block says nothing; the pixels may still be sound
        return 1


def _open(
    stream: io.BufferedReader | io.BytesIO, size: int, name: str, path: Path | None
) -> Image.Image:
    if size == 0:
        raise _error("zero-bytes", "the file is empty", name, path)
    try:
        return Image.open(stream, formats=("JPEG", "PNG"))
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise _error("over-limits", "too large: a decompression bomb", name, path) from error
    except UnidentifiedImageError as error:
        stream.seek(0)
        raise _unidentified(stream.read(512), name, path) from error
    except Exception as error:  # as in decoding
        raise _broken(name, path, error) from error


def _unidentified(start: bytes, name: str, path: Path | None) -> ImageError:
    if start.startswith((b"\xff\xd8", b"\x89PNG")):
        return _broken(name, path, OSError("the header cannot be read"))
    kind = next((kind for at, mark, kind in _KINDS if start[at : at + len(mark)] == mark), None)
    if kind is None:
        is_text = all(byte >= 32 or byte in b"\t\n\r\f" for byte in start)
        kind = "text" if is_text else "unknown"
    return _error("not-an-image", f"neither PNG nor JPEG: the content is {kind}", name, path)


def _probe(image: Image.Image, size: int) -> Probe:
    return Probe(_FORMATS.get(image.format or "", "PNG"), *image.size, image.mode, size)


def _read(path: Path) -> bytes:
    try:
        size = _size(path)
        if size > MAX_BYTES:  # not worth reading
            reason = f"too large: {size / 2**20:.1f} MiB; a file may have at most 15 MiB"
            raise _error("over-limits", reason, str(path), path)
        return path.read_bytes()
    except OSError as error:
        raise _unreadable_file(path, error) from error


def _size(path: Path) -> int:
    found = path.stat()
    if not stat.S_ISREG(found.st_mode):  # a pipe would be read for ever
        raise _error("unreadable", "not a regular file", str(path), path)
    return found.st_size


def _refuse_over_limits(probe: Probe, name: str, path: Path | None) -> None:
    if reason := check_limits(probe):
        raise _error("over-limits", reason, name, path)


def _unreadable_file(path: Path, error: OSError) -> ImageError:
    code = "missing" if isinstance(error, FileNotFoundError) else "unreadable"
    return _error(code, error.strerror or str(error), str(path), path)


def _broken(name: str, path: Path | None, error: Exception) -> ImageError:
    said = str(error) or type(error).__name__
    cut = "truncated" in said or isinstance(error, EOFError)
    reason = "the file is cut off" if cut else f"damaged: {said}"
    return _error("truncated" if cut else "unreadable", reason, name, path)


def _error(code: str, reason: str, name: str, path: Path | None) -> ImageError:
    return ImageError(
        f"{name}: {reason}",
        code=code,
        reason=reason,
        paths=(path,) if path else (),
        hint="Replace the film by a sound PNG or JPEG, or leave it out.",
    )
