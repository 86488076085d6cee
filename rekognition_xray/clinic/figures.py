"""The values that an evaluation is made of: figures with intervals, test films, tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Final

import attrs

from rekognition_xray.labels import is_pneumonia, pneumonia_confidence

NOT_ESTIMABLE: Final = "not estimable"


@attrs.frozen
class Figure:
    """An estimate with its 95 % interval.

    Attributes:
        value: the estimate, 0 to 1; None when the films do not support one.
        low, high: ends of the 95 % interval; None together with the value.
        n: films that the figure rests on, such as those of the label for a sensitivity.
    """

    value: float | None
    low: float | None = None
    high: float | None = None
    n: int = 0

    def __str__(self) -> str:
        if self.value is None:
            return NOT_ESTIMABLE
        if self.low is None or self.high is None:
            return f"{self.value:.3f}"
        return f"{self.value:.3f} ({self.low:.3f}–{self.high:.3f})"


@attrs.frozen
class TestFilm:
    """One film of the test part, as the service judged it.

    Attributes:
        source_ref: its address in S3.
        patient: the pseudonym in that address, None where there is none.
        truth: the label it was sent with.
        confidences: label to confidence, 0 to 1; every label of the model is there.
        predicted: the label of highest confidence; of equal ones the first in table order.
    """

    __test__: ClassVar[bool] = False  # the name begins with Test; pytest would collect it

    source_ref: str
    patient: str | None
    truth: str
    confidences: Mapping[str, float] = attrs.field(hash=False)
    predicted: str

    @property
    def group(self) -> str:
        """What is drawn as one in a resample: the patient, or the film where none is known."""
        return self.patient or self.source_ref

    @property
    def has_pneumonia(self) -> bool:
        """Whether the film was sent with a label that means pneumonia."""
        return is_pneumonia(self.truth)

    @property
    def pneumonia(self) -> float:
        """Confidence, 0 to 1, that the film shows pneumonia of any type."""
        return pneumonia_confidence(self.confidences)


@attrs.frozen
class ServiceLabel:
    """The service's own figures for one label; None where it gives none or no film has the label.

    Attributes:
        threshold: the assumed threshold, 0 to 1: best F1 on the test films themselves.
        test_films: test films with this label.
    """

    label: str
    precision: float | None
    recall: float | None
    f1: float | None
    threshold: float | None
    test_films: int


@attrs.frozen
class ServiceFigures:
    """The evaluation summary as the service wrote it.

    Its aggregates are unweighted means over the labels; no interval comes with them.

    Attributes:
        confusion: (true label, predicted label) to the share of the true label's test films.
        version_arn: the model version that the summary names.
    """

    f1: float | None
    precision: float | None
    recall: float | None
    labels: tuple[ServiceLabel, ...]
    confusion: Mapping[tuple[str, str], float] = attrs.field(hash=False)
    training_films: int
    test_films: int
    version_arn: str
    ended: str


@attrs.frozen
class LabelFigures:
    """One label against all others, by the label of highest confidence."""

    sensitivity: Figure
    specificity: Figure
    auroc: Figure


@attrs.frozen
class TwoClassFigures:
    """Pneumonia of any type against the rest.

    A film counts as called pneumonia when its label of highest confidence means pneumonia; the
    AUROC ranks films by the sum of the confidences that mean it.
    """

    accuracy: Figure
    sensitivity: Figure
    specificity: Figure
    auroc: Figure


@attrs.frozen
class Estimates:
    """All figures of one set of films."""

    accuracy: Figure
    balanced_accuracy: Figure
    by_label: Mapping[str, LabelFigures] = attrs.field(hash=False)
    two_class: TwoClassFigures
