"""What a plain random split by image would leak: the mistake that ``split`` does not make."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

import attrs

from rekognition_xray.data.xrays import XrayCollection
from rekognition_xray.errors import SplitError


@attrs.frozen
class Spread:
    """A count over many draws: its mean, and its least and greatest value."""

    mean: float
    least: int
    most: int


@attrs.frozen
class Leakage:
    """What a random split by image puts on both sides; printing it gives a few sentences.

    Attributes:
        fraction, seed: the share of the test images, and what they were drawn with.
        images, patients: in the dataset; an image without a patient is a patient of its own.
        test_images: images that were drawn for the test.
        patients_on_both: patients with images in train and in test.
        images_on_both: all images of those patients.
        leaked: test images whose patient is in train as well.
        repeats: with how many seeds it was drawn in all, from ``seed`` on.
        patients_over: ``patients_on_both`` over all those draws.
        leaked_over: ``leaked`` over all those draws.
    """

    fraction: float
    seed: int
    images: int
    patients: int
    test_images: int
    patients_on_both: int
    images_on_both: int
    leaked: int
    repeats: int
    patients_over: Spread
    leaked_over: Spread

    @property
    def share(self) -> float:
        """Share, 0 to 1, of the test images whose patient is in train as well."""
        return self.leaked / self.test_images

    def __str__(self) -> str:
        text = (
            f"A random split by image that keeps {self.test_images:,} of {self.images:,} images "
            f"for the test (seed {self.seed}) puts\n"
            f"{self.patients_on_both:,} of {self.patients:,} patients on both sides, with "
            f"{self.images_on_both:,} images.\n"
            f"{self.leaked:,} of the {self.test_images:,} test images ({self.share:.1%}) show a "
            "patient that the training has seen."
        )
        return text if self.repeats == 1 else f"{text}\n{self._over()}"

    def _over(self) -> str:
        patients, leaked = self.patients_over, self.leaked_over
        least, most, mean = (
            f"{images / self.test_images:.1%}"
            for images in (leaked.least, leaked.most, leaked.mean)
        )
        return (
            f"Over {self.repeats:,} such splits: {patients.least:,} to {patients.most:,} patients, "
            f"{patients.mean:,.1f} on average;\n"
            f"{least} to {most} of the test images, {mean} on average."
        )


@attrs.frozen
class _Draw:
    """What one draw put on both sides."""

    patients: int
    images: int
    leaked: int


def random_split_leakage(
    dataset: XrayCollection, fraction: float = 0.2, seed: int = 0, *, repeats: int = 100
) -> Leakage:
    """See ``XrayDataset.leakage``, which documents arguments and errors."""
    drawn = round(fraction * len(dataset)) if 0 < fraction < 1 else 0
    if not 0 < drawn < len(dataset):
        raise SplitError(f"A test part of {fraction} of {len(dataset)} images cannot be drawn.")
    if repeats < 1:
        raise SplitError(f"{repeats} repeats give no figure.", hint="Ask for 1 or more.")
    places: dict[str, int] = {}
    patients = [places.setdefault(image.group, len(places)) for image in dataset]
    draws = list(_draws(patients, drawn, range(seed, seed + repeats)))
    return Leakage(
        fraction=fraction,
        seed=seed,
        images=len(dataset),
        patients=len(places),
        test_images=drawn,
        patients_on_both=draws[0].patients,
        images_on_both=draws[0].images,
        leaked=draws[0].leaked,
        repeats=repeats,
        patients_over=_spread([draw.patients for draw in draws]),
        leaked_over=_spread([draw.leaked for draw in draws]),
    )


def _draws(patients: list[int], drawn: int, seeds: Iterable[int]) -> Iterator[_Draw]:
    sizes = Counter(patients)
    for seed in seeds:
        tested = Counter(_sample(patients, drawn, random.Random(seed)))
        cut = [patient for patient, images in tested.items() if images < sizes[patient]]
        yield _Draw(
            len(cut),
            sum(sizes[patient] for patient in cut),
            sum(tested[patient] for patient in cut),
        )


def _sample(items: list[int], drawn: int, dice: random.Random) -> list[int]:
    """A random choice of items; not random.sample, whose draws other Pythons may change."""
    items = items.copy()
    for place in range(drawn):
        other = place + int(dice.random() * (len(items) - place))
        items[place], items[other] = items[other], items[place]
    return items[:drawn]


def _spread(values: Sequence[int]) -> Spread:
    return Spread(sum(values) / len(values), min(values), max(values))
