"""Figures with intervals, and the service's own. Plain values, no numpy."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Final

import attrs

from rekognition_xray.clinic import json_fields as fields
from rekognition_xray.clinic.json_fields import FieldError, Json
from rekognition_xray.errors import EvaluationError

NOT_ESTIMABLE: Final = "not estimable"


@attrs.frozen
class Figure:
    """An estimate with its 95 % interval.

    Attributes:
        value: the estimate, 0 to 1 (calibration slope and intercept: any number); None if the
            images do not support one.
        low, high: ends of the 95 % interval; None if there is no value.
        n: number of images that the figure rests on; for a sensitivity, those with the label.
        patients: number of their patients; an image whose patient is not known counts as one.
        method: how the interval was computed.
        reason: why there is no value; empty if there is one.
    """

    value: float | None
    low: float | None = None
    high: float | None = None
    n: int = attrs.field(default=0, kw_only=True)
    patients: int = attrs.field(default=0, kw_only=True)
    method: str = attrs.field(default="", kw_only=True)
    reason: str = attrs.field(default="", kw_only=True)

    def to_dict(self) -> dict[str, object]:
        """Plain data for JSON; ``from_dict`` reads it back."""
        return attrs.asdict(self)

    @classmethod
    def from_dict(cls, data: object, key: str = "the figure") -> Figure:
        """Reads what ``to_dict`` returned.

        Args:
            data: the plain data, also after it was written to JSON and read back.
            key: the name of the figure in an error.

        Raises:
            FieldError: names the field that is missing or has the wrong type.
        """
        record = fields.object_in(data, key)
        value, low, high = (_number(record, name) for name in ("value", "low", "high"))
        if (value is None) != (low is None and high is None) or (low is None) != (high is None):
            raise FieldError(
                f"{key} has a value without an interval, or an interval without a value"
            )
        if value is not None and not (low or 0.0) <= value <= (high or 0.0):
            raise FieldError(f"{key} has an interval that does not include its value")
        return cls(
            value,
            low,
            high,
            n=fields.count_in(record, "n"),
            patients=fields.count_in(record, "patients"),
            method=fields.string_in(record.get("method"), "method"),
            reason=fields.string_in(record.get("reason"), "reason"),
        )

    def __str__(self) -> str:
        if self.value is None:
            return NOT_ESTIMABLE
        if self.low is None or self.high is None:
            return f"{self.value:.3f}"
        return f"{self.value:.3f} ({self.low:.3f}–{self.high:.3f})"


def _number(record: Json, name: str) -> float | None:
    if record.get(name) is None:
        return None
    value = fields.number_in(record, name)
    if not math.isfinite(value):
        raise FieldError(f"{name} is {value!r}, not a finite number")
    return value


@attrs.frozen
class ServiceLabel:
    """The service's own figures for one label; None if it reports none or no image has the label.

    Attributes:
        threshold: the assumed threshold, 0 to 1: the one of best F1 on the test images themselves.
        test_images: number of test images with this label.
    """

    label: str
    precision: float | None
    recall: float | None
    f1: float | None
    threshold: float | None
    test_images: int


@attrs.frozen
class ServiceFigures:
    """The evaluation summary as the service wrote it.

    Its aggregates are unweighted means over the labels, without intervals.

    Attributes:
        confusion: (true label, predicted label) to the share of the true label's test images.
        version_arn: ARN of the model version.
    """

    f1: float | None
    precision: float | None
    recall: float | None
    labels: tuple[ServiceLabel, ...]
    confusion: Mapping[tuple[str, str], float] = attrs.field(hash=False)
    training_images: int
    test_images: int
    version_arn: str
    ended: str


@attrs.frozen(kw_only=True)
class BinaryFigures:
    """One side against the rest: a label against all others, or pneumonia of any type.

    An image counts as called if its label of highest confidence is the label, or means pneumonia.
    Areas under curves and calibration use the label's confidence, or the sum of the confidences of
    the labels that mean pneumonia.

    Attributes:
        sensitivity: share of the images that show it that are called.
        specificity: share of the other images that are not called.
        precision: share of right calls among the images called: the positive predictive value for
            the mix of labels in this test set, which is not a prevalence. Use
            ``Evaluation.at_prevalence`` for a prevalence that you state.
        f1: harmonic mean of precision and sensitivity; depends on the mix of labels.
        accuracy: share of all images that are right; depends on the mix of labels.
        balanced_accuracy: mean of sensitivity and specificity.
        auroc: area under the ROC curve: the probability that an image that shows it has a higher
            confidence than one that does not.
        average_precision: mean precision over the ranks of the images that show it; depends on the
            mix of labels. A model at chance reaches the share of images that show it.
        brier: mean squared difference between confidence and truth (Brier 1950); 0 is best.
        calibration_error: mean difference between confidence and truth over ten bins of equally
            many images (expected calibration error), corrected for noise; 0 is best.
        calibration_intercept: how much, in log odds, confidences are too low (above 0) or too high
            (below 0) on the whole; 0 is best (Van Calster 2019).
        calibration_slope: below 1, confidences are too extreme; above 1, too moderate.
    """

    sensitivity: Figure
    specificity: Figure
    precision: Figure
    f1: Figure
    accuracy: Figure
    balanced_accuracy: Figure
    auroc: Figure
    average_precision: Figure
    brier: Figure
    calibration_error: Figure
    calibration_intercept: Figure
    calibration_slope: Figure

    def by_name(self) -> dict[str, Figure]:
        """Name to figure, in the order above."""
        return {field.name: getattr(self, field.name) for field in attrs.fields(type(self))}


@attrs.frozen
class GroupDifference:
    """A figure of a group, less the same figure of all other images.

    Attributes:
        change: the difference, -1 to 1, with its 95 % interval.
        p_value: probability of a difference at least as large if there is none; None if it is not
            estimable. Holm's correction (1979) is included: of all differences of an evaluation,
            the probability that any with no true difference is below 0.05 is at most about 5 %.
    """

    change: Figure
    p_value: float | None

    def __str__(self) -> str:
        p_value = "" if self.p_value is None else f", p = {self.p_value:.2g}"
        return f"{self.change}{p_value}"


@attrs.frozen(kw_only=True)
class Group:
    """The test images with one value of a group variable, such as the sex female.

    Attributes:
        variable: such as ``sex``.
        value: such as ``female``; ``not stated`` for images without a value.
        images, patients: how many.
        figures: for pneumonia of any type against the rest. Not estimable with fewer than ten
            patients on the side that a figure rests on.
        differences: sensitivity, specificity and auroc, each less that of all other images. With
            two groups, only the first has them: those of the second differ in sign alone.
    """

    variable: str
    value: str
    images: int
    patients: int
    figures: BinaryFigures
    differences: Mapping[str, GroupDifference] = attrs.field(hash=False)

    @property
    def name(self) -> str:
        """Variable and value: ``sex: female``."""
        return f"{self.variable}: {self.value}"


@attrs.frozen(kw_only=True)
class GroupVariable:
    """What divides the test images into groups, such as the sex of the patient.

    Attributes:
        name: of the variable.
        groups: in alphabetical order, ``not stated`` last.
        shortcut: AUROC of pneumonia if an image is judged by its group alone, by the share of
            pneumonia in the same group among other patients (five folds). 0.5 or less says nothing;
            a model can use whatever is far above.
        divided_patients: patients with images in more than one group.
    """

    name: str
    groups: tuple[Group, ...]
    shortcut: Figure
    divided_patients: int


@attrs.frozen(kw_only=True)
class Estimates:
    """All figures of one set of images."""

    accuracy: Figure
    balanced_accuracy: Figure
    f1: Figure
    brier: Figure
    calibration_error: Figure
    by_label: Mapping[str, BinaryFigures] = attrs.field(hash=False)
    two_class: BinaryFigures


def known_label(label: str, labels: Sequence[str]) -> str:
    """The label; raises EvaluationError if the model does not have it."""
    if label not in labels:
        raise EvaluationError(
            f"The model has no label {label!r}.", hint=f"It has {', '.join(labels)}."
        )
    return label


_FIGURE_NAMES: Final = {
    "f1": "F1",
    "auroc": "AUROC",
    "brier": "Brier score",
    "calibration_error": "calibration error (less noise)",
}


def figure_name(key: str) -> str:
    """What tables call a figure: ``balanced accuracy`` for ``balanced_accuracy``."""
    return _FIGURE_NAMES.get(key, key.replace("_", " "))
