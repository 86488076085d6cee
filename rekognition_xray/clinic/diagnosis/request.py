"""What is done for one image: prepare it, make one call, apply the policy. Runs in any process.

Workers get a ``DiagnosisRequest`` and an image. The functions that run in them also take a task
name that they do not use: it makes each call different, since Dask answers equal calls only once.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import attrs

from rekognition_xray.clinic.diagnosis.diagnosis import Diagnosis
from rekognition_xray.clinic.diagnosis.inputs import DiagnosableImage, Sendable, sendable
from rekognition_xray.clinic.policy import REFERRED, Decision, Policy
from rekognition_xray.errors import AwsError, ImageError
from rekognition_xray.labels import in_order

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rekognition_xray.cloud.versions import ModelVersion
    from rekognition_xray.data.images import Gate, ImageOptions


@attrs.frozen
class DiagnosisRequest:
    """What a worker needs besides the image; it pickles as the version does, without credentials.

    Attributes:
        version: the version to call.
        policy: how confidences become a finding; None for the label of highest confidence.
        options: how images are read; the same as for training. See ImageOptions.
        gate: asked before a call is made; None for no gate.
    """

    version: ModelVersion
    policy: Policy | None
    options: ImageOptions
    gate: Gate | None = None


@attrs.frozen
class CallResult:
    """The result of one call.

    Attributes:
        outcome: the diagnosis, or the error.
        seconds: how long the call took; 0 if none was made.
    """

    outcome: Diagnosis | ImageError | AwsError
    seconds: float = 0.0


def prepare_to_send(
    request: DiagnosisRequest, image: DiagnosableImage, _task: str = ""
) -> Sendable | ImageError | AwsError:
    """Prepares an image, or returns the error that it meets."""
    try:
        return sendable(image, request.version.aws, options=request.options, gate=request.gate)
    except (ImageError, AwsError) as error:
        return error


def identify_image(
    request: DiagnosisRequest, image: DiagnosableImage, _task: str = ""
) -> Sendable | ImageError | AwsError:
    """Like ``prepare_to_send``, but returns the hash without the pixels."""
    ready = prepare_to_send(request, image)
    return attrs.evolve(ready, image=b"") if isinstance(ready, Sendable) else ready


def diagnose_once(
    request: DiagnosisRequest, image: DiagnosableImage | Sendable, _task: str = ""
) -> CallResult:
    """Prepares an image unless it is prepared, and makes one call of one attempt."""
    ready = image if isinstance(image, Sendable) else prepare_to_send(request, image)
    if not isinstance(ready, Sendable):
        return CallResult(ready)
    if ready.refusal:
        return CallResult(refer_refused(request, ready))
    began = time.perf_counter()
    try:
        return CallResult(call(request, ready, once=True), time.perf_counter() - began)
    except AwsError as error:
        return CallResult(error, time.perf_counter() - began)


def call(request: DiagnosisRequest, ready: Sendable, *, once: bool = False) -> Diagnosis:
    """Diagnoses an image that is prepared. Calls DetectCustomLabels once.

    Args:
        request: the version, and the policy to apply.
        ready: the image.
        once: make one attempt only.

    Raises:
        AwsError: AWS refused the call or could not be reached.
    """
    if ready.refusal:
        return refer_refused(request, ready)
    detection = request.version.detect(ready.image, once=once)
    found = detection.confidences
    confidences = {label: found[label] for label in in_order(found)}
    policy, decision = request.policy, _decide(request.policy, confidences)
    return Diagnosis(
        source=ready.source,
        finding=decision.finding,
        confidences=confidences,
        referred=decision.referred,
        reason=decision.reason,
        policy=policy.name if policy else None,
        threshold=policy.threshold if policy else None,
        version_arn=request.version.arn,
        image_sha256=ready.sha256,
        request_id=detection.request_id,
        seconds=detection.seconds,
        gate=None if request.gate is None else request.gate.fingerprint,
        gate_score=ready.gate_score,
        repaired="; ".join(ready.repairs),
    )


def refer_refused(request: DiagnosisRequest, ready: Sendable) -> Diagnosis:
    """The referral of an image that the gate refused; makes no call."""
    policy = request.policy
    return Diagnosis(
        source=ready.source,
        finding=REFERRED,
        confidences={},
        referred=True,
        reason=ready.refusal,
        policy=policy.name if policy else None,
        threshold=policy.threshold if policy else None,
        version_arn=request.version.arn,
        image_sha256=ready.sha256,
        request_id="",
        seconds=0.0,
        gate=None if request.gate is None else request.gate.fingerprint,
        gate_score=ready.gate_score,
        gate_reason=ready.refusal,
    )


def apply_policy(policy: Policy | None, diagnosis: Diagnosis) -> Diagnosis:
    """The diagnosis with the finding of this policy; makes no call."""
    if diagnosis.gate_reason:
        return diagnosis  # nothing was asked, so there is nothing to decide
    decision = _decide(policy, diagnosis.confidences)
    return attrs.evolve(
        diagnosis,
        finding=decision.finding,
        referred=decision.referred,
        reason=decision.reason,
        policy=policy.name if policy else None,
        threshold=policy.threshold if policy else None,
    )


def _decide(policy: Policy | None, confidences: Mapping[str, float]) -> Decision:
    return policy.decide(confidences) if policy else _highest_confidence(confidences)


def _highest_confidence(confidences: Mapping[str, float]) -> Decision:
    if not confidences:
        return Decision(REFERRED, referred=True, reason="the version named no label")
    finding = max(in_order(confidences), key=confidences.__getitem__)
    return Decision(finding, referred=False, reason="highest confidence; no policy was given")
