"""Evaluation: what the result files of a training say, with intervals; holds no client."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import attrs

from rekognition_xray.clinic.evaluation.exports import as_dict, as_frame
from rekognition_xray.clinic.evaluation.leaks import (
    KNOWN_LEAKS,
    NOT_COMPARED,
    Lines,
    refuse_leaks,
    training_overlap,
)
from rekognition_xray.clinic.evaluation.page_content import evaluation_page
from rekognition_xray.clinic.evaluation.results import (
    check_together,
    gaps,
    read_snapshot,
    read_summary,
)
from rekognition_xray.clinic.evaluation.tables import markdown, plain
from rekognition_xray.clinic.extras import needs_report, needs_science
from rekognition_xray.clinic.report import write_page
from rekognition_xray.clinic.statistics import (
    BinaryFigures,
    Figure,
    PredictiveValues,
    ServiceFigures,
    TestImage,
    known_label,
    predictive_values,
)
from rekognition_xray.cloud.s3 import read_lines, read_object
from rekognition_xray.cloud.tags import LEAKS, SPLIT
from rekognition_xray.errors import EvaluationError

if TYPE_CHECKING:
    import pandas

    from rekognition_xray.clinic.policy import Kind, Policy
    from rekognition_xray.clinic.report import Images
    from rekognition_xray.clinic.statistics import Curves, RiskCoverage
    from rekognition_xray.cloud.versions import ModelVersion

__all__ = ["Evaluation", "Figure"]

_MIN_RESAMPLES: Final = 100
_AWS: Final = "Amazon Rekognition Custom Labels"
_FILES: Final = ("the evaluation summary", "the testing snapshot", "the training snapshot")


@attrs.frozen(str=False)
class Evaluation:
    """Figures of a trained version on its test images.

    The service's own figures stand in ``service``. All others are computed here from the
    per-image results: each with a 95 % interval, patients redrawn as wholes
    (see ``clinic.intervals``). A figure that the images do not support has the value None and a
    reason.

    Attributes:
        name: the version's name, or what ``from_files`` was told.
        labels: the labels of the model, in table order.
        images: every test image with truth, confidences and prediction.
        service: the service's own figures.
        accuracy: share of images whose label of highest confidence is the true one.
        balanced_accuracy: unweighted mean of the labels' sensitivities.
        f1: unweighted mean of the labels' F1 (macro F1), each by the label of highest confidence.
        brier: half the sum over the labels of the mean square of confidence less truth, 0 to 1.
        calibration_error: of the highest confidence as the chance that its label is right.
        by_label: figures of each label against all others.
        two_class: figures of pneumonia, whichever type, against the rest.
        warnings: what a reader of the figures must know.
        made_by: whose learner made the model, None when not told.
        split: which split the test part belongs to, such as its fingerprint; None when not told.
        resamples, seed: what the intervals were made with.
    """

    name: str
    labels: tuple[str, ...]
    images: tuple[TestImage, ...] = attrs.field(repr=False)
    service: ServiceFigures = attrs.field(repr=False)
    accuracy: Figure
    balanced_accuracy: Figure
    f1: Figure
    brier: Figure
    calibration_error: Figure
    by_label: Mapping[str, BinaryFigures] = attrs.field(hash=False, repr=False)
    two_class: BinaryFigures = attrs.field(repr=False)
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

        The test images are compared with those that the version was trained on: no patient and no
        picture may be in both, as far as keys tell them. The service's own split by image has both.

        Calls DescribeProjectVersions and ListTagsForResource once and GetObject three times; free
        but for S3 requests.

        Args:
            version: a version whose training has completed; it need not run.
            split: which split the test images belong to; shown beside the figures. The fingerprint
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
        return attrs.evolve(made, warnings=(KNOWN_LEAKS, *made.warnings)) if LEAKS in tags else made

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
            split: which split the test images belong to; shown beside the figures.
            resamples: redraws of the patients, at least 100.
            seed: seed of the redraws; same files and seed give the same figures.
            addresses: where summary, testing and training lie, for messages.

        Raises:
            EvaluationError: names the file, and every line that cannot be used, or every test
                image that the training has seen.
            MissingExtraError: the extra ``science`` is not installed.
        """
        needs_science("Evaluation")
        from rekognition_xray.clinic.statistics import estimate  # noqa: PLC0415 - needs the extra

        if resamples < _MIN_RESAMPLES:
            raise EvaluationError(
                f"{resamples} resamples give no usable interval.",
                hint=f"Ask for {_MIN_RESAMPLES} or more; 1000 is the default.",
            )
        service = read_summary(summary, name=addresses[0])
        labels = tuple(row.label for row in service.labels)
        snapshot = read_snapshot(testing, labels=labels, name=addresses[1])
        check_together(service, snapshot.images, addresses)
        notes = [NOT_COMPARED]
        if training is not None:
            overlap = training_overlap(training, snapshot.images, name=addresses[2])
            if not allow_leaks:
                refuse_leaks(overlap, name=addresses[2])
            notes = list(overlap.warnings(service.training_images))
        made = estimate(snapshot.images, labels, resamples=resamples, seed=seed)
        return cls(
            name=name or service.version_arn,
            labels=labels,
            images=snapshot.images,
            service=service,
            accuracy=made.accuracy,
            balanced_accuracy=made.balanced_accuracy,
            f1=made.f1,
            brier=made.brier,
            calibration_error=made.calibration_error,
            by_label=made.by_label,
            two_class=made.two_class,
            warnings=(*notes, *snapshot.warnings, *gaps(snapshot.images, labels)),
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
        """Groups of images that the intervals are drawn from; an image without patient is its own."""
        return len({image.group for image in self.images})

    @property
    def known_patients(self) -> int:
        """Patients whose pseudonym stands in the images' keys."""
        return len({image.patient for image in self.images} - {None})

    @property
    def confusion(self) -> dict[str, dict[str, int]]:
        """True label to predicted label to images, counted by the label of highest confidence."""
        table = {truth: dict.fromkeys(self.labels, 0) for truth in self.labels}
        for image in self.images:
            table[image.truth][image.predicted] += 1
        return table

    def at_prevalence(self, prevalence: float, *, label: str | None = None) -> PredictiveValues:
        """PPV and NPV where the stated share of images shows pneumonia, or a label.

        Args:
            prevalence: between 0 and 1, from where the model shall be used. The mix of the test
                part is how it was collected and says nothing about it.
            label: one label against all others; pneumonia of any type without it.

        Raises:
            EvaluationError: a prevalence that is not between 0 and 1, or an unknown label.
        """
        figures = (
            self.two_class if label is None else self.by_label[known_label(label, self.labels)]
        )
        of = "pneumonia" if label is None else label
        return predictive_values(figures.sensitivity, figures.specificity, prevalence, of=of)

    def curves(self, label: str | None = None, *, points: int = 200) -> Curves:
        """Points of the curves of pneumonia, or of a label against all others.

        ROC, precision and recall, reliability, and the sweep of thresholds, the latter two with
        intervals over patients. Empty where the images do not hold both sides.

        Args:
            label: a label of the model; pneumonia of any type without it.
            points: most points of a curve, at least 2; the sweep has at most 100.

        Raises:
            EvaluationError: an unknown label, fewer than 2 points, or labels that do not tell
                pneumonia from the rest.
        """
        from rekognition_xray.clinic.statistics import label_curves  # noqa: PLC0415 - needs the extra

        return label_curves(
            self.images,
            self.labels,
            label,
            points=points,
            resamples=self.resamples,
            seed=self.seed,
        )

    def risk_coverage(self) -> RiskCoverage:
        """What referring the images of lowest confidence would buy, all labels told apart.

        Risk is the share of images whose label of highest confidence is wrong. The curve of a
        policy's own two-class calls is ``policy.reported.risk_coverage``.
        """
        from rekognition_xray.clinic.statistics import label_risk  # noqa: PLC0415 - needs the extra

        return label_risk(self.images, resamples=self.resamples, seed=self.seed)

    def policy(
        self,
        *,
        sensitivity: float | None = None,
        specificity: float | None = None,
        max_referrals: float | None = None,
        validation: Evaluation | Sequence[TestImage] | None = None,
        refer_odds: float | None = None,
        type_share: float = 0.7,
        calibration: Kind | None = "platt",
        seed: int = 0,
    ) -> Policy:
        """Chooses a policy: from when on an image counts as pneumonia, and when a person must read.

        Threshold, band of referral and calibration are chosen on one part of the patients and
        judged on another; the policy carries the figures of both. Without a validation part the
        test patients are cut in two, and the policy says so.

        Args:
            sensitivity: share, between 0 and 1, of pneumonia images at or above the threshold: the
                highest threshold that reaches it.
            specificity: share of other images below the threshold: the lowest that reaches it.
            max_referrals: share of all images that may be referred to a person at most: the widest
                band around the threshold of highest balanced accuracy that keeps to it. Exactly
                one of these three.
            validation: images of other patients to choose on, judged by the same version
                (``validation_images`` makes them of diagnoses), or their evaluation; the policy is
                then reported on all test images.
            refer_odds: images whose odds of pneumonia lie within this factor of the threshold's
                are referred; 1 refers none, 1.5 is the default. Not with max_referrals.
            type_share: share, 0 to 1, of the pneumonia confidence that one type must reach to be
                named; else the answer is ``pneumonia, type uncertain``. A chest image does not
                tell bacterial from viral pneumonia reliably.
            calibration: how confidences become probabilities: platt, temperature, isotonic or
                None. Findings do not depend on it.
            seed: seed of the halving.

        Raises:
            EvaluationError: the images do not support such a claim; the hint says what they do,
                or how many patients it would take.
        """
        from rekognition_xray.clinic.policy import choose_policy  # noqa: PLC0415 - needs the extra

        aims = {
            "sensitivity": sensitivity,
            "specificity": specificity,
            "max_referrals": max_referrals,
        }
        if isinstance(validation, Evaluation):
            _check_same_version(validation, self)
            validation = validation.images
        policy = choose_policy(
            self.images,
            self.labels,
            aims,
            validation=validation,
            refer_odds=refer_odds,
            type_share=type_share,
            calibration=calibration,
            resamples=self.resamples,
            seed=seed,
            resampling_seed=self.seed,
        )
        warnings = (*self.warnings, *policy.warnings)
        return attrs.evolve(policy, version_arn=self.version_arn, warnings=warnings)

    def to_dict(self) -> dict[str, object]:
        """Figures with intervals, images, patients and method, as plain data ready for JSON."""
        return as_dict(self)

    def to_json(self) -> str:
        """The same as JSON text."""
        return json.dumps(self.to_dict(), indent=2, ensure_ascii=False, allow_nan=False) + "\n"

    def to_frame(self) -> pandas.DataFrame:
        """One row for each figure: value, interval, images, patients, method, reason.

        Raises:
            MissingExtraError: the extra ``frames`` is not installed.
        """
        return as_frame(self)

    def to_markdown(self) -> str:
        """The figures as short Markdown tables."""
        return markdown(self)

    def to_html(
        self,
        path: str | os.PathLike[str],
        *,
        images: Images = None,
        policy: Policy | None = None,
        prevalence: float | None = None,
    ) -> Path:
        """Writes one self-contained page, whole or not at all, and returns its path.

        Args:
            path: of the file.
            images: where its pictures come from, see ``clinic.gallery.Images``; else it has none.
            policy: a policy of this version, to be shown with its figures.
            prevalence: as of ``at_prevalence``, for predictive values.

        Raises:
            EvaluationError: another version's policy, no prevalence, or unreadable pictures.
            MissingExtraError: the extra ``report`` is not installed.
        """
        needs_report("The evaluation page")
        return write_page(evaluation_page(self, images, policy, prevalence), Path(path))

    def __str__(self) -> str:
        return plain(self)


def _check_same_version(validation: Evaluation, test: Evaluation) -> None:
    if validation.version_arn != test.version_arn:
        raise EvaluationError(
            f"The validation part was judged by {validation.version_arn}, the test part by "
            f"{test.version_arn}.",
            hint="Thresholds do not carry over: let one version judge both parts.",
        )


def _maker(endpoint_url: str | None) -> str:
    if endpoint_url is None:
        return _AWS
    parts = urlsplit(endpoint_url)
    host = parts.netloc.rpartition("@")[2]  # an address may carry a password
    return f"a custom endpoint ({parts.scheme}://{host}), not AWS"
