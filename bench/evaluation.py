"""All figures of an evaluation with their intervals, beside a plain loop over resamples.

The loop calls scikit-learn's ``roc_auc_score`` for one figure of the 53, once for each resample.
"""

from __future__ import annotations

import resource
import time
from typing import Final

import numpy as np
from sklearn.metrics import roc_auc_score

from rekognition_xray.clinic.statistics import (
    TestImage,
    estimate,
    group_figures,
    pneumonia_view,
    resample_patients,
    view_curves,
    view_decision_curve,
)
from rekognition_xray.labels import THREE_CLASSES

IMAGES: Final = 10_000
PATIENTS: Final = 4_000
RESAMPLES: Final = 2_000
LOOPED: Final = 20


def images() -> list[TestImage]:
    """Images of three labels, a few for each patient, distinguished fairly well."""
    rng = np.random.default_rng(7)
    patient = rng.integers(0, PATIENTS, IMAGES)
    truth = rng.integers(0, 3, PATIENTS)[patient]
    lean = rng.normal(size=(PATIENTS, 3))[patient]
    odds = lean + rng.normal(size=(IMAGES, 3)) + 2.5 * np.eye(3)[truth]
    shares = np.exp(odds) / np.exp(odds).sum(axis=1, keepdims=True)
    return [
        TestImage(
            source_ref=f"s3://b/{number:06d}",
            patient=f"{patient[number]:06d}",
            truth=THREE_CLASSES[truth[number]],
            confidences=dict(zip(THREE_CLASSES, map(float, shares[number]), strict=True)),
            predicted=THREE_CLASSES[int(np.argmax(shares[number]))],
        )
        for number in range(IMAGES)
    ]


def facts(given: list[TestImage]) -> dict[str, dict[str, int]]:
    """Sex, age group and view: eight groups."""
    rng = np.random.default_rng(8)
    return {
        image.source_ref: {"sex": int(image.group) % 2, "age": int(image.group) % 4, "view": view}
        for image, view in zip(given, rng.integers(0, 2, len(given)).tolist(), strict=True)
    }


def main() -> None:
    given = images()
    began = time.perf_counter()
    made = estimate(given, THREE_CLASSES, resamples=RESAMPLES, seed=0)
    seconds = time.perf_counter() - began
    print(f"{IMAGES:,} images, {RESAMPLES:,} resamples: all figures in {seconds:.1f} s")
    print(f"AUROC of pneumonia: {made.two_class.auroc}")

    settings = {"resamples": RESAMPLES, "seed": 0}
    began = time.perf_counter()
    view_decision_curve(given, THREE_CLASSES, None, thresholds=None, prevalence=None, **settings)
    curve = time.perf_counter() - began
    began = time.perf_counter()
    group_figures(given, THREE_CLASSES, facts(given), **settings)
    groups = time.perf_counter() - began
    print(f"net benefit in {curve:.1f} s, 8 groups by 3 variables in {groups:.1f} s")
    print(f"together {seconds + curve + groups:.1f} s")

    sample, view = resample_patients(given, resamples=RESAMPLES, seed=0), pneumonia_view(given)
    began = time.perf_counter()
    for counts in sample.weights[1 : LOOPED + 1]:
        roc_auc_score(view.truth, view.score, sample_weight=counts[sample.patient])
    loop = (time.perf_counter() - began) / LOOPED * RESAMPLES
    print(f"the plain loop, for that one figure: {loop:.1f} s (from {LOOPED} resamples)")

    began = time.perf_counter()
    view_curves(sample, view, points=200)
    print(f"curves of pneumonia with 100 thresholds: {time.perf_counter() - began:.1f} s")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{peak:.0f} MB peak, interpreter and libraries included")


if __name__ == "__main__":
    main()
