"""With one image of each patient, our threshold is that of MAPIE's recall control."""

from __future__ import annotations

import numpy as np
import pytest

from rekognition_xray.clinic.policy.guaranteed_choice import most_wrong

control = pytest.importorskip("mapie.risk_control", reason="needs make test-peers")


@pytest.mark.parametrize("seed", range(5))
def test_the_highest_threshold_that_mapie_accepts_is_our_limit(seed):
    rng = np.random.default_rng(seed)
    truth = rng.random(400) < 0.5
    score = 1 / (1 + np.exp(-(rng.normal(size=400) + 2.0 * truth - 1)))
    controller = control.BinaryClassificationController(
        predict_function=lambda x: np.column_stack([1 - x[:, 0], x[:, 0]]),
        risk="recall",
        target_level=0.9,
        confidence_level=0.95,
        list_predict_params=np.sort(score),
        fwer_method="fixed_sequence",
    )
    controller.calibrate(score[:, None], truth.astype(int))
    sick = np.sort(score[truth])
    ours = sick[most_wrong(len(sick), 0.9, 0.05)]
    assert max(controller.valid_predict_params) == pytest.approx(ours, abs=1e-9)
