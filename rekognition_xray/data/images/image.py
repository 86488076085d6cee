"""One image: its header, and the one way from an image to what AWS sees."""

from __future__ import annotations

import hashlib
import io
import os
from pathlib import Path
from typing import Final, Literal

import attrs
from PIL import Image, ImageOps, UnidentifiedImageError

from rekognition_xray.data.image_options import DEFAULT_OPTIONS, ImageOptions
from rekognition_xray.data.images.facts import ImageFacts
from rekognition_xray.data.images.file import (
    file_size,
    is_dicom,
    is_image,
    kind_of,
    read_file,
    refusal,
    unreadable_file,
)
from rekognition_xray.data.images.fitting import fit, within_sides
from rekognition_xray.data.images.gate import Admission, Gate
from rekognition_xray.data.images.grey import NoWindowError, make_grey
from rekognition_xray.data.images.limits import (
    MAX_BYTES,
    MAX_DETECT_BYTES,
    Probe,
    beyond_help,
    check_image_size,
)
from rekognition_xray.data.images.png import SIGNATURE, has_damaged_pixels, only_pixels
from rekognition_xray.data.images.source import ImageSource
from rekognition_xray.errors import ImageError, RefusedByGateError

__all__ = [
    "MAX_BYTES",
    "MAX_DETECT_BYTES",
    "Decoded",
    "PreparedImage",
    "Probe",
    "check_image_size",
    "decode",
    "prepare_image",
    "probe",
]

_FORMATS: Final = {
    "JPEG": "JPEG",
    "MPO": "JPEG",  # a JPEG with a second image, which nobody asks for
    "PNG": "PNG",
    "TIFF": "TIFF",
    "BMP": "BMP",
    "WEBP": "WebP",
    "GIF": "GIF",
    "JPEG2000": "JPEG 2000",
}
"""What is read, by Pillow's name, and what it is called here."""
_OPENED: Final = tuple(set(_FORMATS) - {"MPO"})  # which Pillow makes of a JPEG itself
_ORIENTATION: Final = 0x0112
_PHOTOMETRIC: Final = 262


@attrs.frozen
class PreparedImage:
    """An image as it goes to AWS: grey pixels and nothing else.

    Attributes:
        data: the file's bytes.
        extension: ``jpg`` or ``png``.
        sha256: hex digest of ``data``.
        width, height: pixels, upright.
        steps: what was done, such as ``decoded JPEG``, ``turned by EXIF``, ``made grey``,
            ``scaled 5000 x 4000 -> 4096 x 3277``, ``encoded JPEG 95``; never a name or a date.
        gate_score: how unlike the training images a gate found it; None without a gate.
        repairs: those of the steps by which a gate repaired it.
    """

    data: bytes = attrs.field(repr=False)
    extension: Literal["jpg", "png"]
    sha256: str
    width: int
    height: int
    steps: tuple[str, ...] = ()
    gate_score: float | None = None
    repairs: tuple[str, ...] = ()


@attrs.frozen
class Decoded:
    """A fully decoded image.

    Attributes:
        grey: the upright 8-bit grey picture.
        probe: what the header contains.
        turned: whether EXIF asked for another orientation than the stored one.
        steps: what was done; see PreparedImage.
        facts: what the file says of the image; only DICOM says anything.
    """

    grey: Image.Image = attrs.field(repr=False)
    probe: Probe
    turned: bool
    steps: tuple[str, ...] = ()
    facts: ImageFacts = attrs.field(factory=ImageFacts)


def probe(path: Path) -> Probe:
    """Reads the header of an image file; no pixel is decoded.

    Raises:
        ImageError: missing, empty, of no format that is read, animated or of several pages, or a
            broken header.
    """
    name = str(path)
    try:
        size = file_size(path)
        with path.open("rb") as stream, _open(stream, size, name, path) as image:
            return _probe(image, size)
    except OSError as error:
        raise unreadable_file(path, error) from error


