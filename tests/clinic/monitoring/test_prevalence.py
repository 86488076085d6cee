from __future__ import annotations

import numpy as np
import pytest

from rekognition_xray.clinic.monitoring.prevalence import LabelShift
from rekognition_xray.clinic.statistics import TestImage


def _images(count, *, ill, seed):
    """Well separated, and badly calibrated: confidences are too extreme."""
    rng = np.random.default_rng(seed)
    truth = rng.random(count) < ill
    odds = 3 * rng.normal(np.where(truth, 1.2, -1.2))
    return [
        TestImage(
            source_ref=f"s3://b/{number}.png",
            patient=None,
            truth="pneumonia" if sick else "normal",
            confidences={"normal": 1 - share, "pneumonia": share},
            predicted="pneumonia" if share > 0.5 else "normal",
        )
        for number, (sick, share) in enumerate(zip(truth, 1 / (1 + np.exp(-odds)), strict=True))
    ]


@pytest.fixture(scope="module")
def shift():
    return LabelShift(_images(400, ill=0.5, seed=0))


@pytest.mark.parametrize("ill", [0.05, 0.3, 0.6, 0.9])
def test_the_interval_includes_the_prevalence_where_only_the_mix_has_changed(shift, ill) -> None:
    new = _images(600, ill=ill, seed=5)
    shown = np.mean([image.has_pneumonia for image in new])
    found = shift.prevalence([image.pneumonia for image in new])
    assert found.low <= shown <= found.high
    assert found.high - found.low < 0.2
    called = np.mean([image.pneumonia > 0.5 for image in new])
    assert ill not in {0.05, 0.9} or abs(found.value - shown) < abs(called - shown)


def test_more_images_narrow_the_interval(shift) -> None:
    few, many = (
        shift.prevalence([image.pneumonia for image in _images(count, ill=0.3, seed=1)])
        for count in (60, 900)
    )
    assert many.high - many.low < few.high - few.low
