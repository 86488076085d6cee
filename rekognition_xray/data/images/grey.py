"""From any colour mode of Pillow's to 8-bit grey."""

from __future__ import annotations

from typing import Final

from PIL import Image, ImageCms

_DEPTHS: Final = (8, 10, 12, 14, 16)
_DIRECT: Final = frozenset({"1", "L", "P", "RGB", "CMYK", "YCbCr"})


def make_grey(image: Image.Image) -> tuple[Image.Image, tuple[str, ...]]:
    """An 8-bit grey picture and the steps that led there.

    Colours are weighed as ITU-R BT.601 does; transparency is laid over black. For more than 8
    bits see ``_eight_of_many``.

    Raises:
        ValueError: floating-point pixels, or integers beyond 16 bits.
    """
    if image.mode.startswith("I"):
        return _eight_of_many(image)
    if image.mode == "F":
        raise ValueError("floating-point pixels do not say which value is white")
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


def _eight_of_many(image: Image.Image) -> tuple[Image.Image, tuple[str, ...]]:
    """The upper 8 of as many bits as the image uses.

    PNG wants samples scaled to all 16 bits, and such images lose their lower 8. But exports of
    detectors often write 10, 12 or 14 bits as they are, which would come out nearly black: where
    the upper bits are never used, the image is read with the least of these depths that holds its
    largest value. Brighter by a fixed power of two, it keeps every relation between its values.
    """
    wide = image if image.mode == "I" else image.convert("I")
    least, most = (int(value) for value in wide.getextrema())  # type: ignore[arg-type]
    if least < 0 or most > 65535:
        raise ValueError(f"values from {least} to {most} are not 16-bit pixels")
    depth = next(depth for depth in _DEPTHS if most < 2**depth)
    table = [min(value >> (depth - 8), 255) for value in range(65536)]
    return wide.point(table, "L"), (f"upper 8 of {depth} bits",)


def _from_lab(image: Image.Image) -> Image.Image:
    lab, srgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
    there = ImageCms.buildTransform(lab, srgb, "LAB", "RGB")
    return there.apply(image).convert("L")
