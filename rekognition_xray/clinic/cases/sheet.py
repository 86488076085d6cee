"""The picture of similar cases: an image, and beside it the known images that look most like it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from PIL import Image, ImageDraw, ImageOps

from rekognition_xray.clinic import captions
from rekognition_xray.clinic.captions import GREY, INK, PAPER, Colour, colour_of, write
from rekognition_xray.clinic.notices import NOTICE
from rekognition_xray.data.images import DEFAULT_OPTIONS, ImageOptions, ImageSource, decode
from rekognition_xray.errors import InvalidRequestError

if TYPE_CHECKING:
    from rekognition_xray.clinic.cases.case_index import Case

_SIDE: Final = 240
_PAD: Final = 14
_HEAD: Final = 40
_CAPTION: Final = 52
_ACROSS: Final = 6
_NOTE: Final = (
    "Similar in how bright each part is: images that look alike need not show the same disease."
)


def cases_sheet(
    image: ImageSource, cases: Sequence[Case], *, options: ImageOptions = DEFAULT_OPTIONS
) -> Image.Image:
    """An image beside its cases, nearest first, six pictures to a row; an RGB picture.

    Captions give label and distance. No patient, path or file name stands on it; but it shows
    images, so treat it as you treat those.

    Args:
        image: the image that was searched for.
        cases: from ``CaseIndex.similar``.
        options: how images are read; the same as for training. See ImageOptions.

    Raises:
        InvalidRequestError: there are no cases.
        ImageError: the image, or one of the cases, cannot be read (any more).
    """
    if not cases:
        raise InvalidRequestError("There are no cases to show.")
    tiles = [_tile(_grey(image, options=options), "this image", "", INK)]
    for place, case in enumerate(cases, 1):
        caption = f"{place}. distance {case.distance:.3f}"
        tiles.append(_tile(_grey(case.path), case.label, caption, colour_of(case.label)))
    heading = f"The {len(cases)} most similar known images: {_counts(cases)}"
    return _page(tiles, heading, _NOTE)


def pictures_sheet(
    images: Sequence[ImageSource],
    captions: Sequence[tuple[str, str, str]],
    heading: str,
    note: str,
    *,
    options: ImageOptions = DEFAULT_OPTIONS,
) -> Image.Image:
    """Images under a heading, six pictures to a row; an RGB picture.

    Args:
        images: what to show.
        captions: title, line below and label of each; the label decides about the colour.
        heading: of the sheet.
        note: below all pictures.
        options: how images are read.
    """
    tiles = [
        _tile(_grey(image, options=options), title, line, colour_of(label))
        for image, (title, line, label) in zip(images, captions, strict=True)
    ]
    return _page(tiles, heading, note)


def _grey(image: ImageSource, *, options: ImageOptions = DEFAULT_OPTIONS) -> Image.Image:
    return decode(image, options=options).grey


def _tile(image: Image.Image, title: str, caption: str, colour: Colour) -> Image.Image:
    """One image in a frame, with a title and a line below."""
    tile = Image.new("RGB", (_SIDE, _SIDE + _CAPTION), PAPER)
    frame = ImageOps.pad(image, (_SIDE - 8, _SIDE - 8), Image.Resampling.LANCZOS, color=0)
    tile.paste(frame.convert("RGB"), (4, 4))
    ImageDraw.Draw(tile).rectangle((0, 0, _SIDE - 1, _SIDE - 1), outline=colour, width=4)
    fitting = captions.shorten(title, _SIDE, 17)
    write(tile, (0, _SIDE + 6), fitting, size=17, fill=colour)
    write(tile, (0, _SIDE + 29), caption, size=13, fill=GREY)
    return tile


def _page(tiles: Sequence[Image.Image], heading: str, note: str) -> Image.Image:
    across = min(len(tiles), _ACROSS)
    down = -(-len(tiles) // _ACROSS)
    width = across * (_SIDE + _PAD) + _PAD
    notes = captions.wrapped(f"{note} {NOTICE}", width - 2 * _PAD, 13)
    height = _HEAD + down * (_SIDE + _CAPTION + _PAD) + 18 * len(notes) + _PAD
    page = Image.new("RGB", (width, height), PAPER)
    write(page, (_PAD, 12), captions.shorten(heading, width - 2 * _PAD, 17), size=17)
    for place, tile in enumerate(tiles):
        row, column = divmod(place, _ACROSS)
        left, top = column * (_SIDE + _PAD) + _PAD, row * (_SIDE + _CAPTION + _PAD) + _HEAD
        page.paste(tile, (left, top))
    for place, line in enumerate(notes):
        write(page, (_PAD, height - _PAD - 18 * (len(notes) - place)), line, size=13, fill=GREY)
    return page


def _counts(cases: Sequence[Case]) -> str:
    labels = [case.label for case in cases]
    return ", ".join(f"{labels.count(label)} {label}" for label in dict.fromkeys(labels))
