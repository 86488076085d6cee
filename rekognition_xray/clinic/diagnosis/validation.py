"""Answers of a running version as test images: to choose a policy on, to complete an evaluation."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING

import attrs

from rekognition_xray.clinic.diagnosis.bulk import Progress
from rekognition_xray.clinic.diagnosis.diagnoser import Diagnoser
from rekognition_xray.clinic.diagnosis.diagnosis import Answer, Diagnosis
from rekognition_xray.clinic.statistics import TestImage
from rekognition_xray.data.xrays import Xray
from rekognition_xray.errors import EvaluationError, list_paths
from rekognition_xray.labels import in_order

if TYPE_CHECKING:
    from rekognition_xray.clinic.evaluation import Evaluation
    from rekognition_xray.cloud.versions import ModelVersion
    from rekognition_xray.costs import Money, PriceBook


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


def complete_evaluation(
    evaluation: Evaluation,
    version: ModelVersion,
    *,
    max_cost: Money,
    units: int = 1,
    journal: str | os.PathLike[str] | None = None,
    progress: Progress = False,
    prices: PriceBook | None = None,
) -> Evaluation:
    """Asks a version again about its test images, for the confidence of every label.

    The service may list only some labels of each test image in its result files. Then AUROC,
    average precision, Brier score, calibration and policies cannot be computed from them. The
    running model returns every confidence.

    Starts the version, unless it runs, and stops it at the end, as ``version.running`` does. Calls
    DetectCustomLabels once for each test image, which lies in S3 already. Calls have no price; the
    model's time has: ``plan_batch(len(evaluation.images), ...)`` gives it beforehand.

    Args:
        evaluation: of this version.
        version: the version.
        max_cost: stops the model, and the call, before it costs more.
        units: inference units to start it with, 1 to 5.
        journal: as for ``diagnose_many``: a second call then asks only about the rest, failed
            images included.
        progress: as for ``diagnose_many``.
        prices: the price book; by default the library's, for the Region.

    Returns:
        The evaluation with all figures; the service's own stay as they are.

    Raises:
        EvaluationError: the evaluation is of another version, or images have no answer.
        JournalError: at once, before anything starts: see ``diagnose_many``.
        AwsError, MoneyError: see ``version.running`` and ``diagnose_many``.
    """
    if evaluation.version_arn != version.arn:
        raise EvaluationError(
            f"The evaluation is of {evaluation.version_arn}, not of {version.arn}.",
            hint="Make it by Evaluation.from_version(version).",
        )
    sources = [image.source_ref for image in evaluation.images]
    Diagnoser(version).diagnose_many((), journal=journal).close()  # a bad journal costs nothing
    with version.running(units, max_cost=max_cost, prices=prices) as model:
        run = Diagnoser(model).diagnose_many(
            sources, journal=journal, progress=progress, retry_failed=True
        )
        answers = {answer.source: answer for answer in run}
    bad = [
        f"{source}: {answer.reason}"
        for source, answer in answers.items()
        if not isinstance(answer, Diagnosis)
    ]
    if bad:
        raise EvaluationError(
            f"{len(bad)} test images have no answer:\n{list_paths(bad)}",
            hint="Try again, with a journal: then only these are sent again.",
        )
    return evaluation.with_images(
        [
            attrs.evolve(image, confidences=dict(answer.confidences), predicted=_highest(answer))
            for image in evaluation.images
            if isinstance(answer := answers[image.source_ref], Diagnosis)
        ]
    )


def _highest(answer: Diagnosis) -> str:
    return max(in_order(answer.confidences), key=answer.confidences.__getitem__)


def _image(image: Xray, answer: Diagnosis) -> TestImage:
    return TestImage(
        source_ref=answer.source,
        patient=image.patient,
        truth=image.label,
        confidences=dict(answer.confidences),
        predicted=_highest(answer),
    )
