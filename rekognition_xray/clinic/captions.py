"""Words and colours on pictures: one font, and colours that colour-blind readers distinguish."""

from __future__ import annotations

from typing import Final

from PIL import Image, ImageDraw, ImageFont

from rekognition_xray.labels import BACTERIAL, NORMAL, PNEUMONIA, VIRAL

Colour = tuple[int, int, int]

PAPER: Final[Colour] = (255, 255, 255)
INK: Final[Colour] = (34, 34, 34)
GREY: Final[Colour] = (110, 110, 110)
BLUE: Final[Colour] = (0, 114, 178)
VERMILION: Final[Colour] = (213, 94, 0)
GREEN: Final[Colour] = (0, 158, 115)
PURPLE: Final[Colour] = (204, 121, 167)

_OF_LABEL: Final[dict[str, Colour]] = {
    NORMAL: GREEN,
    BACTERIAL: VERMILION,
    VIRAL: BLUE,
    PNEUMONIA: VERMILION,
}


def colour_of(label: str) -> Colour:
    """The colour of a label, from Okabe and Ito's palette; the label is always written as well."""
    return _OF_LABEL.get(label, PURPLE)


def write(
    picture: Image.Image,
    at: tuple[float, float],
    text: str,
    *,
    size: float = 15,
    fill: Colour = INK,
    anchor: str = "la",
) -> None:
    """Writes one line on a picture; the anchor is one of Pillow's."""
    ImageDraw.Draw(picture).text(at, text, fill=fill, font=font(size), anchor=anchor)


def font(size: float) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """The font that comes with Pillow."""
    return ImageFont.load_default(size)


def wrapped(text: str, width: float, size: float) -> list[str]:
    """A text in lines that are at most so many pixels wide; a single long word is not cut."""
    lines, line = [], ""
    for word in text.split():
        longer = f"{line} {word}".strip()
        if line and font(size).getlength(longer) > width:
            lines.append(line)
            longer = word
        line = longer
    return [*lines, line] if line else lines


def shorten(text: str, width: float, size: float) -> str:
    """A text that is cut, with an ellipsis, where it is wider than so many pixels."""
    kept = text
    while kept and font(size).getlength(kept) > width:
        kept = kept[:-1]
    return text if kept == text else f"{kept[:-1].rstrip()}..."
