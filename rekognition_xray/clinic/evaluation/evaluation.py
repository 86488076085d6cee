"""``Evaluation``: figures with intervals from the result files of a training."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
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
    refuse_trained,
    training_overlap,
)
from rekognition_xray.clinic.evaluation.page_content import evaluation_page
from rekognition_xray.clinic.evaluation.results import (
    check_same_images,
    missing_label_warnings,
    read_snapshot,
    read_summary,
    unlisted_label_warnings,
)
from rekognition_xray.clinic.evaluation.tables import markdown, plain_text
from rekognition_xray.clinic.extras import needs_report, needs_science
from rekognition_xray.clinic.report import make_gallery, write_page
from rekognition_xray.clinic.statistics import (
    NO_LABEL,
    BinaryFigures,
    Figure,
    GroupVariable,
    PredictiveValues,
    ServiceFigures,
    TestImage,
    figure_name,
    known_label,
    predictive_values,
)
from rekognition_xray.cloud.s3 import read_lines, read_object
from rekognition_xray.cloud.tags import LEAKS, SPLIT
from rekognition_xray.data.images import DEFAULT_OPTIONS, ImageOptions
from rekognition_xray.errors import EvaluationError, list_paths

if TYPE_CHECKING:
    import pandas

    from rekognition_xray.clinic.policy import Kind, Policy
    from rekognition_xray.clinic.report import Images
    from rekognition_xray.clinic.statistics import Curves, DecisionCurve, Facts, RiskCoverage
    from rekognition_xray.cloud.versions import ModelVersion
    from rekognition_xray.data.gating import GateFigures

_MIN_RESAMPLES: Final = 100
_AWS: Final = "Amazon Rekognition Custom Labels"
_FILES: Final = ("the evaluation summary", "the testing snapshot", "the training snapshot")


@attrs.frozen(str=False)
class Evaluation:
    """Figures of a trained version on its test images.

    ``service`` holds the service's own figures. All others are computed here from the results for
    each image, with a 95 % interval by a bootstrap that resamples whole patients. A figure that
    the images do not support has the value None and a reason. An evaluation is a plain value: it
    holds no AWS client.

    Attributes:
        name: the version's name, or the ``name`` given to ``from_files``.
        labels: the labels of the model, in table order.
        images: every test image with its true label, confidences and prediction.
        service: the service's own figures.
        accuracy: share of images whose label of highest confidence is the true one.
        balanced_accuracy: unweighted mean of the labels' sensitivities.
        f1: unweighted mean of the labels' F1 (macro F1), each by the label of highest confidence.
        brier: half the sum, over the labels, of the mean squared difference between confidence and
            truth; 0 to 1.
        calibration_error: of the highest confidence, taken as the probability that its label is
            right.
        by_label: figures for each label against all others.
        two_class: figures for pneumonia of any type against the rest.
        warnings: what a reader of the figures must know.
        made_by: who trained the model; None if not stated.
        split: the split that the test images belong to, such as its fingerprint; None if not
            stated.
        resamples, seed: number of bootstrap resamples, and their seed.
        trained_patients: pseudonyms of the patients that the version was trained on, as far as they
            are known.
        groups: figures of groups of the images, by each variable; empty without ``with_groups``.
        left_out: addresses of test images that ``without`` left out of the figures.
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
    trained_patients: frozenset[str] = attrs.field(default=frozenset(), repr=False)
    groups: tuple[GroupVariable, ...] = attrs.field(default=(), repr=False)
    left_out: tuple[str, ...] = attrs.field(default=(), repr=False)

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

        The test images are compared with the training images: no patient and no picture may be in
        both, as far as the S3 keys identify them. The split that the service makes by itself goes
        by image, so it puts the same patients on both sides.

        Calls DescribeProjectVersions and ListTagsForResource once and GetObject three times; free
        but for S3 requests.

        Args:
            version: a version whose training has completed; it need not run.
            split: the split that the test images belong to; shown with the figures. By default the
                fingerprint in the version's tag ``rxray.split``.
            allow_leaks: computes the figures even if training and test share patients or
                pictures; every table and page then says so.
            resamples: bootstrap resamples of the patients, at least 100.
            seed: seed of the resamples.

        Raises:
            EvaluationError: the version is not trained, a file cannot be read or relied on, or the
                test shares patients or pictures with the training.
            StorageError: a file is no longer in S3.
            MissingExtraError: the extra ``science`` is not installed.
        """
        needs_science("Evaluation")
        described = version.describe()
        summary, testing = described.summary, described.testing_output
        if summary is None or testing is None:
            raise EvaluationError(
                f"Version {described.name} has no result files; it is {described.status}: "
                f"{described.status_message}",
                hint="Wait for the training with version.wait_until_trained(), or train again.",
            )
        tags, training = version.tags(), described.training_output
        evaluation = cls.from_files(
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
        if LEAKS not in tags:
            return evaluation
        return attrs.evolve(evaluation, warnings=(KNOWN_LEAKS, *evaluation.warnings))

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
            training: contents of ``TrainingGroundTruth-*.json``, or its lines: the test must not
                share a patient or a picture with it. Without it, a warning says that this was not
                checked.
            allow_leaks: computes the figures even if it does; every table and page then says so.
            name: what tables call the version.
            made_by: who trained the model; shown with the figures.
            split: the split that the test images belong to; shown with the figures.
            resamples: bootstrap resamples of the patients, at least 100.
            seed: seed of the resamples; the same files and seed give the same figures.
            addresses: names of the summary, testing and training files, for messages.

        Raises:
            EvaluationError: a file cannot be used, or the test shares patients or pictures with the
                training; names the file, and every such line or image.
            MissingExtraError: the extra ``science`` is not installed.
        """
        needs_science("Evaluation")
        from rekognition_xray.clinic.statistics import estimate  # noqa: PLC0415 - needs the extra

        if resamples < _MIN_RESAMPLES:
            raise EvaluationError(
                f"{resamples} resamples are too few for an interval.",
                hint=f"Use {_MIN_RESAMPLES} or more; 1000 is the default.",
            )
        service = read_summary(summary, name=addresses[0])
        labels = tuple(row.label for row in service.labels)
        snapshot = read_snapshot(testing, labels=labels, name=addresses[1])
        check_same_images(service, snapshot.images, addresses)
        notes, patients = [NOT_COMPARED], frozenset[str]()
        if training is not None:
            overlap = training_overlap(training, snapshot.images, name=addresses[2])
            if not allow_leaks:
                refuse_leaks(overlap, name=addresses[2])
            notes = list(overlap.warnings(service.training_images))
            patients = overlap.patients
        figures = estimate(snapshot.images, labels, resamples=resamples, seed=seed)
        return cls(
            name=name or service.version_arn,
            labels=labels,
            images=snapshot.images,
            service=service,
            accuracy=figures.accuracy,
            balanced_accuracy=figures.balanced_accuracy,
            f1=figures.f1,
            brier=figures.brier,
            calibration_error=figures.calibration_error,
            by_label=figures.by_label,
            two_class=figures.two_class,
            warnings=(*notes, *snapshot.warnings, *missing_label_warnings(snapshot.images, labels)),
            made_by=made_by,
            split=split,
            resamples=resamples,
            seed=seed,
            trained_patients=patients,
        )

    def with_images(self, images: Sequence[TestImage]) -> Evaluation:
        """The same evaluation with other answers for its test images; all figures computed anew.

        The figures of groups are left out; ``with_groups`` computes them anew.

        Args:
            images: the same images with the same true labels.

        Raises:
            EvaluationError: they are not the same images.
        """
        from rekognition_xray.clinic.statistics import estimate  # noqa: PLC0415 - needs the extra

        if {(each.source_ref, each.truth) for each in images} != {
            (each.source_ref, each.truth) for each in self.images
        }:
            raise EvaluationError("These are not the test images of this evaluation.")
        figures = estimate(images, self.labels, resamples=self.resamples, seed=self.seed)
        before = set(unlisted_label_warnings(self.images))
        kept = [warning for warning in self.warnings if warning not in before]
        return attrs.evolve(
            self,
            images=tuple(images),
            warnings=(*kept, *unlisted_label_warnings(images)),
            groups=(),
            **{field.name: getattr(figures, field.name) for field in attrs.fields(type(figures))},
        )

    def without(self, sources: Iterable[str], *, reason: str) -> Evaluation:
        """The same evaluation on fewer test images, with a warning that holds the figures of all.

        For images that a reader has found to have a wrong label, or no use. Leaving out what a
        model gets wrong makes figures too good, so how many were left out, why, and the figures
        before stand in the warnings of every table and page. The figures of groups are left out;
        ``with_groups`` computes them anew.

        Args:
            sources: addresses of test images (``source_ref``).
            reason: why, such as ``a reader found the label wrong``.

        Raises:
            EvaluationError: no reason, addresses that are not of test images, or no image is left.
        """
        from rekognition_xray.clinic.statistics import estimate  # noqa: PLC0415 - needs the extra

        out = tuple(dict.fromkeys(sources))
        _check_left_out(out, self.images, reason)
        kept = tuple(image for image in self.images if image.source_ref not in out)
        figures = estimate(kept, self.labels, resamples=self.resamples, seed=self.seed)
        return attrs.evolve(
            self,
            images=kept,
            left_out=(*self.left_out, *out),
            groups=(),
            warnings=(_left_out_warning(self, len(out), reason), *self.warnings),
            **{field.name: getattr(figures, field.name) for field in attrs.fields(type(figures))},
        )

    def with_groups(self, facts: Facts) -> Evaluation:
        """The same evaluation with the figures of groups, such as by sex, age or view.

        For pneumonia of any type against the rest: all figures of each group, its sensitivity,
        specificity and AUROC less those of all other images, and how well the group alone tells
        the label. Page, card, frame and JSON then show the groups. A group of fewer than ten
        patients on the side that a figure rests on has none, with the reason.

        Args:
            facts: address of a test image (``source_ref``) to its values by variable, such as
                ``{"s3://bucket/key": {"sex": "female", "view": "PA"}}``: what
                ``frame.set_index("address").to_dict("index")`` gives. A variable has at most 20
                values. Images without a value are a group of their own, ``not stated``.

        Raises:
            EvaluationError: no test image has a value, a variable has too many values, or the
                labels do not distinguish pneumonia from the rest.
        """
        from rekognition_xray.clinic.statistics import group_figures  # noqa: PLC0415 - needs the extra

        groups = group_figures(
            self.images, self.labels, facts, resamples=self.resamples, seed=self.seed
        )
        return attrs.evolve(self, groups=groups)

    @property
    def version_arn(self) -> str:
        """ARN of the model version that the result files name."""
        return self.service.version_arn

    @property
    def patients(self) -> int:
        """Number of patients; an image whose patient is not known counts as one."""
        return len({image.group for image in self.images})

    @property
    def known_patients(self) -> int:
        """Number of patients whose pseudonym is in the S3 key of an image."""
        return len({image.patient for image in self.images} - {None})

    @property
    def confusion(self) -> dict[str, dict[str, int]]:
        """True label to predicted label (the one of highest confidence) to number of images.

        If the service listed no label for some images, they are counted under ``no label``.
        """
        named = {image.predicted for image in self.images}
        columns = (*self.labels, *({NO_LABEL} & named))
        table = {truth: dict.fromkeys(columns, 0) for truth in self.labels}
        for image in self.images:
            table[image.truth][image.predicted] += 1
        return table

    def at_prevalence(self, prevalence: float, *, label: str | None = None) -> PredictiveValues:
        """PPV and NPV at a stated prevalence of pneumonia, or of one label.

        Args:
            prevalence: share of images that show it where the model is to be used, between 0 and 1.
                Take it from that place: the mix of labels in the test set depends only on how the
                set was collected.
            label: one label against all others; by default pneumonia of any type.

        Raises:
            EvaluationError: the prevalence is not between 0 and 1, or the label is unknown.
        """
        figures = (
            self.two_class if label is None else self.by_label[known_label(label, self.labels)]
        )
        of = "pneumonia" if label is None else label
        return predictive_values(figures.sensitivity, figures.specificity, prevalence, of=of)

    def curves(self, label: str | None = None, *, points: int = 200) -> Curves:
        """The curves of pneumonia, or of one label, against the rest.

        ROC, precision-recall, reliability and a sweep of thresholds, the last two with intervals.
        The curves are empty if the test images do not include both sides.

        Args:
            label: a label of the model; by default pneumonia of any type.
            points: the most points that a curve may have, at least 2; the sweep has at most 100.

        Raises:
            EvaluationError: the label is unknown, ``points`` is below 2, or the labels do not
                distinguish pneumonia from the rest.
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

    def net_benefit(
        self,
        label: str | None = None,
        *,
        thresholds: Sequence[float] | None = None,
        prevalence: float | None = None,
    ) -> DecisionCurve:
        """Net benefit of calling by a threshold, beside calling every image and calling none.

        A threshold of 0.1 says that one missed image weighs as much as nine false calls. The model
        helps at a threshold if its net benefit exceeds that of calling all and that of calling
        none, which is 0. Confidences count as probabilities, so a badly calibrated model looks
        worse than a policy with the same ranking is.

        Args:
            label: a label of the model against all others; by default pneumonia of any type.
            thresholds: each above 0 and below 1; by default 0.05, 0.10 and so on to 0.95.
            prevalence: share of images that show it where the model is to be used, above 0 and
                below 1. By default the share of the test images, which is not a prevalence.

        Raises:
            EvaluationError: the label is unknown, the labels do not distinguish pneumonia from the
                rest, or a threshold or the prevalence is not between 0 and 1.
        """
        from rekognition_xray.clinic.statistics import (  # noqa: PLC0415 - needs the extra
            view_decision_curve,
        )

        return view_decision_curve(
            self.images,
            self.labels,
            label,
            thresholds=thresholds,
            prevalence=prevalence,
            resamples=self.resamples,
            seed=self.seed,
        )

    def risk_coverage(self) -> RiskCoverage:
        """How the error rate falls as the images of lowest confidence are referred to a person.

        Risk is the share of images whose label of highest confidence is wrong, all labels
        distinguished. ``policy.reported.risk_coverage`` is the curve for the two-class calls of a
        policy.
        """
        from rekognition_xray.clinic.statistics import label_risk  # noqa: PLC0415 - needs the extra

        return label_risk(self.images, resamples=self.resamples, seed=self.seed)

    def policy(
        self,
        *,
        sensitivity: float | None = None,
        specificity: float | None = None,
        max_referrals: float | None = None,
        confidence: float | None = None,
        validation: Evaluation | Sequence[TestImage] | None = None,
        refer_odds: float | None = None,
        type_share: float = 0.7,
        calibration: Kind | None = "platt",
        allow_above_half: bool = False,
        seed: int = 0,
    ) -> Policy:
        """Chooses a policy: when an image counts as pneumonia, and when a person must decide.

        Threshold, referral band and calibration are chosen on one group of patients and evaluated
        on another; the policy holds the figures of both. Without a validation set, the test
        patients are split in two halves, and the policy says so.

        Args:
            sensitivity: aim, between 0 and 1: the highest threshold that reaches this sensitivity;
                where specificity is flat below it, the middle of that gap.
            specificity: aim, between 0 and 1: the lowest threshold that reaches this specificity;
                where sensitivity is flat above it, the middle of that gap.
            max_referrals: aim, between 0 and 1: the largest share of all images to refer to a
                person. Takes the threshold of highest balanced accuracy and the widest band around
                it that refers no more. Give exactly one of these three aims.
            confidence: guarantees the aim, with this probability, between 0 and 1: such as that the
                true sensitivity is at least 0.95 with probability 0.95. Patients count, not images;
                ``policy.guarantees`` defines what holds. With sensitivity and specificity
                together, both hold with this probability, and images between the two limits are
                referred. By default nothing is guaranteed: on new patients a threshold misses its
                aim about every second time, by a little.
            validation: images of other patients to choose on, classified by the same version
                (``validation_images`` makes them from diagnoses), or their evaluation. The policy
                is then reported on all test images.
            refer_odds: refers images whose odds of pneumonia are within this factor of the
                threshold's odds; 1 refers none, 1.5 is the default. Not with max_referrals, and not
                with two aims.
            type_share: share, 0 to 1, of the pneumonia confidence that one type must reach to be
                named; otherwise the finding is ``pneumonia, type uncertain``. A chest X-ray cannot
                reliably distinguish bacterial from viral pneumonia.
            calibration: how confidences become probabilities: platt, temperature, isotonic or
                None. They are shrunk so that none comes nearer to 0 or 1 than 3 / patients.
            allow_above_half: lets an image be called healthy although its probability of pneumonia
                exceeds one half; by default a person must read it.
            seed: seed for splitting the test patients in two.

        Raises:
            EvaluationError: the images do not support the aim; the hint says what they do support,
                or how many patients it takes.
        """
        from rekognition_xray.clinic.policy import (  # noqa: PLC0415 - needs the extra
            choose_guaranteed_policy,
            choose_policy,
        )

        aims = {
            "sensitivity": sensitivity,
            "specificity": specificity,
            "max_referrals": max_referrals,
        }
        if isinstance(validation, Evaluation):
            _check_same_version(validation, self)
            validation = validation.images
        refuse_trained(validation or (), self.trained_patients)
        choose = (
            choose_policy
            if confidence is None
            else partial(choose_guaranteed_policy, confidence=confidence)
        )
        policy = choose(
            self.images,
            self.labels,
            aims,
            validation=validation,
            refer_odds=refer_odds,
            type_share=type_share,
            calibration=calibration,
            allow_above_half=allow_above_half,
            resamples=self.resamples,
            seed=seed,
            resampling_seed=self.seed,
        )
        warnings = (*self.warnings, *policy.warnings)
        return attrs.evolve(policy, version_arn=self.version_arn, warnings=warnings)

    def to_dict(self) -> dict[str, object]:
        """Figures with intervals, images, patients and method, as plain data for JSON."""
        return as_dict(self)

    def to_json(self) -> str:
        """``to_dict`` as JSON text."""
        return json.dumps(self.to_dict(), indent=2, ensure_ascii=False, allow_nan=False) + "\n"

    def to_frame(self) -> pandas.DataFrame:
        """A pandas data frame with one row for each figure.

        Columns: version, split, made_by, view, figure, value, low, high, images, patients, method,
        reason, and the p_value of differences between groups.

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
        gate: GateFigures | None = None,
        options: ImageOptions = DEFAULT_OPTIONS,
    ) -> Path:
        """Writes one self-contained HTML page and returns its path.

        The page replaces an older one only when it is complete.

        Args:
            path: of the file.
            images: where the pictures come from: S3 address to a path or to bytes, the
                ``addresses`` of an upload's receipt, or a function from address to path, bytes or
                None. By default the page has no pictures.
            policy: a policy of this version, shown with its figures.
            prevalence: as for ``at_prevalence``; the page then shows predictive values.
            gate: figures of the gate that the version is used with.
            options: how pictures are read; the same as for training. See ImageOptions.

        Raises:
            EvaluationError: the policy is of another version, the prevalence is not between 0 and
                1, or pictures cannot be read.
            MissingExtraError: the extra ``report`` is not installed.
        """
        needs_report("The evaluation page")
        gallery = make_gallery(self.images, self.labels, images, options=options)
        return write_page(evaluation_page(self, gallery, policy, prevalence, gate), Path(path))

    def __str__(self) -> str:
        return plain_text(self)


