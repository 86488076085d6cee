"""Evaluation: what the result files of a training say, with intervals; holds no client."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import attrs

from rekognition_xray.clinic.extras import needs_science
from rekognition_xray.clinic.figures import (
    Figure,
    LabelFigures,
    ServiceFigures,
    TestFilm,
    TwoClassFigures,
)
from rekognition_xray.clinic.leaks import NOT_COMPARED, Lines, compare, refuse
from rekognition_xray.clinic.report import write_page
from rekognition_xray.clinic.results import read_snapshot, read_summary
from rekognition_xray.clinic.tables import markdown, plain
from rekognition_xray.cloud.s3 import read_lines, read_object
from rekognition_xray.cloud.tags import LEAKS, SPLIT
from rekognition_xray.errors import EvaluationError
from rekognition_xray.labels import is_pneumonia

if TYPE_CHECKING:
    from rekognition_xray.clinic.policy import Policy
    from rekognition_xray.cloud.version import ModelVersion

__all__ = ["Evaluation", "Figure"]

_MIN_RESAMPLES: Final = 100
_AWS: Final = "Amazon Rekognition Custom Labels"
_FILES: Final = ("the evaluation summary", "the testing snapshot", "the training snapshot")
_TOLD: Final = (
    "Train and test were known to share patients or pictures, or to be of two splits, when this "
    f"version was trained (tag {LEAKS})."
)


@attrs.frozen(str=False)
class Evaluation:
    """Figures of a trained version on its test films.

    The service's own figures stand in ``service``. All others are computed here from the
    per-film results: each with a 95 % interval, patients redrawn as wholes
    (see ``clinic.estimates``). A figure that the films do not support has the value None.

    Attributes:
        name: the version's name, or what ``from_files`` was told.
        labels: the labels of the model, in table order.
        films: every test film with truth, confidences and prediction.
        service: the service's own figures.
        accuracy: share of films whose label of highest confidence is the true one.
        balanced_accuracy: unweighted mean of the labels' sensitivities.
        by_label: figures of each label against all others.
        two_class: figures of pneumonia, whichever type, against the rest.
        warnings: what a reader of the figures must know.
        made_by: whose learner made the model, None when not told.
        split: which split the test part belongs to, such as its fingerprint; None when not told.
        resamples, seed: what the intervals were made with.
    """

    name: str
    labels: tuple[str, ...]
    films: tuple[TestFilm, ...] = attrs.field(repr=False)
    service: ServiceFigures = attrs.field(repr=False)
    accuracy: Figure
    balanced_accuracy: Figure
    by_label: Mapping[str, LabelFigures] = attrs.field(hash=False, repr=False)
    two_class: TwoClassFigures = attrs.field(repr=False)
    warnings: tuple[str, ...]
    made_by: str | None
    split: str | None
    resamples: int
    seed: int

    @classmethod
    def from_version(
        cls,
        version: ModelVersion,
        *,
        split: str | None = None,
        allow_leaks: bool = False,
        resamples: int = 1000,
        seed: int = 0,
    ) -> Evaluation:
        """Reads the result files of a trained version and computes the figures.

        The test films are compared with those that the version was trained on: no patient and no
        picture may be in both, as far as keys tell them. The service's own split by film has both.

        Calls DescribeProjectVersions and ListTagsForResource once and GetObject three times; free
        but for S3 requests.

        Args:
            version: a version whose training has completed; it need not run.
            split: which split the test films belong to; shown beside the figures. The fingerprint
                in the version's tag ``rxray.split`` unless told.
            allow_leaks: computes the figures all the same; every table and page then says so.
            resamples: redraws of the patients, at least 100.
            seed: seed of the redraws.

        Raises:
            EvaluationError: not trained, a file that cannot be read or relied on, or a test that
                shares patients or pictures with the training.
            StorageError: a file is gone from S3.
            MissingExtraError: the extra ``science`` is not installed.
        """
        needs_science("Evaluation")
        described = version.describe()
        summary, testing = described.summary, described.testing_output
        if summary is None or testing is None:
            raise EvaluationError(
                f"Version {described.name} has no result files; it is {described.status}: "
                f"{described.status_message}",
                hint="A trained version has them: version.wait_until_trained(), or train again.",
            )
        tags, training = version.tags(), described.training_output
        made = cls.from_files(
            read_object(version.aws, summary),
            read_object(version.aws, testing),
            training=None if training is None else read_lines(version.aws, training),
            allow_leaks=allow_leaks,
            name=described.name,
            made_by=_maker(version.aws.endpoint_url),
            split=tags.get(SPLIT) if split is None else split,
            resamples=resamples,
            seed=seed,
            addresses=(str(summary), str(testing), str(training)),
        )
        return attrs.evolve(made, warnings=(_TOLD, *made.warnings)) if LEAKS in tags else made

    @classmethod
    def from_files(
        cls,
        summary: bytes | str,
        testing: bytes | str,
        *,
        training: bytes | str | Lines | None = None,
        allow_leaks: bool = False,
        name: str = "",
        made_by: str | None = None,
        split: str | None = None,
        resamples: int = 1000,
        seed: int = 0,
        addresses: tuple[str, str, str] = _FILES,
    ) -> Evaluation:
        """Computes the figures from the contents of the result files.

        Args:
            summary: contents of ``EvaluationResultSummary-*.json``.
            testing: contents of ``TestingGroundTruth-*.json`` (JSON Lines).
            training: contents of ``TrainingGroundTruth-*.json``, or its lines: the test must share
                no patient and no picture with it. Without it a warning says that nobody looked.
            allow_leaks: computes the figures where it does; every table and page then says so.
            name: what tables call the version.
            made_by: whose learner made the model; shown beside the figures.
            split: which split the test films belong to; shown beside the figures.
            resamples: redraws of the patients, at least 100.
            seed: seed of the redraws; same files and seed give the same figures.
            addresses: where summary, testing and training lie, for messages.

        Raises:
            EvaluationError: names the file, and every line that cannot be used, or every test
                film that the training has seen.
            MissingExtraError: the extra ``science`` is not installed.
        """
        needs_science("Evaluation")
        from rekognition_xray.clinic.estimates import estimate  # noqa: PLC0415 - needs the extra

        if resamples < _MIN_RESAMPLES:
            raise EvaluationError(
                f"{resamples} resamples give no usable interval.",
                hint=f"Ask for {_MIN_RESAMPLES} or more; 1000 is the default.",
            )
        service = read_summary(summary, name=addresses[0])
        labels = tuple(row.label for row in service.labels)
        snapshot = read_snapshot(testing, labels=labels, name=addresses[1])
        _check_together(service, snapshot.films, addresses)
        notes = [NOT_COMPARED]
        if training is not None:
            overlap = compare(training, snapshot.films, name=addresses[2])
            if not allow_leaks:
                refuse(overlap, name=addresses[2])
            notes = list(overlap.warnings(service.training_films))
        made = estimate(snapshot.films, labels, resamples=resamples, seed=seed)
        return cls(
            name=name or service.version_arn,
            labels=labels,
            films=snapshot.films,
            service=service,
            accuracy=made.accuracy,
            balanced_accuracy=made.balanced_accuracy,
            by_label=made.by_label,
            two_class=made.two_class,
            warnings=(*notes, *snapshot.warnings, *_gaps(snapshot.films, labels)),
            made_by=made_by,
            split=split,
            resamples=resamples,
            seed=seed,
        )

    @property
    def version_arn(self) -> str:
        """The model version that the result files name."""
        return self.service.version_arn

    @property
    def patients(self) -> int:
        """Groups of films that the intervals are drawn from; a film without patient is its own."""
        return len({film.group for film in self.films})

    @property
    def known_patients(self) -> int:
        """Patients whose pseudonym stands in the films' keys."""
        return len({film.patient for film in self.films} - {None})

    @property
    def confusion(self) -> dict[str, dict[str, int]]:
        """True label to predicted label to films, counted by the label of highest confidence."""
        table = {truth: dict.fromkeys(self.labels, 0) for truth in self.labels}
        for film in self.films:
            table[film.truth][film.predicted] += 1
        return table

    def policy(
        self,
        *,
        sensitivity: float = 0.95,
        refer_odds: float = 1.5,
        type_share: float = 0.7,
        seed: int = 0,
    ) -> Policy:
        """Chooses a policy that reaches a wanted sensitivity for pneumonia.

        The threshold is chosen on one half of the test patients and its figures are reported on
        the other half; the policy carries both.

        Args:
            sensitivity: wanted share, between 0 and 1, of pneumonia films at or above the
                threshold.
            refer_odds: films whose odds of pneumonia lie within this factor of the threshold's
                are referred; 1 refers none.
            type_share: share, 0 to 1, of the pneumonia confidence that one type must reach to be
                named.
            seed: seed of the halving.

        Raises:
            EvaluationError: the films do not support such a claim; the hint says what they do.
        """
        from rekognition_xray.clinic.operating import choose  # noqa: PLC0415 - needs the extra

        return choose(
            self, sensitivity=sensitivity, refer_odds=refer_odds, type_share=type_share, seed=seed
        )

    def to_markdown(self) -> str:
        """The figures as short Markdown tables."""
        return markdown(self)

    def to_html(self, path: str | os.PathLike[str]) -> Path:
        """Writes one self-contained page, whole or not at all, and returns its path.

        Raises:
            MissingExtraError: the extra ``report`` is not installed.
        """
        return write_page(self, Path(path))

    def __str__(self) -> str:
        return plain(self)


def _maker(endpoint_url: str | None) -> str:
    if endpoint_url is None:
        return _AWS
    parts = urlsplit(endpoint_url)
    host = parts.netloc.rpartition("@")[2]  # an address may carry a password
    return f"a custom endpoint ({parts.scheme}://{host}), not AWS"


def _check_together(
    service: ServiceFigures, films: Sequence[TestFilm], addresses: Sequence[str]
) -> None:
    if service.test_films != len(films):
        raise EvaluationError(
            f"{addresses[0]} speaks of {service.test_films} test films, {addresses[1]} holds "
            f"{len(films)}: one of them is cut off, or they are of two trainings."
        )


def _gaps(films: Sequence[TestFilm], labels: Sequence[str]) -> Iterator[str]:
    for label in labels:
        if not any(film.truth == label for film in films):
            yield f"No test film has the label {label!r}; its figures are not estimable."
    if len({is_pneumonia(label) for label in labels}) == 1:
        yield "The labels do not tell pneumonia from the rest; there is no two-class view."
