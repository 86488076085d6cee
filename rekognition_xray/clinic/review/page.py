"""The review page: one image at a time, read by keyboard."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final, TypeAlias

import attrs
from PIL import Image

from rekognition_xray._files import atomic_write
from rekognition_xray.clinic.diagnosis import Diagnosis
from rekognition_xray.clinic.notices import NOTICE, TYPE_NOTICE
from rekognition_xray.clinic.report import render_template
from rekognition_xray.clinic.review.reading_list import (
    ListedImage,
    ReadingList,
    make_reading_list,
)
from rekognition_xray.data.correcting import Reading
from rekognition_xray.data.images import ImageOptions, ImageSource, decode
from rekognition_xray.errors import ImageError, ReadingsError

ImageOf: TypeAlias = Callable[[str], ImageSource]
"""Gives the image of a source, such as one that lies in S3; by default the source is a path."""


@attrs.frozen
class Picture:
    """Where the page finds the picture of an image; None if there is none, and why."""

    address: str | None
    reason: str = ""


SHOW_ALL: Final = ImageOptions(allow_burned_in=True, allow_other_views=True)
SIDE: Final = 1024
MOST: Final = 300
"""The most images of a page that is one file; it then has about 30 MB."""

_QUALITY: Final = 85


def review_page(
    journal: str | Path,
    path: str | Path,
    *,
    sources: Iterable[str] | None = None,
    random: int = 20,
    seed: int = 0,
    blind: bool = True,
    image_of: ImageOf | None = None,
    options: ImageOptions = SHOW_ALL,
) -> Path:
    """Writes a page on which a person reads images by keyboard; it needs no network.

    It lists images without a diagnosis, referred and suspect ones, and random ones of the rest.
    Each gets one of the model's labels, unsure, or cannot be read. Blind, the model's finding is
    shown after the answer. The page keeps the readings in the browser, and saves them as the file
    ``readings.jsonl`` for ``read_readings``. It shows X-rays and holds their paths: protect it as
    you protect those. About 0.1 MB an image, which is shown at 1024 pixels at most.

    Args:
        journal: of a bulk run (``Diagnoser.diagnose_many``).
        path: the HTML file.
        sources: lists these images instead, such as those that ``select_for_reading`` gave.
        random: how many of the rest.
        seed: of what is random.
        blind: the reader answers before the model's finding is shown, in a random order.
        image_of: gives the image of a source; by default the source is a path.
        options: how images are read. By default other views, and pixels that may show a name, are
            shown, since the page stays where the images are.

    Returns:
        The file. An image that cannot be decoded is listed with the reason, and without a picture.

    Raises:
        JournalError: the journal cannot be read.
        ReadingsError: no image to read, over 300, sources that the journal does not know, or a
            file that cannot be written.
        InvalidRequestError: ``random`` is below 0.
        MissingExtraError: the extra ``report`` is not installed.
    """
    listed = make_reading_list(journal, sources=sources, random=random, seed=seed, blind=blind)
    if len(listed.images) > MOST:
        raise ReadingsError(
            f"{len(listed.images)} images are too many for one file; it takes {MOST}.",
            hint="Run: rekognition-xray review JOURNAL. Or name the images: sources=...",
        )
    pictures = [_embedded(one, image_of, options) for one in listed.images]
    text = render_review(listed, pictures, blind=blind)
    path = Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(path) as stream:
            stream.write(text.encode())
    except OSError as error:
        raise ReadingsError(
            f"The review page {path} cannot be written: {error.strerror or error}.",
            paths=[path],
            hint="Check the path, the permissions and the free space.",
        ) from error
    return path


def render_review(
    listed: ReadingList,
    pictures: Sequence[Picture],
    *,
    blind: bool,
    save_to: str = "",
    readings: Sequence[Reading] = (),
) -> str:
    """The page as HTML. Everything that comes from files is escaped.

    Args:
        listed: what is to be read.
        pictures: one for each image.
        blind: see ``review_page``.
        save_to: where readings are sent; if empty, the page offers them as a file.
        readings: what was read before.
    """
    data = {
        "id": _page_id(listed, blind=blind),
        "labels": listed.labels,
        "blind": blind,
        "save_to": save_to,
        "readings": [one.to_dict() for one in readings],
        "images": [
            _shown(one, picture) for one, picture in zip(listed.images, pictures, strict=True)
        ],
    }
    return render_template(
        "rekognition_xray.clinic.review",
        "review.html.j2",
        what="The review page",
        style="review.css",
        script="review.js",
        allow="img-src 'self' data:; connect-src 'self'" if save_to else "img-src data:",
        data=json.dumps(data, allow_nan=False).replace("<", "\\u003c"),
        labels=listed.labels,
        count=len(listed.images),
        notices=(NOTICE, TYPE_NOTICE),
    )


def _page_id(listed: ReadingList, *, blind: bool) -> str:
    """A name under which the browser keeps what was read; another page has another one."""
    answers = [(one.why, one.answer.to_dict()) for one in listed.images]
    content = json.dumps([blind, listed.labels, answers])
    return hashlib.sha256(content.encode("ascii")).hexdigest()


def jpeg_of(source: str, image_of: ImageOf | None, options: ImageOptions) -> bytes:
    """The image of a source as a grey JPEG without metadata, at most 1024 pixels a side.

    Raises:
        ImageError: it cannot be decoded.
    """
    image = Path(source) if image_of is None else image_of(source)
    grey = decode(image, name=source, options=options).grey
    grey.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS, reducing_gap=3.0)
    stream = io.BytesIO()
    Image.frombytes("L", grey.size, grey.tobytes()).save(stream, "JPEG", quality=_QUALITY)
    return stream.getvalue()


def _embedded(image: ListedImage, image_of: ImageOf | None, options: ImageOptions) -> Picture:
    try:
        data = jpeg_of(image.answer.source, image_of, options)
    except ImageError as error:
        return Picture(None, error.reason)
    return Picture(f"data:image/jpeg;base64,{base64.b64encode(data).decode('ascii')}")


def _shown(image: ListedImage, picture: Picture) -> dict[str, object]:
    answer = image.answer
    return {
        "source": answer.source,
        "name": Path(answer.source).name,
        "why": image.why,
        "finding": image.finding,
        "reason": answer.reason.partition("\n")[0],
        "confidences": _known(answer.confidences) if isinstance(answer, Diagnosis) else {},
        "picture": picture.address,
        "no_picture": picture.reason,
    }


def _known(confidences: Mapping[str, float]) -> dict[str, float | None]:
    """The confidences, None for what is no number: JSON has no NaN."""
    return {label: None if math.isnan(one) else one for label, one in confidences.items()}