def decode(
    source: ImageSource, *, name: str = "", options: ImageOptions = DEFAULT_OPTIONS
) -> Decoded:
    """Decodes an image completely and makes it grey and upright, at most 4096 px a side.

    The size is checked on the header, so that a decompression bomb is refused unopened.
    Transparency is laid over black; of more than 8 bits the upper 8 that the image uses are kept.
    DICOM goes through its own chain, see ``dicom.read_image``.

    Args:
        source: bytes of a file, a path, or a Pillow image.
        name: what messages call the image; a path is called by itself.
        options: what to take and how to read it; see ImageOptions.

    Raises:
        ImageError: no readable image (see ``ImageSource``), a side under 64 px, an aspect over
            20:1, over 67 million pixels, or a file over 256 MiB.
        MissingExtraError: it is DICOM, and the extra ``dicom`` is not installed.
    """
    image = _upright(source, name, options)
    grey, scaled = within_sides(image.grey)
    return attrs.evolve(image, grey=grey, steps=image.steps + scaled)


def prepare_image(
    source: ImageSource,
    *,
    name: str = "",
    options: ImageOptions = DEFAULT_OPTIONS,
    max_bytes: int = MAX_BYTES,
    gate: Gate | None = None,
) -> PreparedImage:
    """Turns an image into what AWS sees: the one way for training and for detection.

    Grey, EXIF orientation baked in, every kind of metadata gone; a JPEG stays JPEG (quality 95),
    all else becomes PNG. Equal pixels give equal bytes (with the same Pillow). An image over 4096
    px a side, or a result over ``max_bytes``, is scaled down, which the steps record.

    Args:
        source: bytes of a file, a path, or a Pillow image; see ``ImageSource``.
        name: what messages call the image; a path is called by itself.
        options: what to take and how to read it; see ImageOptions.
        max_bytes: most bytes of the result: 15 MiB for images in S3, MAX_DETECT_BYTES for those
            that go to DetectCustomLabels as bytes. Within both, the results are the same.
        gate: asked once the image is upright and grey, such as an ``ImageGate``.

    Raises:
        RefusedByGateError: the gate refuses the image.
        ImageError: as ``decode``, or the image does not fit into ``max_bytes``.
        MissingExtraError: it is DICOM, and the extra ``dicom`` is not installed.
    """
    image = _upright(source, name, options)
    as_jpeg = image.probe.format == "JPEG"
    admission = Admission(image.grey, None) if gate is None else gate.admit(image.grey)
    fitted = fit(admission.grey, as_jpeg=as_jpeg, max_bytes=max_bytes)
    if fitted is None:
        reason = f"does not fit into {max_bytes / 2**20:.1f} MiB in any size the service takes"
        raise refusal("over-limits", reason, name, _path(source))
    digest = hashlib.sha256(fitted.data).hexdigest()
    if admission.refusal:
        raise _refused_by_gate(admission, digest, name, _path(source))
    extension: Literal["jpg", "png"] = "jpg" if as_jpeg else "png"
    steps = image.steps + admission.steps + fitted.steps
    return PreparedImage(
        fitted.data,
        extension,
        digest,
        *fitted.size,
        steps,
        gate_score=admission.score,
        repairs=admission.steps,
    )


def _refused_by_gate(
    admission: Admission, sha256: str, name: str, path: Path | None
) -> RefusedByGateError:
    return RefusedByGateError(
        f"{name or path or 'the image'}: {admission.held_back}",
        reason=admission.held_back,
        score=admission.score,
        sha256=sha256,
        paths=(path,) if path else (),
    )


def _upright(source: ImageSource, name: str, options: ImageOptions) -> Decoded:
    """The whole image, grey and upright, not yet scaled."""
    path = _path(source)
    name = name or str(path or "the image")
    if isinstance(source, Image.Image):
        return _decode_image(source, 0, name, None, options)
    data = read_file(Path(source)) if isinstance(source, str | os.PathLike) else source
    if is_dicom(data[:132]):
        return _decode_dicom(data, name, path, options)
    with _open(io.BytesIO(only_pixels(data)), len(data), name, path) as image:
        found = _decode_image(image, len(data), name, path, options)
    if has_damaged_pixels(data):
        raise _broken(name, path, OSError("its pixels differ from their checksum"))
    return found


