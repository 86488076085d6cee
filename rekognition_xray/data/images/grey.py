"""From any colour mode of Pillow's to 8-bit grey."""

from __future__ import annotations

import array
import math
from typing import Final

from PIL import Image, ImageCms

from rekognition_xray.data.image_options import ImageOptions

_DEPTHS: Final = (8, 10, 12, 14, 16)
_BYTE: Final = range(256)
_DIRECT: Final = frozenset({"1", "L", "P", "RGB", "CMYK", "YCbCr"})


def make_grey(image: Image.Image, options: ImageOptions) -> tuple[Image.Image, tuple[str, ...]]:
    """An 8-bit grey picture and the steps that led there.

    Colours are weighed as ITU-R BT.601 does; transparency is laid over black. For more than 8
    bits see ``_eight_of_many``.

    Raises:
        NoWindowError: floating-point pixels, and no window for them.
        ValueError: pixels that are no numbers, or integers beyond 16 bits.
    """
    if image.mode == "F":
        return _through_window(image, options)
    if image.mode.startswith("I"):
        return _eight_of_many(image, stretch=options.stretch)
    grey, steps = _eight_bits(image)
    if not options.stretch:
        return grey, steps
    least, most = (int(value) for value in grey.getextrema())  # type: ignore[arg-type]
    stretched = _spread(grey, least, most)
    return stretched, (*steps, *_stretching_step(least, most))


def _eight_bits(image: Image.Image) -> tuple[Image.Image, tuple[str, ...]]:
    if image.has_transparency_data:
        return _over_black(image), ("transparency laid over black", "made grey")
    if image.mode == "L":
        return image, ()
    if image.mode == "LAB":
        return _from_lab(image), ("made grey",)
    plain = image if image.mode in _DIRECT else image.convert("RGB")
    return plain.convert("L"), ("made grey",)


def _over_black(image: Image.Image) -> Image.Image:
    straight = {"La": "LA", "RGBa": "RGBA"}.get(image.mode, image.mode)
    opaque = image.convert(straight).convert("RGBA")
    black = Image.new("RGBA", image.size, (0, 0, 0, 255))
    return Image.alpha_composite(black, opaque).convert("L")


def _through_window(
    image: Image.Image, options: ImageOptions
) -> tuple[Image.Image, tuple[str, ...]]:
    """Floating-point pixels in 8 bits: the window's ends, or the values there are, are the ends."""
    values = array.array("f", image.tobytes())
    if not math.isfinite(sum(values)):
        raise ValueError("some floating-point pixels are no finite numbers")
    step = "window"
    if options.stretch:
        low, high, step = min(values), max(values), "stretched"
    elif options.window:
        low, high = options.window
    else:
        raise NoWindowError("floating-point pixels do not say which values are black and white")
    factor = 255 / ((high - low) or 1.0)
    # Pillow cuts fractions and what lies beyond 8 bits; a half more, and it rounds.
    grey = image.point(lambda value: value * factor + (0.5 - low * factor)).convert("L")
    return grey, (f"{step} from {low:g} to {high:g}",)


class NoWindowError(ValueError):
    """Nobody says which values are black and white; becomes an ImageError."""


def _spread(grey: Image.Image, least: int, most: int) -> Image.Image:
    if least == most:
        return grey
    return grey.point([min(max(round((n - least) * 255 / (most - least)), 0), 255) for n in _BYTE])


def _stretching_step(least: int, most: int) -> tuple[str, ...]:
    """Empty where it changes nothing."""
    if least == most or (least, most) == (0, 255):
        return ()
    return (f"stretched from {least} to {most}",)


def _eight_of_many(image: Image.Image, *, stretch: bool) -> tuple[Image.Image, tuple[str, ...]]:
    """The upper 8 of as many bits as the image uses, or the values there are, spread.

    PNG wants samples scaled to all 16 bits, and such images lose their lower 8. But exports of
    detectors often write 10, 12 or 14 bits as they are, which would come out nearly black: where
    the upper bits are never used, the image is read with the least of these depths that holds its
    largest value. Brighter by a fixed power of two, it keeps every relation between its values.
    """
    wide = image if image.mode == "I" else image.convert("I")
    least, most = (int(value) for value in wide.getextrema())  # type: ignore[arg-type]
    if least < 0 or most > 65535:
        raise ValueError(f"values from {least} to {most} are not 16-bit pixels")
    if stretch and least < most:
        spread = [round((value - least) * 255 / (most - least)) for value in range(least, most + 1)]
        table = [0] * least + spread + [255] * (65535 - most)
        return wide.point(table, "L"), (f"stretched from {least} to {most}",)
    depth = next(depth for depth in _DEPTHS if most < 2**depth)
    table = [min(value >> (depth - 8), 255) for value in range(65536)]
    return wide.point(table, "L"), (f"upper 8 of {depth} bits",)


def _from_lab(image: Image.Image) -> Image.Image:
    lab, srgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
    there = ImageCms.buildTransform(lab, srgb, "LAB", "RGB")
    return there.apply(image).convert("L")
