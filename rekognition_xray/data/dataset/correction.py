"""``corrected``: a dataset or a split with the labels that people read, and a record."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Final

import attrs

from rekognition_xray.data.correcting import CorrectionRecord, Reading, correct_images
from rekognition_xray.data.xrays import Xray

if TYPE_CHECKING:
    from rekognition_xray.data.dataset.dataset import XrayDataset
    from rekognition_xray.data.dataset.split import Split

_TEST: Final = "test"


@attrs.frozen
class Corrected:
    """A dataset with the labels that people read; unpacks as ``dataset, record``.

    Attributes:
        dataset: the same images of the same patients, in the same part.
        record: what each reading did.
    """

    dataset: XrayDataset
    record: CorrectionRecord

    def __iter__(self) -> Iterator[XrayDataset | CorrectionRecord]:
        return iter((self.dataset, self.record))


@attrs.frozen
class CorrectedSplit:
    """A split with the labels that people read; unpacks as ``split, record``.

    Attributes:
        split: every image in the part where it was, under the same fingerprint.
        record: what each reading did.
    """

    split: Split
    record: CorrectionRecord

    def __iter__(self) -> Iterator[Split | CorrectionRecord]:
        return iter((self.split, self.record))


def correct_dataset(
    dataset: XrayDataset, readings: Iterable[Reading], *, change_test: bool
) -> Corrected:
    """See ``XrayDataset.corrected``, which documents arguments and errors."""
    held = () if change_test else _test_images(dataset)
    changed, record = correct_images(dataset.images, readings, held=frozenset(held))
    return Corrected(_with(dataset, changed), record)


def correct_split(
    split: Split, readings: Iterable[Reading], *, change_test: bool
) -> CorrectedSplit:
    """See ``Split.corrected``, which documents arguments and errors."""
    images = [image for part in split for image in part]
    held = () if change_test else split.test.images
    changed, record = correct_images(images, readings, held=frozenset(held))
    train, test = _with(split.train, changed), _with(split.test, changed)
    validation = split.validation and _with(split.validation, changed)
    after = attrs.evolve(split, train=train, test=test, validation=validation)
    return CorrectedSplit(after, record)


def _test_images(dataset: XrayDataset) -> tuple[Xray, ...]:
    return dataset.images if dataset.part and dataset.part.name == _TEST else ()


def _with(dataset: XrayDataset, changed: Mapping[Xray, Xray]) -> XrayDataset:
    return attrs.evolve(dataset, images=[changed.get(image, image) for image in dataset])