def _decode_dicom(data: bytes, name: str, path: Path | None, options: ImageOptions) -> Decoded:
    from rekognition_xray.data.images.dicom import decode_image  # noqa: PLC0415 - needs the extra

    image = decode_image(data, name=name, path=path, options=options)
    mode = "L" if image.bits_stored <= 8 else "I;16"
    header = Probe("DICOM", *image.grey.size, mode, len(data))
    return Decoded(image.grey, header, turned=False, steps=image.steps, facts=image.facts)


def _decode_image(
    image: Image.Image, size: int, name: str, path: Path | None, options: ImageOptions
) -> Decoded:
    header = _probe(image, size)
    if reason := beyond_help(header):
        raise refusal("over-limits", reason, name, path)
    turned = _orientation(image) != 1
    opened = f"decoded {header.format}" if image.format else "taken from memory"
    try:
        image.load()
        grey, made = make_grey(ImageOps.exif_transpose(image) if turned else image, options)
    except NoWindowError as error:
        raise refusal("no-window", str(error), name, path) from None
    except Exception as error:  # a decoder may raise anything on damaged bytes
        raise _broken(name, path, error) from error
    if _is_white_for_zero(image):
        grey, made = ImageOps.invert(grey), (*made, "inverted: 0 was white")
    steps = (opened, *(("turned by EXIF",) if turned else ()), *made)
    return Decoded(grey, header, turned, steps)


def _is_white_for_zero(image: Image.Image) -> bool:
    """Whether 0 means white and Pillow has left it so: it turns TIFF of 8 bits, and no other."""
    tags = getattr(image, "tag_v2", {})
    return image.mode.startswith(("I", "F")) and tags.get(_PHOTOMETRIC) == 0


def _orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(_ORIENTATION, 1))
    except Exception:  # noqa: BLE001 - a damaged EXIF block says nothing; the pixels may still be sound
        return 1


def _open(
    stream: io.BufferedReader | io.BytesIO, size: int, name: str, path: Path | None
) -> Image.Image:
    if size == 0:
        raise refusal("zero-bytes", "the file is empty", name, path)
    try:
        return _single(_open_once(stream), name, path)
    except ImageError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise refusal("over-limits", "too large: a decompression bomb", name, path) from error
    except UnidentifiedImageError as error:
        stream.seek(0)
        raise _unidentified_error(stream.read(512), name, path) from error
    except Exception as error:  # as in decoding
        raise _broken(name, path, error) from error


def _open_once(stream: io.BufferedReader | io.BytesIO) -> Image.Image:
    """Opens an image; a PNG whose comments cannot be read, again without them."""
    try:
        return Image.open(stream, formats=_OPENED)
    except (ValueError, SyntaxError, UnidentifiedImageError):
        stream.seek(0)
        if stream.read(len(SIGNATURE)) != SIGNATURE:
            raise
        stream.seek(0)
        return Image.open(io.BytesIO(only_pixels(stream.read())), formats=_OPENED)


def _single(image: Image.Image, name: str, path: Path | None) -> Image.Image:
    """The image; raises ImageError for one of several pictures, of which nobody knows the right."""
    count = 1 if image.format == "MPO" else getattr(image, "n_frames", 1)
    if count > 1:
        kind = _FORMATS.get(image.format or "", "an image")
        reason = f"{kind} of {count} pictures: it is animated, or has several pages"
        raise refusal("many-pictures", reason, name, path)
    return image


def _unidentified_error(start: bytes, name: str, path: Path | None) -> ImageError:
    if is_image(start):
        return _broken(name, path, OSError("the header cannot be read"))
    reason = f"no image of a format that is read: the content is {kind_of(start)}"
    return refusal("not-an-image", reason, name, path)


def _probe(image: Image.Image, size: int) -> Probe:
    return Probe(_FORMATS.get(image.format or "", "PNG"), *image.size, image.mode, size)


def _broken(name: str, path: Path | None, error: Exception) -> ImageError:
    message = str(error) or type(error).__name__
    cut = "truncated" in message or isinstance(error, EOFError)
    reason = "the file is cut off" if cut else f"damaged: {message}"
    return refusal("truncated" if cut else "unreadable", reason, name, path)


def _path(source: ImageSource) -> Path | None:
    return Path(source) if isinstance(source, str | os.PathLike) else None
