"""``plan_evaluation``: how many patients a test needs, and what a test can show."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Final

import attrs

from rekognition_xray.clinic.extras import needs_science
from rekognition_xray.errors import EvaluationError, list_paths
from rekognition_xray.records import Record

_MOST_PATIENTS: Final = 10_000_000


@attrs.frozen
class PlannedFigure(Record):
    """What a test shows about one figure, if its true value is as assumed.

    Attributes:
        of: ``sensitivity`` or ``specificity``.
        value: the assumed true value, 0 to 1.
        low, high: the 95 % interval to expect, if the test finds exactly this value.
        patients, images: with pneumonia for a sensitivity, without for a specificity.
        guaranteed: what ``Evaluation.policy(confidence=)`` can guarantee if it chooses on these
            patients, for a threshold of this value.
    """

    of: str
    value: float
    low: float
    high: float
    patients: int
    images: int
    guaranteed: float

    def __str__(self) -> str:
        return (
            f"{self.of} {self.value:g}: interval {self.low:.3f}–{self.high:.3f} (width "
            f"{self.high - self.low:.3f}) from {self.images:,} images of {self.patients:,} "
            f"patients; if a threshold is chosen on them, {self.guaranteed:.3f} can be guaranteed"
        )


@attrs.frozen(str=False)
class EvaluationPlan(Record):
    """A test of a size, and what it shows.

    Attributes:
        patients, images: of the test, with and without pneumonia.
        figures: what it shows about each figure.
        assumptions: what the plan rests on.
    """

    patients: int
    images: int
    figures: tuple[PlannedFigure, ...]
    assumptions: tuple[str, ...]

    def __str__(self) -> str:
        head = f"a test of {self.images:,} images of {self.patients:,} patients"
        rows = [head, *(f"  {figure}" for figure in self.figures)]
        return "\n".join([*rows, *(f"(assumed: {text})" for text in self.assumptions)])


@attrs.frozen
class _Assumed:
    """What a plan assumes."""

    values: Mapping[str, float]
    prevalence: float
    images_per_patient: float
    alike: float
    confidence: float

    def patients_of(self, figure: str, patients: int) -> int:
        """How many of the patients a figure rests on."""
        share = self.prevalence if figure == "sensitivity" else 1 - self.prevalence
        return math.floor(patients * share + 1e-9)

    @property
    def effective_images(self) -> float:
        """Independent images that the images of one patient are worth."""
        return self.images_per_patient / (1 + (self.images_per_patient - 1) * self.alike)


def plan_evaluation(
    *,
    sensitivity: float | None = None,
    specificity: float | None = None,
    prevalence: float,
    width: float | None = None,
    patients: int | None = None,
    images_per_patient: float = 1.0,
    alike: float = 0.5,
    confidence: float = 0.95,
) -> EvaluationPlan:
    """How many patients a test needs for intervals of a width; or what a given test can show.

    The interval is the one that an evaluation computes: Wilson's, for the number of independent
    images that the images of a patient are worth, ``m / (1 + (m - 1) * alike)`` for ``m`` images
    (the design effect of Kish 1965), with Student's t for few patients. Patients with many more
    images than others make a test worth less than that.

    Args:
        sensitivity: the true value to expect, between 0 and 1.
        specificity: likewise. One of the two, or both.
        prevalence: share of the test's patients that have pneumonia, between 0 and 1. A test may
            be collected with another share than the place of use has.
        width: the test is as large as each interval needs to be at most this wide. Give either
            this or ``patients``.
        patients: the test has so many patients.
        images_per_patient: on average, 1 or more.
        alike: correlation, 0 to 1, of being right for two images of one patient. At 1, further
            images of a patient add nothing; at 0, each counts like a patient.
        confidence: of a guarantee on new patients, between 0 and 1.

    Raises:
        EvaluationError: names every argument that does not fit; or more than ten million patients
            would be needed.
        MissingExtraError: the extra ``science`` is not installed.
    """
    needs_science("plan_evaluation")
    given = {"sensitivity": sensitivity, "specificity": specificity}
    values = {name: value for name, value in given.items() if value is not None}
    assumed = _Assumed(values, prevalence, images_per_patient, alike, confidence)
    _check(assumed, width, patients)
    size = patients if patients is not None else _fewest_patients(assumed, width or 0.0)
    return EvaluationPlan(
        patients=size,
        images=round(size * images_per_patient),
        figures=tuple(_figure(assumed, name, size) for name in values),
        assumptions=(
            f"{prevalence:g} of the patients have pneumonia",
            f"{images_per_patient:g} images of each patient, whose correlation is {alike:g}",
            f"guarantees with confidence {confidence:g}",
        ),
    )


def _check(assumed: _Assumed, width: float | None, patients: int | None) -> None:
    bad = list(_problems(assumed, width, patients))
    if bad:
        raise EvaluationError(
            f"No test can be planned so:\n{list_paths(bad)}",
            hint="Such as plan_evaluation(sensitivity=0.95, width=0.06, prevalence=0.5).",
        )


def _problems(assumed: _Assumed, width: float | None, patients: int | None) -> Iterator[str]:
    shares = {
        **assumed.values,
        "prevalence": assumed.prevalence,
        "confidence": assumed.confidence,
        **({} if width is None else {"width": width}),
    }
    for name, share in shares.items():
        if not 0 < share < 1:  # NaN included
            yield f"{name}={share!r} is not between 0 and 1"
    if not assumed.values:
        yield "there is neither a sensitivity nor a specificity"
    if (width is None) == (patients is None):
        yield "exactly one of width and patients decides about the size"
    if not 1 <= assumed.images_per_patient < math.inf:
        yield f"images_per_patient={assumed.images_per_patient!r} is not 1 or more"
    if not 0 <= assumed.alike <= 1:
        yield f"alike={assumed.alike!r} is not within 0 and 1"
    whole = isinstance(patients, int) and not isinstance(patients, bool)
    if patients is not None and not (whole and 0 < patients <= _MOST_PATIENTS):
        yield f"patients={patients!r} is no whole number from 1 to {_MOST_PATIENTS:,}"
    elif patients is not None and 0 < assumed.prevalence < 1:
        sides = [assumed.patients_of(name, patients) for name in assumed.values]
        if min(sides, default=2) < 2:
            yield f"patients={patients!r} leaves fewer than 2 patients for a figure"


def _fewest_patients(assumed: _Assumed, width: float) -> int:
    """The fewest patients whose intervals are at most so wide."""

    def narrow(patients: int) -> bool:
        return all(
            assumed.patients_of(name, patients) >= 2
            and _figure(assumed, name, patients).high - _figure(assumed, name, patients).low
            <= width
            for name in assumed.values
        )

    low, high = 0, 2
    while not narrow(high):
        if high > _MOST_PATIENTS:
            raise EvaluationError(
                f"Intervals of width {width:g} need more than {_MOST_PATIENTS:,} patients.",
                hint="Allow wider intervals.",
            )
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if narrow(middle) else (middle, high)
    return high


def _figure(assumed: _Assumed, name: str, patients: int) -> PlannedFigure:
    from scipy.special import betaincinv  # noqa: PLC0415 - needs the extra

    from rekognition_xray.clinic.statistics import expected_interval  # noqa: PLC0415

    value, of = assumed.values[name], assumed.patients_of(name, patients)
    low, high = expected_interval(value, of * assumed.effective_images, patients=of)
    wrong = math.ceil(of * (1 - value) - 1e-9)
    # The lower end of Clopper and Pearson's interval (1934): what the binomial test guarantees.
    # Of two guarantees, each gets half of the error, as in ``Evaluation.policy``.
    error = (1 - assumed.confidence) / len(assumed.values)
    guaranteed = float(betaincinv(of - wrong, wrong + 1, error)) if wrong < of else 0.0
    return PlannedFigure(
        name, value, low, high, of, round(of * assumed.images_per_patient), guaranteed
    )
