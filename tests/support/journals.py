"""Journals of bulk runs, written without a model."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from rekognition_xray.clinic.diagnosis import Diagnosis, FailedDiagnosis
from rekognition_xray.clinic.diagnosis.journal import Journal

ARN = "arn:aws:rekognition:us-east-1:111122223333:project/chest/version/v1/1690556751958"


def diagnose(
    source: object,
    confidences: Mapping[str, float],
    *,
    finding: str | None = None,
    referred: bool = False,
) -> Diagnosis:
    """A diagnosis; the finding is by default the label of highest confidence."""
    return Diagnosis(
        source=str(source),
        finding=finding or max(confidences, key=confidences.__getitem__),
        confidences=dict(confidences),
        referred=referred,
        reason="highest confidence",
        policy=None,
        threshold=None,
        version_arn=ARN,
        image_sha256="0" * 64,
        request_id="r",
        seconds=0.1,
    )


def write_journal(path: Path, answers: Iterable[Diagnosis | FailedDiagnosis]) -> Path:
    """A journal of these answers."""
    journal = Journal(path, version_arn=ARN)
    with journal.writing():
        for answer in answers:
            journal.add(answer)
    return path
