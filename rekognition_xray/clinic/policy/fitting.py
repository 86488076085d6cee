"""Fits a calibration on the images that a policy is chosen on.

Imports numpy and scikit-learn: to be imported only when a policy is chosen.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from rekognition_xray.clinic.policy.calibration import Calibration, Kind
from rekognition_xray.clinic.statistics import Mask, Values, log_odds

_MOST_MARGIN: Final = 0.25


def fit_calibration(kind: Kind, truth: Mask, score: Values, *, patients: int) -> Calibration:
    """The best fitting calibration of a kind.

    Platt's targets, ``(n + 1) / (n + 2)`` and ``1 / (n + 2)`` instead of 1 and 0 (Platt 1999),
    keep platt and temperature finite if confidences separate the images completely. All kinds are
    shrunk towards one half so that none comes nearer to 0 or 1 than ``3 / patients``: where
    n patients showed no exception, its share may be as large as that (the rule of three, Hanley
    and Lippman-Hand 1983).

    Args:
        kind: platt, temperature or isotonic.
        truth: which images show pneumonia; there must be images of both kinds.
        score: their confidence of pneumonia.
        patients: number of their patients.
    """
    if kind == "isotonic":
        steps = IsotonicRegression(out_of_bounds="clip", y_min=0.0, y_max=1.0).fit(score, truth)
        return Calibration(
            kind=kind,
            confidences=tuple(map(float, steps.X_thresholds_)),
            probabilities=tuple(map(float, steps.y_thresholds_)),
            margin=_margin(patients),
            images=len(score),
            patients=patients,
        )
    sick, well = int(truth.sum()), int((~truth).sum())
    target = np.where(truth, (sick + 1) / (sick + 2), 1 / (well + 2))
    odds = np.tile(log_odds(score), 2)[:, None]
    answer = np.repeat([1, 0], len(score))
    model = LogisticRegression(C=np.inf, fit_intercept=kind == "platt", tol=1e-8, max_iter=1000)
    model.fit(odds, answer, sample_weight=np.r_[target, 1 - target])
    return Calibration(
        kind=kind,
        slope=float(model.coef_[0, 0]),
        intercept=float(np.ravel(model.intercept_)[0]) if kind == "platt" else 0.0,
        margin=_margin(patients),
        images=len(score),
        patients=patients,
    )


def _margin(patients: int) -> float:
    return min(3 / max(patients, 1), _MOST_MARGIN)
