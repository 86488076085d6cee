"""The values that a dataset is made of: ``Xray``, ``Rejected``, ``Labelling`` and ``Part``."""

from __future__ import annotations

import datetime
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Literal, Protocol

import attrs

from rekognition_xray.data.image_options import ImageOptions
from rekognition_xray.errors import DataError


def _default_name(image: Xray) -> str:
    return image.source if isinstance(image.source, str) else image.source.as_posix()


@attrs.frozen
class Xray:
    """One image, on disk or in S3.

    Attributes:
        source: a path, or the address ``s3://bucket/key`` of an image that lies in S3.
        label: such as ``normal``.
        patient: equal for all images of one patient; None where nobody knows.
        split: the official folder ``train``, ``test`` or ``val``, where there is one.
        name: the path within the dataset, with ``/``; the same on every machine.
    """

    source: Path | str
    label: str
    patient: str | None = attrs.field(default=None, repr=False)  # may be a hospital's number
    split: str | None = None
    name: str = attrs.field(default=attrs.Factory(_default_name, takes_self=True))

    @property
    def path(self) -> Path:
        """Where the file lies on disk.

        Raises:
            DataError: the image lies in S3.
        """
        if isinstance(self.source, str):
            raise DataError(
                f"{self.source} lies in S3, not on this machine.",
                hint="Fetch the images first (aws s3 sync) and read the folder.",
            )
        return self.source

    @property
    def address(self) -> str | None:
        """``s3://bucket/key`` of an image in S3, None for one on disk."""
        return self.source if isinstance(self.source, str) else None

    @property
    def group(self) -> str:
        """What must be kept together: the patient, or for an unknown one the image by itself."""
        return f"image:{self.name}" if self.patient is None else self.patient


@attrs.frozen
class Rejected:
    """A file that looks like an image and did not become one, or a row of a table without an image.

    Attributes:
        path: where the file lies; text for an address in S3.
        reason: why, as part of a sentence.
        code: ``no-label``, ``contradictory-labels``, ``unreadable``, or ``no-image`` for a row that
            leads to none.
    """

    path: Path | str
    reason: str
    code: Literal["no-label", "contradictory-labels", "unreadable", "no-image"] = "no-label"


@attrs.frozen
class Labelling:
    """Where the labels of a dataset come from; it goes into each line of a manifest.

    Attributes:
        rule: name of the rule that read the labels, such as ``kermany``.
        by: who made them, as free text; empty if unknown.
        on: a date by which they were made; None where nobody knows, never an invented one.
        human: whether people made them.
    """

    rule: str = ""
    by: str = ""
    on: datetime.date | None = None
    human: bool = True


@attrs.frozen
class Part:
    """Says of which split a dataset is a part; it travels into the manifest's job name.

    Attributes:
        name: such as ``train`` or ``test``.
        fingerprint: the split's fingerprint.
    """

    name: str
    fingerprint: str


class XrayCollection(Protocol):
    """What the parts below ``XrayDataset`` may read of a dataset; they never make one."""

    __slots__ = ()

    images: tuple[Xray, ...]
    """The images, in the order of their names."""

    rejected: tuple[Rejected, ...]
    """Files and rows that could not become an image."""

    labelling: Labelling
    """Where the labels come from."""

    options: ImageOptions
    """How its images are read."""

    part: Part | None
    """Of which split the dataset is a part."""

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels that occur."""
        raise NotImplementedError

    @property
    def counts(self) -> Mapping[str, int]:
        """Images by label."""
        raise NotImplementedError

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[Xray]: ...


def dataset_fingerprint(images: Iterable[Xray]) -> str:
    """12 hex digits that depend on name, label and group of each image and on nothing else."""
    digest = hashlib.sha256()
    for image in images:
        digest.update(json.dumps([image.name, image.label, image.group]).encode() + b"\n")
    return digest.hexdigest()[:12]
