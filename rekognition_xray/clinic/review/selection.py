"""``select_for_reading``: the images whose reading is likely to teach the most."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

import attrs

from rekognition_xray._workers import worker_pool
from rekognition_xray.clinic.diagnosis import Diagnosis, read_journal
from rekognition_xray.clinic.extras import needs_science
from rekognition_xray.data.correcting import image_finder
from rekognition_xray.data.images import DEFAULT_OPTIONS, ImageOptions
from rekognition_xray.errors import ImageError, InvalidRequestError

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from rekognition_xray.clinic.statistics import Values
    from rekognition_xray.data.dataset import XrayDataset

log = logging.getLogger(__name__)

_POOL: Final = 3  # candidates for each image to select; the others' doubt is lower
_LIKENESS: Final = 0.1  # what an image loses that equals one already selected


@attrs.frozen
class Selected:
    """An image that should be read.

    Attributes:
        diagnosis: what the model found on it.
        doubt: 0 to 1: one minus the confidence of its present label; without a dataset one minus
            the highest confidence.
        label: its present label; None without a dataset.
    """

    diagnosis: Diagnosis
    doubt: float
    label: str | None = None


@attrs.frozen
class _Candidate:
    selected: Selected
    patient: str


def select_for_reading(
    journal: str | Path,
    n: int,
    *,
    dataset: XrayDataset | None = None,
    patient_of: Callable[[str], str | None] | None = None,
    executor: Executor | None = None,
) -> tuple[Selected, ...]:
    """Selects images of which the model is in doubt and which differ, at most one of each patient.

    With a dataset, doubt is one minus the confidence of the present label (the self-confidence of
    Northcutt, Jiang and Chuang, Confident Learning, 2021): it finds labels that are likely wrong.
    Without one it is one minus the highest confidence (Lewis and Gale, 1994). Images are taken in
    order of doubt, and each loses up to 0.1 by its likeness to those already taken (maximal
    marginal relevance, Carbonell and Goldstein, 1998); likeness is the correlation of two
    ``cases.image_descriptor``. The same journal and images give the same selection. No AWS call.

    Args:
        journal: of a bulk run (``Diagnoser.diagnose_many``). Failed images, and those that a
            gate refused, are not selected.
        n: how many, at least 1; fewer are given if there are fewer patients.
        dataset: gives the present label and the patient of each image. Images that are not in it
            are not selected: pass the training part, and test images are left alone.
        patient_of: gives the patient of an image by its path, where there is no dataset; an image
            whose patient is None counts as a patient of its own.
        executor: what decodes images; by default threads, one for each processor.

    Returns:
        The most useful image first. Images that are no longer on this machine are left out, with
        a warning in the log.

    Raises:
        InvalidRequestError: n below 1, or not exactly one of ``dataset`` and ``patient_of``.
        JournalError: the journal cannot be read.
        MissingExtraError: the extra ``science`` is not installed.
    """
    needs_science("select_for_reading")
    if n < 1:
        raise InvalidRequestError(f"{n} images cannot be selected.", hint="Ask for 1 or more.")
    answers = read_journal(journal)
    diagnoses = [one for one in answers if isinstance(one, Diagnosis) and one.confidences]
    candidates = _best_of_each_patient(_candidates(diagnoses, dataset, patient_of))
    options = attrs.evolve(
        DEFAULT_OPTIONS if dataset is None else dataset.options,
        allow_burned_in=True,  # nothing leaves this machine
        allow_other_views=True,
    )
    return tuple(_pick(_describe(candidates, n * _POOL, options, executor), n))


def _candidates(
    diagnoses: Iterable[Diagnosis],
    dataset: XrayDataset | None,
    patient_of: Callable[[str], str | None] | None,
) -> list[_Candidate]:
    if (dataset is None) == (patient_of is None):
        raise InvalidRequestError(
            "The patient of each image must be known, from one place.",
            hint="Pass either dataset=... or patient_of=...",
        )
    if patient_of is not None:
        return [
            _Candidate(
                Selected(one, 1 - max(one.confidences.values())),
                patient_of(one.source) or f"image:{one.source}",
            )
            for one in diagnoses
        ]
    find = image_finder(dataset or ())
    return [
        _Candidate(
            Selected(one, 1 - one.confidences.get(image.label, 0.0), image.label), image.group
        )
        for one in diagnoses
        if (image := find(one.source)) is not None
    ]


def _best_of_each_patient(candidates: Iterable[_Candidate]) -> list[Selected]:
    """The most doubtful image of each patient, in order of doubt."""
    best: dict[str, Selected] = {}
    for one in sorted(candidates, key=lambda each: _by_doubt(each.selected)):
        best.setdefault(one.patient, one.selected)
    return sorted(best.values(), key=_by_doubt)


def _by_doubt(selected: Selected) -> tuple[float, str]:
    return -selected.doubt, selected.diagnosis.source


def _describe(
    candidates: Sequence[Selected], most: int, options: ImageOptions, executor: Executor | None
) -> list[tuple[Selected, Values]]:
    """The first candidates whose images can be read, each with its descriptor."""
    describe = partial(_descriptor, options=options)
    found: list[tuple[Selected, Values]] = []
    with worker_pool(executor) as workers:
        for start in range(0, len(candidates), most):
            batch = candidates[start : start + most]
            vectors = workers.map(describe, [one.diagnosis.source for one in batch])
            found += [
                (one, seen) for one, seen in zip(batch, vectors, strict=True) if seen is not None
            ]
            if len(found) >= most:
                break
    return found[:most]


def _descriptor(source: str, *, options: ImageOptions) -> Values | None:
    from rekognition_xray.clinic.cases import image_descriptor  # noqa: PLC0415 - needs the extra

    try:
        return image_descriptor(Path(source), options=options).astype(float)
    except ImageError as error:
        log.warning("%s is left out: %s", source, error.reason)
        return None


def _pick(pool: Sequence[tuple[Selected, Values]], n: int) -> Iterator[Selected]:
    """Images of the pool, each the best once those before it are taken."""
    import numpy as np  # noqa: PLC0415 - needs the extra

    if not pool:
        return
    images, vectors = zip(*pool, strict=True)
    table = np.stack(vectors)
    doubt = np.array([one.doubt for one in images])
    likeness = np.zeros(len(pool))
    for _ in range(min(n, len(pool))):
        place = int((doubt - _LIKENESS * likeness).argmax())
        yield images[place]
        doubt[place] = -np.inf
        likeness = np.maximum(likeness, table @ table[place])
