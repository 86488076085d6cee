"""``Duplicates``: images that show one picture, by their files, their pixels or nearly."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from pathlib import Path
from typing import Literal, TypeAlias

import attrs

from rekognition_xray.data.auditing.looks import Looks
from rekognition_xray.data.auditing.near import group_pairs, near_pairs
from rekognition_xray.data.xrays import Xray

Kind: TypeAlias = Literal["file", "pixels", "near"]


@attrs.frozen
class Duplicates:
    """Images that show one picture, and so belong on one side of a split.

    Attributes:
        images: two or more. Of near duplicates the first is the one that all others were verified
            against; of exact ones they come in the dataset's order.
        kind: ``file``, byte for byte; ``pixels``, the same pixels in different files; ``near``,
            one image laid over the other agrees in its detail.
        score: the lowest correlation with the first image; 1 for exact duplicates.
    """

    images: tuple[Xray, ...]
    kind: Kind
    score: float = 1.0

    @property
    def labels(self) -> frozenset[str]:
        """The labels that the images bear; more than one is a contradiction."""
        return frozenset(image.label for image in self.images)


def find_duplicates(looks: Looks) -> tuple[Duplicates, ...]:
    """All groups: exact ones first; near ones among what is left with one image of each picture.

    No image is in two exact groups; an image may be in several near ones, see ``near.grouped``.
    """
    pictures: dict[bytes, list[Xray]] = defaultdict(list)
    for image, seen in looks.items():
        if seen.pixels:
            pictures[seen.pixels].append(image)
    exact = [_exact(images) for images in pictures.values() if len(images) > 1]
    return (*exact, *_near([images[0] for images in pictures.values()], looks))


def _exact(images: list[Xray]) -> Duplicates:
    files = {_digest(image.path) for image in images}
    return Duplicates(tuple(images), "file" if len(files) == 1 else "pixels")


def _digest(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:  # gone since it was decoded; its pixels are known, its bytes are not
        return str(path)


def _near(images: list[Xray], looks: Looks) -> list[Duplicates]:
    groups = group_pairs(near_pairs([looks[image].thumb for image in images]))
    return [
        Duplicates(tuple(images[index] for index in group.images), "near", group.score)
        for group in groups
    ]
