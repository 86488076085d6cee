"""One training, from manifest lines and images in S3 to a saved model and its result files."""

from __future__ import annotations

import logging
import math
import re
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Final

import attrs

from rekognition_xray.local.images import ImageRefused, check_decodes, check_image
from rekognition_xray.local.learning import (
    BudgetTooShort,
    Example,
    LearnerUnavailable,
    Model,
    TrainingStopped,
)
from rekognition_xray.local.manifests import (
    BOXES,
    EMPTY_FILE,
    OUTPUT_UNWRITABLE,
    UNREADABLE_FILE,
    Defect,
    Line,
    ManifestRefused,
    defect,
    judge,
    usable_labels,
)
from rekognition_xray.local.objects import BucketUnwritable, ObjectUnreadable
from rekognition_xray.local.state import (
    JobStopped,
    Members,
    Stopped,
    Version,
    World,
    round_confidences,
)
from rekognition_xray.local.training.results import Place, ResultFiles
from rekognition_xray.local.training.splitting import draw_test

if TYPE_CHECKING:
    from rekognition_xray.local.training.evaluating import EvaluationFiles

logger = logging.getLogger(__name__)

_THREADS: Final = 2
_PATIENT_FOLDER: Final = re.compile(r"(?:.*/)?([0-9a-f]{16,64})/[^/]+", re.DOTALL)


@attrs.frozen
class Sources:
    """Where the lines come from: the lines of a dataset, or a manifest in S3.

    `testing` is None where the service splits by itself.
    """

    training: list[str] | Members
    testing: list[str] | Members | None


@attrs.frozen
class TrainingOutcome:
    """The result of a training: the members that Describe shows, and each label's threshold 0-1."""

    shown: Members
    thresholds: dict[str, float]


class TrainingRefused(Exception):  # noqa: N818 (an answer of the service)
    """A training that fails for its data; `shown` says where the reports are."""

    def __init__(self, message: str, shown: Members | None = None) -> None:
        self.message = message
        self.shown: Members = shown or {}
        super().__init__(message)


def train(
    world: World, project_name: str, version: Version, sources: Sources, stopped: Stopped
) -> TrainingOutcome:
    """Runs a whole training. Raises `TrainingRefused`, `JobStopped`."""
    run = _Training(world, version, stopped)
    files = ResultFiles(world.objects, project_name, version)
    try:
        files.check_writable()
        return _train(run, files, sources)
    except BucketUnwritable as error:
        raise TrainingRefused(OUTPUT_UNWRITABLE) from error
    except TrainingStopped as error:
        raise JobStopped from error


def _train(run: _Training, files: ResultFiles, sources: Sources) -> TrainingOutcome:
    failure = run.world.faults.on_training()
    if failure is not None and not failure.code:
        raise TrainingRefused(failure.message)
    training, testing, early = _lines(run, sources)
    verdict = judge(training, testing, run.world.limits, early=early)
    if failure is not None:
        verdict = verdict.replaced_by(Defect(failure.code, failure.message))
    reports = files.write_reports(training, testing, verdict)
    if verdict.defects:
        raise TrainingRefused(verdict.defects[0].message, reports)
    if verdict.use_case == BOXES:
        raise TrainingRefused(run.world.assumptions.boxes_message, reports)
    images, tests = run.images(training, verdict.use_case), run.images(testing, verdict.use_case)
    try:
        model = run.fit(images)
    except (BudgetTooShort, LearnerUnavailable) as error:
        raise TrainingRefused(str(error), reports) from error
    evaluated = run.evaluate(model, images, tests)
    run.world.models.save(run.version.arn, model)
    return TrainingOutcome(
        shown=files.write_results(reports, evaluated), thresholds=evaluated.thresholds
    )


@attrs.frozen
class _Image:
    source_ref: str
    place: Place
    labels: tuple[str, ...]


