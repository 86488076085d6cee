"""Figures with intervals from test images, by a bootstrap over patients.

Imports numpy: to be imported only when figures are computed.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import attrs
import numpy as np

from rekognition_xray.clinic.statistics.calibration import calibration_error, intercept_and_slope
from rekognition_xray.clinic.statistics.figures import (
    BinaryFigures,
    Estimates,
    Figure,
    known_label,
)
from rekognition_xray.clinic.statistics.intervals import (
    BootstrapStatistic,
    Values,
    logit_figure,
    score_figure,
)
from rekognition_xray.clinic.statistics.resampling import Mask, Resamples
from rekognition_xray.clinic.statistics.test_image import TestImage
from rekognition_xray.errors import EvaluationError
from rekognition_xray.labels import PNEUMONIA, distinguish_pneumonia, is_pneumonia

_AREAS: Final = ("auroc", "average_precision")
NO_TWO_CLASSES: Final = "the labels do not distinguish pneumonia from the rest"


@attrs.frozen(eq=False)
class BinaryView:
    """One side against the rest.

    Attributes:
        name: of the one side: a label or pneumonia.
        truth: which images show it.
        called: which images the model calls so.
        score: its confidence for each image, 0 to 1.
    """

    name: str
    truth: Mask
    called: Mask
    score: Values


def label_view(images: Sequence[TestImage], label: str) -> BinaryView:
    """A label against all others."""
    return BinaryView(
        name=label,
        truth=np.array([image.truth == label for image in images]),
        called=np.array([image.predicted == label for image in images]),
        score=np.array([image.confidences[label] for image in images]),
    )


def pneumonia_view(images: Sequence[TestImage]) -> BinaryView:
    """Pneumonia of any type against the rest."""
    return BinaryView(
        name=PNEUMONIA,
        truth=np.array([image.has_pneumonia for image in images]),
        called=np.array([is_pneumonia(image.predicted) for image in images]),
        score=np.array([image.pneumonia for image in images]),
    )


def chosen_view(
    images: Sequence[TestImage], labels: Sequence[str], label: str | None
) -> BinaryView:
    """A label against all others, or pneumonia against the rest.

    Raises:
        EvaluationError: an unknown label, or none where the labels do not distinguish pneumonia
            from the rest.
    """
    if label is not None:
        return label_view(images, known_label(label, labels))
    if not distinguish_pneumonia(labels):
        raise EvaluationError(
            "The labels do not distinguish pneumonia from the rest.", hint="Name a label."
        )
    return pneumonia_view(images)


def resample_patients(images: Sequence[TestImage], *, resamples: int, seed: int) -> Resamples:
    """The resamples of the images' patients."""
    return Resamples([image.group for image in images], resamples=resamples, seed=seed)


def estimate(
    images: Sequence[TestImage], labels: Sequence[str], *, resamples: int, seed: int
) -> Estimates:
    """All figures of an evaluation; the same images in another order give the same figures."""
    images = _in_order(images)
    sample = resample_patients(images, resamples=resamples, seed=seed)
    views = {label: label_view(images, label) for label in labels}
    overall = _overall(sample, images, views)
    distinguished = distinguish_pneumonia(labels)
    two_class = (
        binary_figures(sample, pneumonia_view(images))
        if distinguished
        else missing_figures(NO_TWO_CLASSES)
    )
    return Estimates(
        **{name: score_figure(each) for name, each in overall.items()},
        calibration_error=_top_error(sample, images),
        by_label={label: binary_figures(sample, view) for label, view in views.items()},
        two_class=two_class,
    )


def _in_order(images: Sequence[TestImage]) -> list[TestImage]:
    """Sorted by address, so that sums are rounded the same way."""
    return sorted(images, key=lambda image: image.source_ref)


