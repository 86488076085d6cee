"""Checks whether the test shares patients or pictures with the training."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import attrs

from rekognition_xray.clinic import json_fields as fields
from rekognition_xray.clinic.json_fields import FieldError
from rekognition_xray.clinic.statistics import TestImage
from rekognition_xray.cloud.tags import LEAKS
from rekognition_xray.data.pseudonyms import pseudonym_in
from rekognition_xray.errors import EvaluationError, list_paths

Lines = Iterable[bytes | str]

NOT_COMPARED: Final = (
    "The training images are not known here, so it was not checked that the test shows other "
    "patients."
)
KNOWN_LEAKS: Final = (
    "When this version was trained, its training and test images were known to share patients or "
    f"pictures, or to come from different splits (tag {LEAKS})."
)


@attrs.frozen
class Overlap:
    """What a test shares with the training.

    Attributes:
        trained: number of training images.
        nameless: training images without a patient pseudonym in their key.
        tested: number of test images.
        images: test images whose patient or picture is also in the training.
        patients: pseudonyms of the training patients.
    """

    trained: int
    nameless: int
    tested: int
    images: tuple[TestImage, ...]
    patients: frozenset[str]

    @property
    def summary(self) -> str:
        """What is shared, in words."""
        patients = len({image.patient for image in self.images} - {None})
        return (
            f"{len(self.images):,} of {self.tested:,} test images "
            f"({len(self.images) / self.tested:.1%}), of {patients:,} known patients, show a "
            "patient or a picture that the model was trained on"
        )

    def warnings(self, reported: int) -> Iterator[str]:
        """What a reader of the figures must know.

        Args:
            reported: number of training images according to the evaluation summary.
        """
        if self.images:
            yield f"Leakage from training to test: {self.summary}. The figures are too optimistic."
        if self.nameless:
            yield (
                f"{self.nameless:,} of {self.trained:,} training images have no patient in their "
                "key: whether the test shows the same patients cannot be checked for them."
            )
        if self.trained != reported:
            yield (
                f"The training snapshot has {self.trained:,} images, the summary reports "
                f"{reported:,}: the test was compared with the snapshot only."
            )


def training_overlap(
    training: bytes | str | Lines, images: Sequence[TestImage], *, name: str
) -> Overlap:
    """Compares test images with a training snapshot by patient, by picture and by address.

    Patient and picture are read from S3 keys that this library made; other images can only be
    compared by address. Reads the training in one pass, so that memory depends on the test images
    and on the number of training patients.

    Args:
        training: contents of ``TrainingGroundTruth-*.json`` (JSON Lines), whole or line by line.
        images: the test images.
        name: the address of the training snapshot, for messages.

    Raises:
        EvaluationError: names every line that cannot be read.
    """
    tested = {mark for image in images for mark in _marks(image.source_ref)}
    seen: set[str] = set()
    patients: set[str] = set()
    bad: list[str] = []
    trained = nameless = 0
    for number, line in enumerate(_lines(training), start=1):
        try:
            source = _source(line)
        except FieldError as error:
            bad.append(f"line {number}: {error}")
            continue
        if source is not None:
            trained += 1
            patient = pseudonym_in(source)
            nameless += patient is None
            patients.update([patient] if patient else [])
            seen.update(mark for mark in _marks(source) if mark in tested)
    if bad:
        raise EvaluationError(f"{name} has lines that cannot be used:\n{list_paths(bad)}")
    shared = tuple(image for image in images if not seen.isdisjoint(_marks(image.source_ref)))
    return Overlap(trained, nameless, len(images), shared, frozenset(patients))


def refuse_leaks(overlap: Overlap, *, name: str) -> None:
    """Raises EvaluationError, with the images, if the test shares patients or pictures."""
    if overlap.images:
        raise EvaluationError(
            f"{overlap.summary} (by {name}); the figures would be too optimistic:\n"
            + list_paths(image.source_ref for image in overlap.images),
            hint="Train on parts that share no patient: XrayDataset.split() and put_datasets("
            "train=, test=). Or pass allow_leaks=True: every table and page then says so.",
        )


def refuse_trained(validation: Sequence[TestImage], trained: frozenset[str]) -> None:
    """Raises EvaluationError if images to choose a policy on show patients of the training."""
    shared = [image.source_ref for image in validation if image.patient in trained]
    if shared:
        raise EvaluationError(
            f"{len(shared):,} validation images show patients that the model was trained on, so "
            "their confidences are too good to choose a threshold on:\n" + list_paths(shared),
            hint="Split the dataset by patient: split(validation=..., test=...).",
        )


def _marks(source: str) -> tuple[str, ...]:
    """The address, patient and picture of an image: two images that share one are related."""
    patient = pseudonym_in(source)
    if patient is None:
        return (source,)
    return source, patient, source.rpartition("/")[2].partition(".")[0]


def _lines(training: bytes | str | Lines) -> Lines:
    # Not splitlines() of text: it would also cut at separators that JSON allows in a string.
    if isinstance(training, str):
        return training.split("\n")
    return training.split(b"\n") if isinstance(training, bytes) else training


def _source(line: bytes | str) -> str | None:
    text = fields.text_of(line)
    if not text.strip():
        return None
    return fields.string_in(fields.object_in(fields.load(text)).get("source-ref"), "source-ref")
