"""``clean``: a dataset without what its audit found wrong, and a record of what was left out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

import attrs

from rekognition_xray.data.splitting import join_groups
from rekognition_xray.data.xrays import Xray

if TYPE_CHECKING:
    from rekognition_xray.data.auditing import Duplicates
    from rekognition_xray.data.dataset.audit import Audit
    from rekognition_xray.data.dataset.dataset import XrayDataset

Near: TypeAlias = Literal["keep", "keep-first"]


@attrs.frozen
class Repair:
    """One file that was left out.

    Attributes:
        code: the code of the finding that it answers, such as ``truncated``.
        path: the file.
        what: what is wrong with it, and what is kept in its place.
    """

    code: str
    path: Path | str
    what: str


@attrs.frozen
class Cleaned:
    """A dataset and the record of its repairs; unpacks as ``dataset, repairs``.

    Every image and every rejected file of the former dataset is either in ``dataset`` or, once, in
    ``repairs``. No file was touched.

    Attributes:
        dataset: what can be used.
        repairs: one for each file that was left out.
    """

    dataset: XrayDataset
    repairs: tuple[Repair, ...]

    def __iter__(self) -> Iterator[XrayDataset | tuple[Repair, ...]]:
        return iter((self.dataset, self.repairs))


def clean(audit: Audit, *, near: Near = "keep") -> Cleaned:
    """Leaves out what cannot be used, and copies; the files themselves are not changed.

    Left out are the rejected files, images that cannot be used, all images of a picture that bears
    several labels, and of exact copies under one label all but one. The copy of a known patient is
    kept rather than one of nobody, else the first by name. Patients who shared an exact copy are
    one patient from then on, by the first of their names: without the copy nothing else would
    keep them on one side of a split.

    Args:
        audit: what was found.
        near: what to do with near duplicates. ``keep`` keeps them all; ``split(audit=...)`` holds
            them together. ``keep-first`` treats them as exact copies: one image of each group
            stays, and none of a group that bears several labels.

    Returns:
        The new dataset, whose own audit finds no error, and the repairs.
    """
    treated = [found for found in audit.duplicates if found.kind != "near" or near != "keep"]
    left_out: dict[Xray, Repair] = {
        bad.image: Repair(bad.code, bad.image.source, bad.reason) for bad in audit.unusable
    }
    for found in treated:
        _leave_out_copies(found, left_out)
    rejected = [Repair(item.code, item.path, item.reason) for item in audit.dataset.rejected]
    kept = _with_joined_patients(
        (image for image in audit.dataset if image not in left_out), treated
    )
    dataset = attrs.evolve(audit.dataset, images=kept, rejected=())
    repairs = (left_out[image] for image in audit.dataset if image in left_out)
    return Cleaned(dataset, (*repairs, *rejected))


def _leave_out_copies(found: Duplicates, left_out: dict[Xray, Repair]) -> None:
    images = [image for image in found.images if image not in left_out]
    if len(found.labels) > 1:
        code = f"contradictory-{'near-duplicates' if found.kind == 'near' else 'labels'}"
        labels = ", ".join(sorted(found.labels))
        for image in images:
            what = f"one picture under several labels: {labels}; this file says {image.label}"
            left_out[image] = Repair(code, image.source, what)
    elif images:
        original = min(images, key=lambda image: image.patient is None)
        for image in images:
            if image is not original:
                left_out[image] = _copy(image, original, found)


_CODES = {"file": "duplicate-files", "pixels": "duplicate-pixels", "near": "near-duplicates"}


def _copy(image: Xray, original: Xray, found: Duplicates) -> Repair:
    what = f"a copy of {original.source}, which is kept"
    if image.patient is not None and image.patient != original.patient:
        what += f"; the patients {image.patient} and {original.patient} count as one"
    return Repair(_CODES[found.kind], image.source, what)


@attrs.frozen
class _SharedPictures:
    images: tuple[Xray, ...]


def _with_joined_patients(images: Iterable[Xray], treated: Iterable[Duplicates]) -> list[Xray]:
    known = (
        _SharedPictures(tuple(image for image in found.images if image.patient is not None))
        for found in treated
    )
    names = join_groups(known)
    return [
        attrs.evolve(image, patient=names[image.patient]) if image.patient in names else image
        for image in images
    ]