def missing_figures(reason: str, *, n: int = 0, patients: int = 0) -> BinaryFigures:
    """Figures without values, all for the same reason."""
    nothing = Figure(None, n=n, patients=patients, reason=reason)
    return BinaryFigures(**{field.name: nothing for field in attrs.fields(BinaryFigures)})


def binary_figures(sample: Resamples, view: BinaryView) -> BinaryFigures:
    """All figures of one view."""
    return figures_from(sample, view, view_statistics(sample, view))


def view_statistics(sample: Resamples, view: BinaryView) -> dict[str, BootstrapStatistic]:
    """The figures that have replicates, as far as the confidences support them."""
    counts = count_statistics(sample, view)
    if _unusable_scores(view):  # what was called is known, and how sure the model was is not
        del counts["brier"]
        return counts
    return counts | rank_statistics(sample, view)


def figures_from(
    sample: Resamples, view: BinaryView, statistics: Mapping[str, BootstrapStatistic]
) -> BinaryFigures:
    """All figures of one view, from what ``view_statistics`` returned."""
    found = {
        name: logit_figure(each) if name in _AREAS else score_figure(each)
        for name, each in statistics.items()
    }
    unusable = _unusable_scores(view)
    if unusable:
        reason = f"{unusable} images have no usable confidence of {view.name}"
        missing = missing_figures(reason, n=len(view.score), patients=sample.patients).by_name()
        return BinaryFigures(**(missing | found))
    return BinaryFigures(**found, **_calibration_figures(sample, view))


def _unusable_scores(view: BinaryView) -> int:
    return int((~np.isfinite(view.score)).sum())


def count_statistics(sample: Resamples, view: BinaryView) -> dict[str, BootstrapStatistic]:
    """The figures that follow from counts and sums, on the images and on every resample."""
    truth, called = view.truth, view.called
    cells = [truth & called, ~truth & called, truth & ~called, ~truth & ~called]
    totals = sample.totals(np.stack([*cells, (view.score - truth) ** 2], axis=1))
    hit, false, missed, passed, square = totals.T
    with np.errstate(invalid="ignore", divide="ignore"):
        sensitivity, specificity = hit / (hit + missed), passed / (passed + false)
        # If no image shows it, both would be 0 for any model.
        shown = np.where(hit + missed > 0, hit, np.nan)
        f1 = 2 * shown / (2 * shown + false + missed)
        precision = shown / (hit + false)
        images = totals[:, :4].sum(axis=1)  # 0 where no patient of a group was drawn
        accuracy, brier = (hit + passed) / images, square / images
    everything = np.ones(len(truth), dtype=bool)
    gap = _one_sided(view)
    # A figure of both sides is limited by the patients of the rarer side.
    sides = min(sample.count(truth), sample.count(~truth))

    def statistic(
        values: Values, among: Mask, reason: str, units: int | None = None
    ) -> BootstrapStatistic:
        return sample.statistic(values, among, reason=reason, units=units)

    absent = f"no test image shows {view.name}"
    uncalled = f"no test image was called {view.name}" if view.truth.any() else absent
    return {
        "sensitivity": statistic(sensitivity, truth, absent),
        "specificity": statistic(specificity, ~truth, f"every test image shows {view.name}"),
        "precision": statistic(precision, called, uncalled),
        "f1": statistic(f1, truth | called, absent),
        "accuracy": statistic(accuracy, everything, ""),
        "balanced_accuracy": statistic((sensitivity + specificity) / 2, everything, gap, sides),
        "brier": statistic(brier, everything, "", sides),
    }


def rank_statistics(sample: Resamples, view: BinaryView) -> dict[str, BootstrapStatistic]:
    """Areas under the curves, on the images and on every resample."""
    everything = np.ones(len(view.truth), dtype=bool)
    sides = min(sample.count(view.truth), sample.count(~view.truth))
    areas = sample.rank_figures(view.truth, view.score)
    return {
        name: sample.statistic(values, everything, reason=_one_sided(view), units=sides)
        for name, values in zip(_AREAS, areas, strict=True)
    }


