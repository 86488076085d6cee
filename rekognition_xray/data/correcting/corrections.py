"""Which labels readings change: one correction to each image that was read, or all faults."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import ClassVar, Literal, TypeAlias, get_args

import attrs

from rekognition_xray.data.correcting.readings import Reading, check_readings
from rekognition_xray.data.xrays import Xray
from rekognition_xray.errors import ReadingsError, list_paths
from rekognition_xray.records import Record

Outcome: TypeAlias = Literal["changed", "confirmed", "held", "unsure", "unreadable"]


@attrs.frozen
class Correction(Record):
    """What the readings of one image did.

    Attributes:
        source: the image.
        old: its label before.
        new: the label that its readers gave; None if none of them gave one.
        outcome: ``changed``; ``confirmed``: the label was right; ``held``: the label would change,
            but the image is of the test part; ``unsure`` or ``unreadable``: no reader gave a label.
        readings: the last reading of each reader, by time.
    """

    source: Path | str
    old: str
    new: str | None
    outcome: Outcome
    readings: tuple[Reading, ...]


@attrs.frozen(str=False)
class CorrectionRecord(Record):
    """What a set of readings did; one correction to each image that was read.

    Attributes:
        corrections: in the order of the images.
    """

    _derived: ClassVar[tuple[str, ...]] = ("counts",)

    corrections: tuple[Correction, ...]

    def of(self, outcome: Outcome) -> tuple[Correction, ...]:
        """The corrections with one outcome."""
        return tuple(one for one in self.corrections if one.outcome == outcome)

    @property
    def counts(self) -> Mapping[Outcome, int]:
        """Images by outcome, every outcome named."""
        found = Counter(one.outcome for one in self.corrections)
        return {outcome: found[outcome] for outcome in get_args(Outcome)}

    def __str__(self) -> str:
        counts = ", ".join(f"{count} {outcome}" for outcome, count in self.counts.items())
        lines = [f"{len(self.corrections)} images read: {counts}."]
        held = [f"{one.source}: {one.old}, read as {one.new}" for one in self.of("held")]
        if held:
            lines += ["Labels of the test part that were not changed:", list_paths(held)]
        return "\n".join(lines)


def correct_images(
    images: Sequence[Xray],
    readings: Iterable[Reading],
    *,
    held: Collection[Xray] = frozenset(),
) -> tuple[dict[Xray, Xray], CorrectionRecord]:
    """The images whose label changes, each with its new form, and the record.

    Of one reader the last reading of an image counts. Readings that give no label change nothing.

    Args:
        images: all images that readings may be of.
        readings: by source: the path or address of an image, or its name within the dataset.
        held: images whose label is not changed.

    Raises:
        ReadingsError: not readings; readings of images that are not there, readers who contradict
            each other, or labels that no image has, all of them together.
    """
    by_image, faults = _match(images, check_readings(readings))
    labels = {image.label for image in images}
    for image, found in by_image.items():
        faults += _find_faults(image, found, labels)
    if faults:
        raise ReadingsError(
            f"These readings cannot be used:\n{list_paths(text for _, text in faults)}",
            paths=dict.fromkeys(source for source, _ in faults),
        )
    record = CorrectionRecord(
        tuple(
            _correction(image, by_image[image], held=image in held)
            for image in images
            if image in by_image
        )
    )
    changed = {one.source: one.new for one in record.of("changed") if one.new is not None}
    return {
        image: attrs.evolve(image, label=changed[image.source])
        for image in by_image
        if image.source in changed
    }, record


_Fault: TypeAlias = tuple[Path | str, str]


def _match(
    images: Iterable[Xray], readings: Iterable[Reading]
) -> tuple[dict[Xray, tuple[Reading, ...]], list[_Fault]]:
    """The last reading of each reader for each image, and a fault for each reading of no image."""
    find = image_finder(images)
    found: dict[Xray, dict[str, Reading]] = {}
    faults: dict[str, str] = {}
    for reading in sorted(readings, key=lambda one: one.time):
        image = find(reading.source)
        if image is None:
            faults[reading.source] = f"{reading.source}: the dataset has no such image"
        else:
            of_image = found.setdefault(image, {})
            of_image.pop(reading.reader, None)  # so that the order stays that of time
            of_image[reading.reader] = reading
    return {image: tuple(last.values()) for image, last in found.items()}, list(faults.items())


def image_finder(images: Iterable[Xray]) -> Callable[[str], Xray | None]:
    """A function that finds an image by its path, its address, or its name within the dataset."""
    images = tuple(images)
    known = {image.name: image for image in images}
    known |= {_absolute(image.source): image for image in images}  # goes before a name

    def find(source: str) -> Xray | None:
        return known.get(_absolute(source)) or known.get(source)

    return find


def _absolute(source: Path | str) -> str:
    text = str(source)
    return text if text.startswith("s3://") else os.path.abspath(text)  # noqa: PTH100 - follows no link


def _find_faults(
    image: Xray, readings: Sequence[Reading], labels: Collection[str]
) -> Iterator[_Fault]:
    given = {one.label: one.reader for one in readings if one.label is not None}
    if len(given) > 1:
        said = ", ".join(f"{label} ({reader})" for label, reader in sorted(given.items()))
        yield image.source, f"{image.source}: readers contradict each other: {said}"
    unknown = ", ".join(sorted(given.keys() - labels))
    if unknown:
        yield image.source, f"{image.source}: no image of the dataset has the label {unknown}"


def _correction(image: Xray, readings: tuple[Reading, ...], *, held: bool) -> Correction:
    new = next((one.label for one in readings if one.label is not None), None)
    outcome: Outcome
    if new is None:
        unsure = any(one.verdict == "unsure" for one in readings)
        outcome = "unsure" if unsure else "unreadable"
    elif new == image.label:
        outcome = "confirmed"
    else:
        outcome = "held" if held else "changed"
    return Correction(image.source, image.label, new, outcome, readings)
