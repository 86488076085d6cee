"""The learner `fast` behind the service: what its log tells."""

from __future__ import annotations

import re


def test_a_training_logs_each_percent_once_and_ends_at_a_hundred(open_desk, caplog):
    desk = open_desk(learner="fast")
    with caplog.at_level("INFO", logger="rekognition_xray.local.training.trainer"):
        desk.trained(per_label=8)
    output = [int(number) for number in re.findall(r"training v1: (\d+) %", caplog.text)]
    assert output == sorted(set(output))
    assert (output[0], output[-1]) == (0, 100)