def _calibration_figures(sample: Resamples, view: BinaryView) -> dict[str, Figure]:
    error = calibration_error(sample, view.truth, view.score)
    if _one_sided(view):
        nothing = attrs.evolve(
            error, value=None, low=None, high=None, method="", reason=_one_sided(view)
        )
        intercept = slope = nothing
    else:
        intercept, slope = intercept_and_slope(sample, view.truth, view.score)
    return {
        "calibration_error": error,
        "calibration_intercept": intercept,
        "calibration_slope": slope,
    }


def _one_sided(view: BinaryView) -> str:
    """Why the view has one side only; empty if it has two."""
    if not view.truth.any():
        return f"no test image shows {view.name}"
    return f"every test image shows {view.name}" if view.truth.all() else ""


def _overall(
    sample: Resamples, images: Sequence[TestImage], views: Mapping[str, BinaryView]
) -> dict[str, BootstrapStatistic]:
    """Figures of all labels together, on the images and on every resample."""
    everything = np.ones(len(images), dtype=bool)
    right = np.array([image.truth == image.predicted for image in images])
    each = [count_statistics(sample, view) for view in views.values()]
    absent = [label for label, view in views.items() if not view.truth.any()]
    lacking = f"no test image shows {', '.join(absent)}"
    units = min(figures["sensitivity"].patients for figures in each)

    def mean(name: str) -> BootstrapStatistic:
        values = np.mean([_column(figures[name]) for figures in each], axis=0)
        return sample.statistic(values, everything, reason=lacking, units=units)

    # Half the sum over the labels, so that it lies within 0 and 1 as with two classes.
    brier = np.sum([_column(figures["brier"]) for figures in each], axis=0) / 2
    unusable = f"{int(_unusable(images).sum())} images have a confidence that is not a number"
    return {
        "accuracy": sample.ratio(right, everything, reason=""),
        "balanced_accuracy": mean("sensitivity"),
        "f1": mean("f1"),
        "brier": sample.statistic(brier, everything, reason=unusable),
    }


def _column(statistic: BootstrapStatistic) -> Values:
    return np.append(statistic.value, statistic.replicates)


def _unusable(images: Sequence[TestImage]) -> Mask:
    sums = [sum(image.confidences.values()) for image in images]
    return np.array([not math.isfinite(total) for total in sums], dtype=bool)


def _top_error(sample: Resamples, images: Sequence[TestImage]) -> Figure:
    """Calibration error of the highest confidence, taken as the probability of being right."""
    unusable = int(_unusable(images).sum())
    if unusable:
        reason = f"{unusable} images have a confidence that is not a number"
        return Figure(None, n=len(images), patients=sample.patients, reason=reason)
    right = np.array([image.truth == image.predicted for image in images])
    highest = np.array([image.highest for image in images])
    return calibration_error(sample, right, highest)


def bootstrap_statistics(
    images: Sequence[TestImage], labels: Sequence[str], *, resamples: int, seed: int
) -> Iterator[tuple[str, BootstrapStatistic]]:
    """Every figure with its bootstrap replicates, by name, such as ``two_class.auroc``.

    For paired comparison: the same patients and seed give the same resamples, so the replicates of
    two versions on the same images can be subtracted. Calibration error, intercept and slope are
    not included.
    """
    images = _in_order(images)
    sample = resample_patients(images, resamples=resamples, seed=seed)
    views = {f"by_label.{label}": label_view(images, label) for label in labels}
    overall = _overall(sample, images, {label: views[f"by_label.{label}"] for label in labels})
    yield from overall.items()
    if distinguish_pneumonia(labels):
        views["two_class"] = pneumonia_view(images)
    for place, view in views.items():
        for name, statistic in (
            count_statistics(sample, view) | rank_statistics(sample, view)
        ).items():
            yield f"{place}.{name}", statistic
