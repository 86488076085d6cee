from __future__ import annotations

import pytest

from rekognition_xray.clinic.diagnosis import Diagnosis, FailedDiagnosis, validation_images
from rekognition_xray.data.xrays import Xray
from rekognition_xray.errors import EvaluationError


def _diagnosis(source, confidences, version="arn:v"):
    return Diagnosis(
        source=source,
        finding="normal",
        confidences=confidences,
        referred=False,
        reason="",
        policy=None,
        threshold=None,
        version_arn=version,
        image_sha256="0",
        request_id="1",
        seconds=0.1,
    )


_IMAGES = [Xray("s3://b/1.png", "viral", "p1"), Xray("s3://b/2.png", "normal")]
_ANSWERS = [
    _diagnosis("s3://b/2.png", {"normal": 0.6, "bacterial": 0.3, "viral": 0.1}),
    _diagnosis("s3://b/1.png", {"normal": 0.1, "bacterial": 0.3, "viral": 0.6}),
]


def test_truth_and_confidences_are_brought_together():
    one, other = validation_images(_IMAGES, _ANSWERS, version_arn="arn:v")
    assert (one.truth, one.predicted, one.patient) == ("viral", "viral", "p1")
    assert one.pneumonia == pytest.approx(0.9)
    assert (other.truth, other.group) == ("normal", "s3://b/2.png")


def test_answers_for_other_images_are_left_aside():
    assert len(validation_images(_IMAGES[:1], _ANSWERS, version_arn="arn:v")) == 1


def test_every_image_that_cannot_be_used_is_named():
    failed = FailedDiagnosis("s3://b/1.png", "broken", "ImageError", False, "arn:v")
    with pytest.raises(EvaluationError) as raised:
        validation_images(_IMAGES, [failed], version_arn="arn:v")
    assert "s3://b/1.png: failed" in str(raised.value)
    assert "s3://b/2.png: no diagnosis" in str(raised.value)


def test_diagnoses_of_another_version_are_refused():
    with pytest.raises(EvaluationError, match="diagnosed by arn:v"):
        validation_images(_IMAGES, _ANSWERS, version_arn="arn:w")
