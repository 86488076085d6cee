"""The picture of a diagnosis: the framed image, and below it finding, reason and confidences."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from PIL import Image, ImageDraw

from rekognition_xray.clinic import captions
from rekognition_xray.clinic.captions import GREY, INK, PAPER, VERMILION, colour_of, write
from rekognition_xray.clinic.notices import NOTICE, TYPE_NOTICE
from rekognition_xray.clinic.policy import TYPE_UNCERTAIN
from rekognition_xray.data.gating import Repair, find_repair
from rekognition_xray.data.images import (
    MAX_BYTES,
    MAX_DETECT_BYTES,
    ImageOptions,
    ImageSource,
    PreparedImage,
    decode,
    prepare_image,
)
from rekognition_xray.errors import DataError
from rekognition_xray.labels import BACTERIAL, VIRAL, in_order

if TYPE_CHECKING:
    from rekognition_xray.clinic.captions import Colour
    from rekognition_xray.clinic.diagnosis.diagnosis import Diagnosis

_LEAST: Final = 640  # pixels of the image's longer side in the picture
_MOST: Final = 1200
_NARROWEST: Final = 420
_PAD: Final = 14
_FRAME: Final = 5
_ROW: Final = 26
_SMALL: Final = 13.0
_TRACK: Final = (228, 228, 228)


def draw(
    diagnosis: Diagnosis, image: ImageSource | PreparedImage, *, options: ImageOptions
) -> Image.Image:
    """The image in a frame of the finding's colour, with what was found below; an RGB picture.

    Raises:
        ImageError: the image cannot be used.
        DataError: it is another image than the one that was diagnosed.
    """
    shown = _resize(_grey_of(diagnosis, image, options=options))
    width = max(shown.width + 2 * _FRAME, _NARROWEST)
    lines = _lines(diagnosis, width - 2 * _PAD)
    rows = in_order(diagnosis.confidences)
    below = 44 + 19 * len(lines[0]) + _ROW * len(rows) + 17 * len(lines[1]) + 3 * _PAD
    page = Image.new("RGB", (width, shown.height + 2 * _FRAME + below), PAPER)
    colour = colour_of_finding(diagnosis)
    left = (width - shown.width) // 2
    frame = (left - _FRAME, 0, left + shown.width + _FRAME - 1, shown.height + 2 * _FRAME - 1)
    ImageDraw.Draw(page).rectangle(frame, fill=colour)
    page.paste(shown, (left, _FRAME))
    _write_below(page, diagnosis, lines, shown.height + 2 * _FRAME + _PAD)
    return page


def colour_of_finding(diagnosis: Diagnosis) -> Colour:
    """The colour of what was found; grey where a person must decide."""
    if diagnosis.referred:
        return GREY
    return VERMILION if diagnosis.finding == TYPE_UNCERTAIN else colour_of(diagnosis.finding)


def is_of(
    diagnosis: Diagnosis, image: ImageSource | PreparedImage, *, options: ImageOptions
) -> bool:
    """See ``Diagnosis.is_of``, which documents arguments and errors."""
    if isinstance(image, PreparedImage):
        return image.sha256 == diagnosis.image_sha256
    return _way_it_was_sent(diagnosis, image, options) is not None


def _way_it_was_sent(
    diagnosis: Diagnosis, image: ImageSource, options: ImageOptions
) -> Repair | None:
    """The repair of a gate by which the image became what was sent; None for another image.

    A call carries at most 4 MB, an object in S3 15 MB: larger images were scaled to either.
    """
    sent = diagnosis.image_sha256
    for most in (MAX_DETECT_BYTES, MAX_BYTES):
        if diagnosis.repaired:
            if found := find_repair(image, sent, options=options, max_bytes=most):
                return found
        elif prepare_image(image, options=options, max_bytes=most).sha256 == sent:
            return Repair(inverted=False, turned=0)
    return None


def _grey_of(
    diagnosis: Diagnosis, image: ImageSource | PreparedImage, *, options: ImageOptions
) -> Image.Image:
    """The image's pixels as they were sent; a DataError if it is another image."""
    if isinstance(image, PreparedImage):
        if image.sha256 == diagnosis.image_sha256:
            return decode(image.data).grey
    elif repair := _way_it_was_sent(diagnosis, image, options):
        return repair.apply(decode(image, options=options).grey)
    raise DataError(
        "This is not the image that was diagnosed: its prepared pixels differ.",
        hint="Give draw() the image that diagnose() got.",
    )


def _resize(image: Image.Image) -> Image.Image:
    longest = max(image.size)
    factor = min(max(longest, _LEAST), _MOST) / longest
    size = (max(1, round(image.width * factor)), max(1, round(image.height * factor)))
    return image.resize(size, Image.Resampling.LANCZOS).convert("RGB")


def _lines(diagnosis: Diagnosis, width: int) -> tuple[list[str], list[str]]:
    """The reason above the confidences, and the small print below them."""
    reason = captions.wrapped(diagnosis.reason, width, 15)
    of_type = TYPE_NOTICE if {BACTERIAL, VIRAL} & set(diagnosis.confidences) else ""
    small = [_policy(diagnosis), _version(diagnosis), f"{of_type} {NOTICE}".strip()]
    return reason, [line for text in small for line in captions.wrapped(text, width, _SMALL)]


def _policy(diagnosis: Diagnosis) -> str:
    if diagnosis.policy is None or diagnosis.threshold is None:
        return "Without a policy: the label of highest confidence."
    return f"Policy {diagnosis.policy}: pneumonia from a confidence of {diagnosis.threshold:.3f}."


def _version(diagnosis: Diagnosis) -> str:
    name = diagnosis.version_arn.partition(":project/")[2].rpartition("/")[0]
    return f"Model {name or diagnosis.version_arn}, image {diagnosis.image_sha256[:12]}."


def _write_below(
    page: Image.Image, diagnosis: Diagnosis, lines: tuple[list[str], list[str]], top: int
) -> None:
    width = page.width - 2 * _PAD
    title = captions.shorten(diagnosis.finding, width, 24)
    write(page, (_PAD, top), title, size=24, fill=colour_of_finding(diagnosis))
    top += 36
    for line in lines[0]:
        write(page, (_PAD, top), line, size=15)
        top += 19
    top += 8
    for label in in_order(diagnosis.confidences):
        _bar(page, label, diagnosis.confidences[label], top)
        top += _ROW
    top += 6
    for line in lines[1]:
        write(page, (_PAD, top), line, size=_SMALL, fill=GREY)
        top += 17


def _bar(page: Image.Image, label: str, confidence: float, top: int) -> None:
    """A label, a bar as long as its confidence, and the confidence."""
    name, figure = 150, 60
    write(page, (_PAD, top), captions.shorten(label, name - 8, 15), size=15)
    left, right = _PAD + name, page.width - _PAD - figure
    pen = ImageDraw.Draw(page)
    pen.rectangle((left, top + 3, right, top + 15), fill=_TRACK)
    if (end := left + round((right - left) * confidence)) > left:
        pen.rectangle((left, top + 3, end, top + 15), fill=colour_of(label))
    write(page, (page.width - _PAD, top), f"{confidence:.3f}", size=15, fill=INK, anchor="ra")
