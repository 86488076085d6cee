"""``reader_agreement``: how often two readers say the same, beyond chance."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence

import attrs

from rekognition_xray.clinic.extras import needs_science
from rekognition_xray.clinic.statistics import Figure
from rekognition_xray.data.correcting import Reading
from rekognition_xray.errors import ReadingsError
from rekognition_xray.records import Record

_METHOD = "Cohen's kappa; interval of the agreement by a bootstrap over patients"


@attrs.frozen(str=False)
class ReaderAgreement(Record):
    """The agreement of two readers on the images to which both gave a label.

    Attributes:
        readers: both.
        kappa: Cohen's kappa, -1 to 1, with its 95 % interval.
        agreement: share of images with the same label, 0 to 1, with its 95 % interval.
        left_out: images that both read, and at least one without giving a label.
    """

    readers: tuple[str, str]
    kappa: Figure
    agreement: Figure
    left_out: int

    def __str__(self) -> str:
        one, other = self.readers
        seen = f"{self.agreement.n} images of {self.agreement.patients} patients"
        return (
            f"{one} and {other} on {seen}: "
            f"kappa {self.kappa}, agreement {self.agreement}; {self.left_out} images left out."
        )


def reader_agreement(
    readings: Iterable[Reading],
    *,
    readers: tuple[str, str] | None = None,
    patient_of: Callable[[str], str | None] | None = None,
    resamples: int = 1000,
    seed: int = 0,
) -> ReaderAgreement:
    """Cohen's kappa of two readers (Cohen 1960), with an interval over patients.

    Of one reader the last reading of an image counts. The interval is that of the share of equal
    labels (the score interval of all shares here, with the variance from a bootstrap over
    patients), with the agreement expected by chance held fixed, as in Cohen's own standard error.

    Args:
        readings: of both readers.
        readers: which two, if there are more.
        patient_of: the patient of an image by its source; by default, or where it gives None, each
            image counts as a patient of its own.
        resamples: bootstrap resamples of the patients.
        seed: of the resamples.

    Raises:
        ReadingsError: not two different readers, or no image to which both gave a label.
        MissingExtraError: the extra ``science`` is not installed.
    """
    needs_science("reader_agreement")
    last = {(one.reader, one.source): one for one in sorted(readings, key=lambda one: one.time)}
    one, other = readers or _two_readers({reader for reader, _ in last})
    if one == other:
        raise ReadingsError(
            f"{one} is one reader, named twice.", hint="Name two readers: readers=(..., ...)."
        )
    shared = [source for reader, source in last if reader == one and (other, source) in last]
    pairs = [(source, last[one, source].label, last[other, source].label) for source in shared]
    read = [(source, mine, theirs) for source, mine, theirs in pairs if mine and theirs]
    if not read:
        raise ReadingsError(
            f"{one} and {other} gave a label to no image in common.",
            hint="Let both read the same images.",
        )
    groups = [(patient_of and patient_of(source)) or f"image:{source}" for source, _, _ in read]
    labels = [(mine, theirs) for _, mine, theirs in read]
    kappa, agreement = _figures(labels, groups, resamples, seed)
    return ReaderAgreement((one, other), kappa, agreement, len(pairs) - len(read))


def _two_readers(found: Iterable[str]) -> tuple[str, str]:
    found = sorted(found)
    if len(found) != 2:
        raise ReadingsError(
            f"The readings are of {len(found)} readers: {', '.join(found) or 'none'}.",
            hint="Name two of them: readers=(..., ...).",
        )
    return found[0], found[1]


def _figures(
    labels: Sequence[tuple[str, str]], groups: Sequence[str], resamples: int, seed: int
) -> tuple[Figure, Figure]:
    import numpy as np  # noqa: PLC0415 - needs the extra

    from rekognition_xray.clinic.statistics import (  # noqa: PLC0415 - needs the extra
        Resamples,
        score_figure,
    )

    same = np.array([one == other for one, other in labels])
    sample = Resamples(groups, resamples=resamples, seed=seed)
    everywhere = np.ones(len(same), dtype=bool)
    agreement = score_figure(sample.ratio(same, everywhere, reason=""))
    mine, theirs = (Counter(given) for given in zip(*labels, strict=True))
    by_chance = sum(mine[label] * theirs[label] for label in mine) / len(labels) ** 2
    if by_chance == 1:
        reason = "both readers gave one and the same label to every image"
        return Figure(None, n=agreement.n, patients=agreement.patients, reason=reason), agreement
    value, low, high = (
        None if each is None else (each - by_chance) / (1 - by_chance)
        for each in (agreement.value, agreement.low, agreement.high)
    )
    kappa = attrs.evolve(agreement, value=value, low=low, high=high, method=_METHOD)
    return kappa, agreement
