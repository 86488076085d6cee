"""Films that a running version has diagnosed, as films that a policy can be chosen on."""

from __future__ import annotations

from collections.abc import Iterable

from rekognition_xray.clinic.answers import Diagnosis, FailedDiagnosis
from rekognition_xray.clinic.figures import TestFilm
from rekognition_xray.data.films import Xray
from rekognition_xray.errors import EvaluationError, list_paths
from rekognition_xray.labels import in_order


def validation_films(
    films: Iterable[Xray], answers: Iterable[Diagnosis | FailedDiagnosis], *, version_arn: str
) -> tuple[TestFilm, ...]:
    """Truths of a dataset's films with the confidences that a version gave for them.

    Custom Labels judges no validation part by itself: let ``Diagnoser(version).diagnose_many``
    run over it, and choose with ``evaluation.policy(..., validation=...)``.

    Args:
        films: the validation part, such as ``split.validation``.
        answers: their diagnoses, in any order; those of other films are left aside.
        version_arn: the version that the policy is for.

    Raises:
        EvaluationError: names every film without a diagnosis, or whose diagnosis is another
            version's.
    """
    told = {answer.source: answer for answer in answers}
    made, bad = [], []
    for film in films:
        answer = told.get(str(film.source))
        if not isinstance(answer, Diagnosis):
            bad.append(f"{film.source}: {'failed' if answer else 'no diagnosis'}")
        elif answer.version_arn != version_arn:
            bad.append(f"{film.source}: diagnosed by {answer.version_arn}")
        else:
            made.append(_film(film, answer))
    if bad:
        raise EvaluationError(
            f"{len(bad)} validation films cannot be used:\n{list_paths(bad)}",
            hint="Let the version diagnose all of them; leaving some out would bend the figures.",
        )
    return tuple(made)


def _film(film: Xray, answer: Diagnosis) -> TestFilm:
    labels = in_order(answer.confidences)
    return TestFilm(
        source_ref=answer.source,
        patient=film.patient,
        truth=film.label,
        confidences=dict(answer.confidences),
        predicted=max(labels, key=answer.confidences.__getitem__),
    )