def _left_out_warning(evaluation: Evaluation, count: int, reason: str) -> str:
    before = {"accuracy": evaluation.accuracy}
    names = ("sensitivity", "specificity", "auroc")
    before |= {name: getattr(evaluation.two_class, name) for name in names}
    figures = ", ".join(f"{figure_name(name)} {figure}" for name, figure in before.items())
    return (
        f"{count} of {len(evaluation.images)} test images were left out of the figures: {reason}. "
        f"With them: {figures}."
    )


def _check_left_out(out: Sequence[str], images: Sequence[TestImage], reason: str) -> None:
    unknown = sorted(set(out) - {image.source_ref for image in images})
    if unknown:
        raise EvaluationError(
            f"{len(unknown)} addresses are not of test images:\n{list_paths(unknown)}",
            hint="Use image.source_ref of evaluation.images.",
        )
    if not reason.strip() or not out or len(out) == len(images):
        raise EvaluationError(
            f"{len(out)} of {len(images)} images cannot be left out for the reason {reason!r}.",
            hint="Name at least one image and a reason, and keep some images.",
        )


def _check_same_version(validation: Evaluation, test: Evaluation) -> None:
    if validation.version_arn != test.version_arn:
        raise EvaluationError(
            f"The validation images were classified by {validation.version_arn}, the test images "
            f"by {test.version_arn}.",
            hint="A threshold holds for one version only: use the same version for both.",
        )


def _maker(endpoint_url: str | None) -> str:
    if endpoint_url is None:
        return _AWS
    parts = urlsplit(endpoint_url)
    host = parts.netloc.rpartition("@")[2]  # an address may carry a password
    return f"a custom endpoint ({parts.scheme}://{host}), not AWS"
