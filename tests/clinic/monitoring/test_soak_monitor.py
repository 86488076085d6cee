"""The promise at full size: quiet months raise few false alarms, a change is found soon."""

from __future__ import annotations

import numpy as np
import pytest

from rekognition_xray.clinic.monitoring import Monitor

from ...support.drifting import quiet

MONTHS = 1000
MONTH = 1000
REFERENCE = 500


@pytest.mark.soak
@pytest.mark.parametrize("rate", [0.01, 0.1])
def test_a_thousand_quiet_months_raise_at_most_the_stated_share_of_alarms(tmp_path, rate) -> None:
    months, alarms = MONTHS if rate == 0.01 else MONTHS // 5, 0
    for month in range(months):
        reference = quiet(tmp_path / f"{month}-before.jsonl", REFERENCE, seed=2 * month)
        journal = quiet(tmp_path / f"{month}.jsonl", MONTH, seed=2 * month + 1)
        alarms += Monitor(reference, false_alarms=rate, seed=3 * month).update(journal).alarm
        reference.unlink()
        journal.unlink()
    print(f"{alarms} of {months} months raised an alarm; at most {rate:.0%} are promised")
    assert alarms <= rate * months


@pytest.mark.soak
def test_a_prevalence_that_doubles_is_found_within_150_images(tmp_path) -> None:
    delays = []
    for run in range(100):
        reference = quiet(tmp_path / f"{run}-before.jsonl", REFERENCE, seed=3 * run)
        journal = quiet(tmp_path / f"{run}.jsonl", REFERENCE, seed=3 * run + 1)
        quiet(journal, MONTH, ill=0.6, seed=3 * run + 2)
        report = Monitor(reference, seed=3 * run).update(journal)
        delays.append((report.watched[0].alarm_image or np.inf) - REFERENCE)
    print(f"median {np.median(delays):.0f} images, 90 % within {np.quantile(delays, 0.9):.0f}")
    assert np.median(delays) < 150