@attrs.frozen
class _Training:
    """One training, with access to its images and its learner."""

    world: World
    version: Version
    stopped: Stopped

    def read(self, place: Place) -> bytes:
        return self.world.objects.read(self.version.account, self.version.region, *place)

    def manifest(self, source: list[str] | Members) -> list[str]:
        """The lines of a source. Raises `TrainingRefused` for what is wrong with the whole file."""
        texts = source if isinstance(source, list) else self._from_s3(source)
        if not texts:
            raise TrainingRefused(EMPTY_FILE)
        return texts

    def _from_s3(self, source: Members) -> list[str]:
        account, region = self.version.account, self.version.region
        bucket, key, version = source["Bucket"], source["Name"], source.get("Version")
        try:
            self.world.objects.check_region(account, region, bucket)
            data = self.world.objects.read(account, region, bucket, key, version)
            return self.world.manifests.texts(data)
        except ObjectUnreadable as error:
            raise TrainingRefused(UNREADABLE_FILE) from error
        except ManifestRefused as error:
            raise TrainingRefused(str(error)) from error

    def checked(self, lines: list[Line]) -> list[Line]:
        """The lines, with a defect where the image is missing or not fit for the service."""
        with ThreadPoolExecutor(_THREADS, "images") as threads:
            return list(threads.map(self._check_image, lines))

    def _check_image(self, line: Line) -> Line:
        if self.stopped():
            raise JobStopped
        if line.source_ref is None:
            return line
        limits = self.world.limits
        try:
            data = self.read(line.image)
            check_image(data, limits, max_bytes=limits.image_bytes_s3)
            check_decodes(data)
        except (ObjectUnreadable, ImageRefused) as error:
            logger.info("%s: %s", line.source_ref, error)
            return line.with_defect(defect("ERROR_INVALID_IMAGE"))
        return line

    def images(self, lines: list[Line], use_case: str) -> list[_Image]:
        """The images that can be learned from, with their labels."""
        labelled = ((line, usable_labels(line, use_case)) for line in lines)
        return [
            _Image(line.source_ref, line.image, labels)
            for line, labels in labelled
            if labels and line.source_ref is not None
        ]

    def fit(self, images: Sequence[_Image]) -> Model:
        """The model that the learner makes of these images."""
        examples = [
            Example(partial(self.read, image.place), image.labels, group_of(image.place[1]))
            for image in images
        ]
        return self.world.models.learner.fit(
            examples,
            seed=self.world.seed,
            progress=_in_percents(self.version.name),
            stopped=self.stopped,
        )

    def evaluate(
        self, model: Model, trained: Sequence[_Image], tests: Sequence[_Image]
    ) -> EvaluationFiles:
        """The model's answers to the test images whose labels it knows, and its figures."""
        # heavy: scikit-learn takes a second to import
        from rekognition_xray.local.training.evaluating import evaluate_model  # noqa: PLC0415

        def ask(image: _Image) -> tuple[str, tuple[str, ...], dict[str, float]]:
            if self.stopped():
                raise JobStopped
            shares = round_confidences(model.confidences(self.read(image.place)))
            return image.source_ref, image.labels, shares

        known = frozenset(model.labels)
        with ThreadPoolExecutor(_THREADS, "test") as threads:
            tested = list(threads.map(ask, (image for image in tests if known & set(image.labels))))
        return evaluate_model(
            model.labels,
            [(image.source_ref, image.labels) for image in trained],
            tested,
            version_arn=self.version.arn,
            ended=datetime.now(UTC),
            listed=self.world.assumptions.snapshot_labels,
        )


def _in_percents(name: str) -> Callable[[float], None]:
    """Logs the progress of the training `name`, each percent once."""
    last = -1

    def report(fraction: float) -> None:
        nonlocal last
        percent = math.floor(fraction * 100)
        if percent > last:
            last = percent
            logger.info("training %s: %d %%", name, percent)

    return report


def group_of(key: str) -> str:
    """The patient of an object key, where its folder is a pseudonym in hex digits; else the key."""
    found = _PATIENT_FOLDER.fullmatch(key)
    return found[1] if found else key


def _lines(run: _Training, sources: Sources) -> tuple[list[Line], list[Line], list[Defect]]:
    """Training and testing lines, all checked, and a defect where they cannot be split."""
    manifests = run.world.manifests
    texts = run.manifest(sources.training)
    test_texts = None if sources.testing is None else run.manifest(sources.testing)
    training = run.checked(manifests.read(texts))
    if test_texts is not None:
        return training, run.checked(manifests.read(test_texts)), []
    return _split(run, training)


def _split(run: _Training, lines: list[Line]) -> tuple[list[Line], list[Line], list[Defect]]:
    names = [f"{line.source_ref} {number}" for number, line in enumerate(lines)]
    labels = {
        name: tuple(label.name for label in line.labels)
        for name, line in zip(names, lines, strict=True)
    }
    counts: dict[str, int] = {}
    for line in lines:
        for label in line.labels if line.valid else ():
            counts[label.name] = counts.get(label.name, 0) + 1
    least = run.world.assumptions.min_images_to_split
    early = []
    if counts and min(counts.values()) < least:
        early.append(defect("ERROR_INSUFFICIENT_IMAGES_PER_LABEL_FOR_AUTOSPLIT"))
    drawn = draw_test(labels, share=run.world.limits.test_share, seed=run.world.seed)
    training = [line for name, line in zip(names, lines, strict=True) if name not in drawn]
    testing = [line for name, line in zip(names, lines, strict=True) if name in drawn]
    return training, testing, early
