"""The picture of an explanation: heat over the image, a legend, and what it does not show."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from PIL import Image, ImageDraw

from rekognition_xray.clinic import captions
from rekognition_xray.clinic.captions import BLUE, GREY, PAPER, VERMILION, write
from rekognition_xray.clinic.explanation.occlusion import Floats, shares
from rekognition_xray.clinic.notices import NOTICE, TYPE_NOTICE
from rekognition_xray.labels import BACTERIAL, VIRAL

if TYPE_CHECKING:
    from rekognition_xray.clinic.explanation.explanation import Explanation

LIMITS: Final = (
    "What the model's answer depends on, cell by cell; not where disease is. Cells that matter "
    "only together, or whose cover looks like disease, mislead."
)
_LEAST_SCALE: Final = 0.05
"""Drops under 5 points are never shown in full colour: they hardly count."""
_STRONGEST: Final = 0.62  # opacity of the greatest drop: the image must stay readable under it
_SIDE: Final = 640  # of the image's longer side in the picture, at least
_MOST: Final = 1200
_PAD: Final = 14
_SMALL: Final = 13.0


def draw(explanation: Explanation, image: Image.Image) -> Image.Image:
    """The image with heat over it, and a legend below."""
    grey = _resize(image)
    heated = _tint(explanation.drops, grey)
    _mark_unknown(heated, explanation.drops)
    lines = captions.wrapped(notice(explanation.label), heated.width - 2 * _PAD, _SMALL)
    height = heated.height + 108 + 18 * len(lines)
    page = Image.new("RGB", (heated.width, height), PAPER)
    page.paste(heated)
    _legend(page, explanation, heated.height + _PAD)
    for place, line in enumerate(lines):
        write(page, (_PAD, heated.height + 102 + 18 * place), line, size=_SMALL, fill=GREY)
    return page


def notice(label: str) -> str:
    """The limits of the map, and the notices for its label."""
    of_type = f" {TYPE_NOTICE}" if label in {BACTERIAL, VIRAL} else ""
    return f"{LIMITS}{of_type} {NOTICE}"


def scale_of(drops: Floats) -> float:
    """The drop that is shown in full colour: the greatest, either way, and at least 0.05."""
    known = np.abs(drops[np.isfinite(drops)])
    return max(float(known.max(initial=0.0)), _LEAST_SCALE)


def _resize(image: Image.Image) -> Image.Image:
    long = max(image.size)
    factor = min(max(long, _SIDE), _MOST) / long
    size = (max(round(image.width * factor), 360), round(image.height * factor))
    return image.convert("L").resize(size, Image.Resampling.LANCZOS)


def _tint(drops: Floats, grey: Image.Image) -> Image.Image:
    """Vermilion where covering lowered the confidence, blue where it raised it."""
    rows, columns = drops.shape
    level = np.nan_to_num(drops / scale_of(drops))
    field = shares(rows, grey.height).T @ level @ shares(columns, grey.width)
    image = np.asarray(grey, dtype=np.float64)[..., None]
    hue = np.where(field[..., None] > 0, np.array(VERMILION), np.array(BLUE))
    opacity = _STRONGEST * np.abs(field[..., None])
    # The colour is laid over at the image's own brightness, half and half, so that bone stays bone.
    shade = hue * (0.6 + 0.4 * image / 255)
    mixed = image * (1 - opacity) + shade * opacity
    return Image.fromarray(np.rint(mixed).clip(0, 255).astype(np.uint8), "RGB")


def _mark_unknown(picture: Image.Image, drops: Floats) -> None:
    """Crosses out cells whose call failed."""
    pen = ImageDraw.Draw(picture)
    high, wide = (picture.height / drops.shape[0], picture.width / drops.shape[1])
    for row, column in np.argwhere(~np.isfinite(drops)):
        left, top = column * wide + 3, row * high + 3
        right, bottom = left + wide - 7, top + high - 7
        pen.rectangle((left, top, right, bottom), outline=PAPER)
        pen.line((left, top, right, bottom), fill=PAPER)
        pen.line((left, bottom, right, top), fill=PAPER)


def _legend(page: Image.Image, explanation: Explanation, top: int) -> None:
    scale = scale_of(explanation.drops)
    title = f"{explanation.label}: confidence {explanation.base:.3f} of the whole image"
    write(page, (_PAD, top), title, size=17)
    bar = _bar(page.width - 2 * _PAD)
    page.paste(bar, (_PAD, top + 28))
    words = (
        (_PAD, "la", f"covering raises it by {scale:.3f}"),
        (page.width / 2, "ma", "no change"),
        (page.width - _PAD, "ra", f"covering lowers it by {scale:.3f}"),
    )
    for at, anchor, text in words:
        write(page, (at, top + 48), text, size=_SMALL, anchor=anchor)
    write(page, (_PAD, top + 66), _remark(explanation.drops), size=_SMALL)


def _remark(drops: Floats) -> str:
    """A remark on cells without an answer, or on a map that shows almost nothing."""
    if missing := int(np.sum(~np.isfinite(drops))):
        return f"{missing} of {drops.size} cells are crossed out: no answer came"
    greatest = float(np.abs(drops).max())
    if greatest < _LEAST_SCALE:
        return f"No single cell changes it by more than {greatest:.3f}."
    return ""


def _bar(width: int) -> Image.Image:
    level = np.linspace(-1, 1, width)[:, None]
    hue = np.where(level > 0, np.array(VERMILION), np.array(BLUE))
    colours = 255 * (1 - np.abs(level)) + hue * np.abs(level)
    line = np.rint(colours).astype(np.uint8)
    return Image.fromarray(np.repeat(line[None], 16, axis=0), "RGB")
