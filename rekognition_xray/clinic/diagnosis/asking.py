"""What is done for one image: prepare it, make one call, decide. Runs in any process.

What a worker runs takes a name of this piece of work, which makes no two calls of it equal.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

import attrs

from rekognition_xray.clinic.diagnosis.answers import Diagnosis
from rekognition_xray.clinic.diagnosis.inputs import ImageSource, Sendable, sendable
from rekognition_xray.clinic.policy import REFERRED, Decision
from rekognition_xray.errors import (
    AccessDeniedError,
    AwsError,
    CredentialsError,
    ImageError,
    NotFoundError,
    NotReadyError,
)
from rekognition_xray.labels import in_order

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rekognition_xray.clinic.diagnosis.diagnoser import Diagnoser

STOPS: Final = (NotReadyError, NotFoundError, CredentialsError, AccessDeniedError)
"""Errors that are about the version or the caller: every further image would meet them too."""


@attrs.frozen
class Reply:
    """What came of one call.

    Attributes:
        came: the diagnosis, or why there is none.
        seconds: how long the call took; 0 where none was made.
    """

    came: Diagnosis | ImageError | AwsError
    seconds: float = 0.0


def make_ready(
    diagnoser: Diagnoser, image: ImageSource, _name: str = ""
) -> Sendable | ImageError | AwsError:
    """Prepares an image, or says why it cannot be used."""
    try:
        return sendable(image, diagnoser.version.aws, allow_burned_in=diagnoser.allow_burned_in)
    except (ImageError, AwsError) as error:
        return error


def check(
    diagnoser: Diagnoser, image: ImageSource, _name: str = ""
) -> Sendable | ImageError | AwsError:
    """As ``make_ready``, without sending the picture back."""
    ready = make_ready(diagnoser, image)
    return attrs.evolve(ready, image=b"") if isinstance(ready, Sendable) else ready


def ask(diagnoser: Diagnoser, image: ImageSource | Sendable, _name: str = "") -> Reply:
    """Prepares an image, unless it is ready, and makes one call of one attempt."""
    ready = image if isinstance(image, Sendable) else make_ready(diagnoser, image)
    if not isinstance(ready, Sendable):
        return Reply(ready)
    began = time.perf_counter()
    try:
        return Reply(call(diagnoser, ready, once=True), time.perf_counter() - began)
    except AwsError as error:
        return Reply(error, time.perf_counter() - began)


def call(diagnoser: Diagnoser, ready: Sendable, *, once: bool = False) -> Diagnosis:
    """Asks about an image that is ready to be sent. Calls DetectCustomLabels once.

    Args:
        diagnoser: whom to ask.
        ready: the image.
        once: make one attempt only.

    Raises:
        AwsError: AWS refused the call or could not be reached.
    """
    detection = diagnoser.version.detect(ready.image, once=once)
    told = Diagnosis(
        source=ready.source,
        finding=REFERRED,
        confidences={
            label: detection.confidences[label] for label in in_order(detection.confidences)
        },
        referred=True,
        reason="",
        policy=None,
        threshold=None,
        version_arn=diagnoser.version.arn,
        image_sha256=ready.sha256,
        request_id=detection.request_id,
        seconds=detection.seconds,
    )
    return decided(diagnoser, told)


def decided(diagnoser: Diagnoser, told: Diagnosis) -> Diagnosis:
    """The diagnosis with the finding of the diagnoser's policy; makes no call."""
    policy = diagnoser.policy
    decision = policy.decide(told.confidences) if policy else _highest(told.confidences)
    return attrs.evolve(
        told,
        finding=decision.finding,
        referred=decision.referred,
        reason=decision.reason,
        policy=policy.name if policy else None,
        threshold=policy.threshold if policy else None,
    )


def _highest(confidences: Mapping[str, float]) -> Decision:
    if not confidences:
        return Decision(REFERRED, referred=True, reason="the version named no label")
    finding = max(in_order(confidences), key=confidences.__getitem__)
    return Decision(finding, referred=False, reason="highest confidence; no policy was given")
