"""Net benefit of calling by a threshold, beside calling every image and calling none.

Imports numpy: to be imported only when it is computed.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

import attrs
import numpy as np

from rekognition_xray.clinic.extras import needs_frames
from rekognition_xray.clinic.statistics.estimates import (
    BinaryView,
    chosen_view,
    resample_patients,
)
from rekognition_xray.clinic.statistics.figures import Figure
from rekognition_xray.clinic.statistics.intervals import Values, standard_error_figure
from rekognition_xray.clinic.statistics.resampling import Resamples
from rekognition_xray.clinic.statistics.test_image import TestImage
from rekognition_xray.errors import EvaluationError, list_paths

if TYPE_CHECKING:
    import pandas

_THRESHOLDS: Final = tuple(step / 20 for step in range(1, 20))


@attrs.frozen
class NetBenefit:
    """The net benefit at one threshold.

    Attributes:
        threshold: images of at least this confidence are called, 0 to 1. One missed image weighs as
            much as ``(1 - threshold) / threshold`` false calls.
        model: true calls less weighted false calls, per image.
        call_all: the same if every image is called. Calling none has a net benefit of 0.
        gain: ``model`` less the better of ``call_all`` and 0.
    """

    threshold: float
    model: Figure
    call_all: Figure
    gain: Figure

    def by_name(self) -> dict[str, Figure]:
        """What frames call a figure, to the figure."""
        return {
            "net_benefit": self.model,
            "net_benefit_of_calling_all": self.call_all,
            "net_benefit_gain": self.gain,
        }


@attrs.frozen
class DecisionCurve:
    """Net benefit over thresholds (Vickers and Elkin 2006).

    Attributes:
        of: a label, or pneumonia of any type.
        prevalence: the share of images that show it, 0 to 1.
        stated: whether the prevalence was stated; otherwise it is that of the test images.
        points: in ascending order of the threshold; empty if the images do not support them.
        reason: why there are no points; empty if there are some.
    """

    of: str
    prevalence: float
    stated: bool
    points: tuple[NetBenefit, ...]
    reason: str = ""

    def to_frame(self) -> pandas.DataFrame:
        """A pandas data frame with one row for each threshold and figure.

        Columns: threshold, figure, value, low, high, images, patients, method and reason.

        Raises:
            MissingExtraError: the extra ``frames`` is not installed.
        """
        needs_frames("DecisionCurve.to_frame()")
        import pandas as pd  # noqa: PLC0415 - optional

        rows = [
            {"threshold": point.threshold, "figure": name} | figure.to_dict()
            for point in self.points
            for name, figure in point.by_name().items()
        ]
        return pd.DataFrame(rows).rename(columns={"n": "images"})


def decision_curve(
    sample: Resamples,
    view: BinaryView,
    *,
    thresholds: Sequence[float] | None = None,
    prevalence: float | None = None,
) -> DecisionCurve:
    """The net benefit of one view at each threshold.

    ``TP / n - FP / n * t / (1 - t)`` at a threshold ``t``. At a stated prevalence ``p``,
    ``p * sensitivity - (1 - p) * (1 - specificity) * t / (1 - t)``. Confidences count as they are,
    as probabilities. The interval comes from the bootstrap's standard error over patients and
    Student's t.

    Args:
        sample: the resamples of the patients.
        view: of the same images.
        thresholds: each above 0 and below 1; by default 0.05, 0.10 and so on to 0.95.
        prevalence: share of images that show it where the model is to be used, above 0 and below 1;
            by default the share of the test images.

    Raises:
        EvaluationError: names every threshold, or the prevalence, that is not between 0 and 1.
    """
    thresholds = _THRESHOLDS if thresholds is None else thresholds
    _check(thresholds, prevalence)
    shown = float(view.truth.mean()) if len(view.truth) else math.nan
    reason = _reason(view)
    points = () if reason else tuple(_points(sample, view, sorted(set(thresholds)), prevalence))
    share = shown if prevalence is None else prevalence
    return DecisionCurve(view.name, share, prevalence is not None, points, reason)


def _check(thresholds: Sequence[float], prevalence: float | None) -> None:
    bad = [f"threshold {each!r}" for each in thresholds if not 0 < each < 1]  # NaN included
    bad += [] if prevalence is None or 0 < prevalence < 1 else [f"prevalence {prevalence!r}"]
    bad += [] if len(thresholds) else ["no threshold"]
    if bad:
        raise EvaluationError(
            f"A decision curve cannot be made of what is not between 0 and 1:\n{list_paths(bad)}",
            hint="Use shares such as 0.1.",
        )


def _reason(view: BinaryView) -> str:
    if not view.truth.any():
        return f"no test image shows {view.name}"
    if view.truth.all():
        return f"every test image shows {view.name}"
    unusable = int((~np.isfinite(view.score)).sum())
    return f"{unusable} images have no usable confidence of {view.name}" if unusable else ""


def _points(
    sample: Resamples, view: BinaryView, thresholds: Sequence[float], prevalence: float | None
) -> Iterator[NetBenefit]:
    called = view.score[:, None] >= np.array(thresholds)
    sick, well = view.truth[:, None], ~view.truth[:, None]
    totals = sample.totals(np.hstack([called & sick, called & well, sick, well]))
    steps = len(thresholds)
    hits, false = totals[:, :steps], totals[:, steps : 2 * steps]
    all_sick, all_well = totals[:, 2 * steps], totals[:, 2 * steps + 1]
    with np.errstate(invalid="ignore", divide="ignore"):
        sick_share = all_sick / (all_sick + all_well) if prevalence is None else prevalence
        of_sick, of_well = sick_share / all_sick, (1 - sick_share) / all_well
    everything = np.ones(len(view.truth), dtype=bool)

    def figure(values: Values, most: float) -> Figure:
        statistic = sample.statistic(values, everything, reason="")
        return standard_error_figure(statistic, most=most)

    for place, threshold in enumerate(thresholds):
        odds = threshold / (1 - threshold)
        model = hits[:, place] * of_sick - false[:, place] * of_well * odds
        every = all_sick * of_sick - all_well * of_well * odds
        best = every if every[0] > 0 else np.zeros_like(every)
        most = max(1.0, odds)
        # At a stated prevalence, calling every image has a benefit that no test can change.
        call_all = figure(every, most if prevalence is None else 0.0)
        yield NetBenefit(threshold, figure(model, most), call_all, figure(model - best, most))


def view_decision_curve(
    images: Sequence[TestImage],
    labels: Sequence[str],
    label: str | None,
    *,
    thresholds: Sequence[float] | None,
    prevalence: float | None,
    resamples: int,
    seed: int,
) -> DecisionCurve:
    """The decision curve of pneumonia, or of one label against all others.

    Args:
        images: the test images.
        labels: the labels of the model.
        label: one of them; pneumonia of any type without it.
        thresholds: each above 0 and below 1.
        prevalence: share of images that show it where the model is to be used.
        resamples: bootstrap resamples of the patients.
        seed: seed of the resamples.

    Raises:
        EvaluationError: an unknown label, labels that do not distinguish pneumonia from the rest,
            or a threshold or prevalence that is not between 0 and 1.
    """
    view = chosen_view(images, labels, label)
    sample = resample_patients(images, resamples=resamples, seed=seed)
    return decision_curve(sample, view, thresholds=thresholds, prevalence=prevalence)
