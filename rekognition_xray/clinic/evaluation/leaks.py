"""Whether a model was tested on patients or pictures that it was trained on. Pure, in one pass."""

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
    "The images that the model was trained on are not known here, so nobody has checked that the "
    "test shows other patients."
)
KNOWN_LEAKS: Final = (
    "Train and test were known to share patients or pictures, or to be of two splits, when this "
    f"version was trained (tag {LEAKS})."
)


@attrs.frozen
class Overlap:
    """What a test shares with the training.

    Attributes:
        trained: images that the model was trained on.
        nameless: those of them that bear no patient in their key.
        tested: images of the test.
        images: those of them whose patient or picture the training has seen.
    """

    trained: int
    nameless: int
    tested: int
    images: tuple[TestImage, ...]

    @property
    def summary(self) -> str:
        """One sentence on what is shared."""
        patients = len({image.patient for image in self.images} - {None})
        return (
            f"{len(self.images):,} of {self.tested:,} test images "
            f"({len(self.images) / self.tested:.1%}), of {patients:,} known patients, show a "
            "patient or a picture that the model was trained on"
        )

    def warnings(self, said: int) -> Iterator[str]:
        """What a reader of figures should know.

        Args:
            said: how many images the model was trained on by the evaluation summary.
        """
        if self.images:
            yield f"This test leaks: {self.summary}. The figures come out too good."
        if self.nameless:
            yield (
                f"{self.nameless:,} of {self.trained:,} training images bear no patient in their "
                "key: whether the test shows the same patients cannot be told for them."
            )
        if self.trained != said:
            yield (
                f"The training snapshot holds {self.trained:,} images, the summary speaks of "
                f"{said:,}: the test was compared with the former only."
            )


def training_overlap(
    training: bytes | str | Lines, images: Sequence[TestImage], *, name: str
) -> Overlap:
    """Compares test images with a training snapshot by patient, by picture and by address.

    Patient and picture are those in keys that this library made; other images can be compared by
    address only. Needs memory for the test images, not for the training.

    Args:
        training: contents of ``TrainingGroundTruth-*.json`` (JSON Lines), whole or line by line.
        images: the test images.
        name: its address, for messages.

    Raises:
        EvaluationError: names every line that cannot be read.
    """
    tested = {mark for image in images for mark in _marks(image.source_ref)}
    seen: set[str] = set()
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
            nameless += pseudonym_in(source) is None
            seen.update(mark for mark in _marks(source) if mark in tested)
    if bad:
        raise EvaluationError(f"{name} has lines that cannot be used:\n{list_paths(bad)}")
    shared = tuple(image for image in images if not seen.isdisjoint(_marks(image.source_ref)))
    return Overlap(trained, nameless, len(images), shared)


def refuse_leaks(overlap: Overlap, *, name: str) -> None:
    """Raises EvaluationError, with all images, where the test shares something with the training."""
    if overlap.images:
        raise EvaluationError(
            f"{overlap.summary} (by {name}); the figures would come out too good:\n"
            + list_paths(image.source_ref for image in overlap.images),
            hint="Train on parts that share no patient: XrayDataset.split() and put_datasets("
            "train=, test=). Or pass allow_leaks=True: every table and page then says so.",
        )


def _marks(source: str) -> tuple[str, ...]:
    """What tells that two images are of one patient, of one picture, or one image."""
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
