"""The gallery of test images: thumbnails without metadata, true and predicted label."""

from __future__ import annotations

import base64
import io
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Final, TypeAlias

import attrs
from PIL import Image

from rekognition_xray.clinic.report.charts import confidence_text
from rekognition_xray.clinic.statistics import TestImage
from rekognition_xray.data.images import DEFAULT_OPTIONS, ImageOptions, ImageSource, decode
from rekognition_xray.data.pseudonyms import pseudonym_in
from rekognition_xray.data.xrays import Xray
from rekognition_xray.errors import EvaluationError, ImageError, list_paths

Images: TypeAlias = (
    Mapping[str, ImageSource] | Mapping[Xray, str] | Callable[[str], ImageSource | None] | None
)
"""Where pictures come from: a mapping of S3 address to an image, the ``addresses`` of
an upload's receipt, or a function from address to an image or None.

An image without an entry is shown without a picture. Nothing is downloaded, unless your function
does. The page shows at most 1,500 images: wrong calls first, those of highest confidence first. 700
pictures make a page of about 3 MB.
"""

SIDE: Final = 128
MOST: Final = 1500
"""The most images that a page shows; with pictures about 6 MB."""

_QUALITY: Final = 60
_SHOWN: Final = 10  # characters of a content hash


@attrs.frozen
class Thumbnail:
    """A small grey JPEG in Base64, with its size in pixels."""

    data: str
    width: int
    height: int


@attrs.frozen
class Tile:
    """One image of the gallery.

    Attributes:
        number: its place in the testing snapshot, from 1.
        content: start of the hash of its pixels, if its key has one. The patient is not shown.
        truth, called: indices of the true and the predicted label; if none was predicted, the
            number of labels.
        confidence: of the predicted label, as text.
        sort: the same, and the confidence of pneumonia, as numbers.
    """

    number: int
    content: str
    truth: int
    called: int
    confidence: str
    sort: tuple[str, str]
    picture: Thumbnail | None


@attrs.frozen
class Gallery:
    """The tiles: wrong calls first, within them those of highest confidence first.

    Attributes:
        tiles: the tiles on the page.
        images: number of all test images.
        pictured: number of tiles with a picture.
        pictures_given: whether pictures were given at all.
    """

    tiles: tuple[Tile, ...]
    images: int
    pictured: int
    pictures_given: bool


def make_gallery(
    test_images: Sequence[TestImage],
    labels: Sequence[str],
    images: Images,
    *,
    options: ImageOptions = DEFAULT_OPTIONS,
) -> Gallery:
    """Makes the tiles and reads the pictures.

    Args:
        test_images: the test images.
        labels: the labels of the model.
        images: where the pictures come from.
        options: how they are read.

    Raises:
        EvaluationError: pictures cannot be read; names all of them.
    """
    numbered = sorted(enumerate(test_images, start=1), key=lambda one: _order(*one))[:MOST]
    find = _finder(images)
    pictures: dict[int, Thumbnail | None] = {}
    bad: list[str] = []
    for number, image in numbered:
        try:
            pictures[number] = _thumbnail(find(image.source_ref), image.source_ref, options)
        except ImageError as error:
            bad.append(str(error))
    if bad:
        raise EvaluationError(
            f"{len(bad)} pictures for the page cannot be read:\n{list_paths(bad)}",
            hint="Repair them, or leave them out of images=: the page then shows a blank for each.",
        )
    tiles = tuple(_tile(number, image, labels, pictures[number]) for number, image in numbered)
    pictured = sum(picture is not None for picture in pictures.values())
    return Gallery(tiles, len(test_images), pictured, images is not None)


def _order(number: int, image: TestImage) -> tuple[bool, float, int]:
    return image.truth == image.predicted, -image.highest, number


def _tile(number: int, image: TestImage, labels: Sequence[str], picture: Thumbnail | None) -> Tile:
    # A key that this library did not make may hold a name: only our own hash is shown.
    ours = pseudonym_in(image.source_ref) is not None
    return Tile(
        number=number,
        content=image.source_ref.rpartition("/")[2][:_SHOWN] if ours else "",
        truth=labels.index(image.truth),
        called=labels.index(image.predicted) if image.predicted in labels else len(labels),
        confidence=confidence_text(image.highest),
        sort=(f"{image.highest:.6f}", f"{image.pneumonia:.6f}"),
        picture=picture,
    )


def _finder(images: Images) -> Callable[[str], ImageSource | None]:
    if images is None:
        return lambda _: None
    if not isinstance(images, Mapping):
        return images
    return _by_address(images).get


def _by_address(images: Mapping[str, ImageSource] | Mapping[Xray, str]) -> dict[str, ImageSource]:
    """Address to picture; from a receipt only the images that are files on this machine."""
    pictures: dict[str, ImageSource] = {}
    for key, value in images.items():
        if not isinstance(key, Xray):
            pictures[key] = value
        elif isinstance(value, str) and key.address is None:
            pictures[value] = key.path
    return pictures


def _thumbnail(picture: ImageSource | None, name: str, options: ImageOptions) -> Thumbnail | None:
    if picture is None:
        return None
    is_file = isinstance(picture, str | os.PathLike)
    grey = decode(picture, name="" if is_file else name, options=options).grey
    grey.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS, reducing_gap=3.0)
    stream = io.BytesIO()
    # A new image of the bare pixels, so that no metadata from the decoder is written.
    bare = Image.frombytes("L", grey.size, grey.tobytes())
    bare.save(stream, "JPEG", quality=_QUALITY, optimize=True)
    return Thumbnail(base64.b64encode(stream.getvalue()).decode("ascii"), *grey.size)
