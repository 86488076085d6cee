"""Images that a running version has diagnosed, as images that a policy can be chosen on."""

from __future__ import annotations

from collections.abc import Iterable

from rekognition_xray.clinic.diagnosis.diagnosis import Answer, Diagnosis
from rekognition_xray.clinic.statistics import TestImage
from rekognition_xray.data.xrays import Xray
from rekognition_xray.errors import EvaluationError, list_paths
from rekognition_xray.labels import in_order


def validation_images(
    images: Iterable[Xray], answers: Iterable[Answer], *, version_arn: str
) -> tuple[TestImage, ...]:
    """Truths of a dataset's images with the confidences that a version gave for them.

    Custom Labels evaluates no validation part by itself: let ``Diagnoser(version).diagnose_many``
    run over it, and choose with ``evaluation.policy(..., validation=...)``.

    Args:
        images: the validation part, such as ``split.validation``.
        answers: their diagnoses, in any order; those of other images are ignored.
        version_arn: the version that the policy is for.

    Raises:
        EvaluationError: names every image without a diagnosis, or whose diagnosis is another
            version's.
    """
    by_source = {answer.source: answer for answer in answers}
    made, bad = [], []
    for image in images:
        answer = by_source.get(str(image.source))
        if not isinstance(answer, Diagnosis):
            bad.append(f"{image.source}: {'failed' if answer else 'no diagnosis'}")
        elif answer.version_arn != version_arn:
            bad.append(f"{image.source}: diagnosed by {answer.version_arn}")
        else:
            made.append(_image(image, answer))
    if bad:
        raise EvaluationError(
            f"{len(bad)} validation images cannot be used:\n{list_paths(bad)}",
            hint="Let the version diagnose all of them; leaving some out would bias the figures.",
        )
    return tuple(made)


def _image(image: Xray, answer: Diagnosis) -> TestImage:
    labels = in_order(answer.confidences)
    return TestImage(
        source_ref=answer.source,
        patient=image.patient,
        truth=image.label,
        confidences=dict(answer.confidences),
        predicted=max(labels, key=answer.confidences.__getitem__),
    )
