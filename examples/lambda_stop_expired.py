"""An AWS Lambda handler for a schedule: stops models that dead processes left running.

Deploy it with the package, give its role the policy of ``permissions.policy_for("meter", ...)``, a
time-out of 5 minutes, and a schedule such as ``rate(10 minutes)`` in each Region that you use. A
model that somebody started without a lease is left alone unless RXRAY_STOP_UNLEASED is ``yes``.
An invocation that could not stop a model fails, so that an alarm on the function's errors reports
it.

Usage, to try it by hand: python examples/lambda_stop_expired.py
"""

from __future__ import annotations

import logging
import os

import rekognition_xray as rx
from rekognition_xray.cloud import meter

logging.getLogger().setLevel(logging.INFO)


def handler(_event: object, _context: object, aws: rx.Aws | None = None) -> dict[str, list[str]]:
    """Stops the models that nobody uses; returns what was done with each running model."""
    unleased = os.environ.get("RXRAY_STOP_UNLEASED") == "yes"
    outcomes = meter.stop_expired(aws or rx.Aws(), unleased=unleased, budget=240)
    for outcome in outcomes:
        if outcome.error:
            raise outcome.error
    return {"models": [str(outcome) for outcome in outcomes]}


if __name__ == "__main__":
    print(handler({}, None))
