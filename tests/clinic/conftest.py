"""Scripted result files as the service writes them, and a running version on the local cloud."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeAlias

import attrs
import numpy as np
import pytest
from PIL import Image

import rekognition_xray as rx
from rekognition_xray.clinic.diagnosis import pacer
from rekognition_xray.clinic.evaluation import Evaluation
from rekognition_xray.labels import THREE_CLASSES
from rekognition_xray.local import LocalCloud

from ..support.learner import MeanLearner

ARN = "arn:aws:rekognition:us-east-1:111122223333:project/chest/version/v1/1690556751958"
_JOB = "rekognition-custom-labels-{}-job"


@attrs.frozen
class Scripted:
    """A test image: address, true label, label to confidence."""

    source_ref: str
    truth: str
    confidences: dict[str, float]


@attrs.frozen
class ResultFiles:
    """The two files that an evaluation reads."""

    summary: str
    testing: str

    def evaluation(self, **settings: object) -> Evaluation:
        return Evaluation.from_files(self.summary, self.testing, **settings)  # type: ignore[arg-type]


Draw: TypeAlias = Callable[..., list[Scripted]]
Write: TypeAlias = Callable[..., ResultFiles]


def key(patient: int, image: int) -> str:
    return f"s3://clinic-xrays/kermany/{patient:024x}/{image:064x}.jpg"


def _draw(
    *,
    patients: int = 60,
    skill: float = 3.0,
    seed: int = 0,
    images: tuple[int, int] = (1, 4),
    labels: Sequence[str] = THREE_CLASSES,
    keyed: bool = True,
) -> list[Scripted]:
    """Images of patients in turn of the labels; confidences are a softmax with the given skill."""
    rng = np.random.default_rng(seed)
    drawn = []
    for patient in range(patients):
        truth = patient % len(labels)
        lean = rng.normal(size=len(labels))
        for _ in range(rng.integers(images[0], images[1] + 1)):
            logits = lean + rng.normal(size=len(labels)) + skill * np.eye(len(labels))[truth]
            shares = (np.exp(logits) / np.exp(logits).sum()).round(8)
            number = len(drawn)
            source = key(patient, number) if keyed else f"s3://clinic-xrays/in/image-{number}.jpg"
            drawn.append(
                Scripted(source, labels[truth], dict(zip(labels, map(float, shares), strict=True)))
            )
    return drawn


def _line(image: Scripted) -> str:
    body: dict[str, object] = {"source-ref": image.source_ref}
    common = {"creation-date": "2026-11-20T10:00:00", "type": "groundtruth/image-classification"}
    body["rekognition-custom-labels-training-0"] = 1
    body["rekognition-custom-labels-training-0-metadata"] = common | {
        "confidence": 1.0,
        "job-name": _JOB.format("training"),
        "class-name": image.truth,
        "human-annotated": "yes",
    }
    for place, (label, confidence) in enumerate(image.confidences.items()):
        details = {
            "version": 1,
            "ground-truth-labelling-jobs": [_JOB.format("training")],
            "is-true-positive": label == image.truth and confidence >= 0.5,
            "is-true-negative": label != image.truth and confidence < 0.5,
            "is-false-positive": label != image.truth and confidence >= 0.5,
            "is-false-negative": label == image.truth and confidence < 0.5,
            "is-present-in-ground-truth": label == image.truth,
        }
        name = f"rekognition-custom-labels-evaluation-{place}"
        body[name] = int(confidence >= 0.5)
        body[f"{name}-metadata"] = common | {
            "confidence": confidence,
            "job-name": _JOB.format("evaluation"),
            "class-name": label,
            "human-annotated": "no",
            "rekognition-custom-labels-evaluation-details": details,
        }
    return json.dumps(body)


def _summary(images: Sequence[Scripted], labels: Sequence[str]) -> dict[str, object]:
    count = {label: sum(image.truth == label for image in images) for label in labels}
    metrics = {"F1Score": 0.8, "Precision": 0.82, "Recall": 0.79, "Threshold": 0.41}
    return {
        "Version": 1,
        "AggregatedEvaluationResults": {
            "ConfusionMatrix": [
                {"GroundTruthLabel": label, "PredictedLabel": label, "Value": 0.79}
                for label in labels
            ],
            "F1Score": 0.8,
            "Precision": 0.82,
            "Recall": 0.79,
        },
        "EvaluationDetails": {
            "EvaluationEndTimestamp": "2026-11-21T07:30:23.910943",
            "Labels": sorted(labels),
            "NumberOfTestingImages": len(images),
            "NumberOfTrainingImages": 500,
            "ProjectVersionArn": ARN,
        },
        "LabelEvaluationResults": [
            {"Label": label, "Metrics": metrics, "NumberOfTestingImages": count[label]}
            for label in sorted(labels)
        ],
    }


def _write(images: Sequence[Scripted], *, labels: Sequence[str] = THREE_CLASSES) -> ResultFiles:
    lines = "".join(f"{_line(image)}\n" for image in images)
    return ResultFiles(json.dumps(_summary(images, labels)), lines)


@pytest.fixture(scope="session")
def draw() -> Draw:
    """Draws scripted test images: ``draw(patients=, skill=, seed=, images=, labels=, keyed=)``."""
    return _draw


@pytest.fixture(scope="session")
def write() -> Write:
    """Writes scripted images as result files: ``write(images, labels=)``."""
    return _write


# -- a running version on the local cloud ------------------------------------------------------

_SIDE = 72


def image(label: str, seed: int) -> Image.Image:
    """A small grey picture whose pattern depends on the label, with noise of its own."""
    rng = np.random.default_rng((seed, len(label)))
    rows, columns = np.mgrid[:_SIDE, :_SIDE]
    patterns = {
        "normal": np.zeros((_SIDE, _SIDE)),
        "bacterial": 80 * (columns > _SIDE / 2),
        "viral": 60 * (rows % 12 < 6),
    }
    noise = rng.normal(100, 12, (_SIDE, _SIDE))
    return Image.fromarray((patterns[label] + noise).clip(0, 255).astype(np.uint8))


def save_images(folder: Path, *, each: int, first: int = 0) -> list[Path]:
    """Images with official names, ``each`` of every label, one to a patient."""
    made = []
    for number in range(first, first + each):
        names = {
            "normal": f"NORMAL/IM-{number + 1000:04d}-0001.jpeg",
            "bacterial": f"PNEUMONIA/person{number + 3000}_bacteria_{number}.jpeg",
            "viral": f"PNEUMONIA/person{number + 6000}_virus_{number}.jpeg",
        }
        for label, name in names.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            image(label, number).save(path, quality=95)
            made.append(path)
    return made


@attrs.frozen
class Clinic:
    """A version that runs, the images that it was not trained on, and a count of its requests."""

    version: rx.ModelVersion
    images: list[Path]
    cloud: LocalCloud
    asked: list[float] = attrs.field(factory=list)

    @contextmanager
    def stopped(self) -> Iterator[None]:
        aws = self.version.aws.rekognition
        aws.stop_project_version(ProjectVersionArn=self.version.arn)
        try:
            yield
        finally:
            self.start()

    def start(self) -> None:
        aws = self.version.aws.rekognition
        while self.version.describe().status == "STOPPING":
            continue
        if self.version.describe().status != "RUNNING":
            aws.start_project_version(ProjectVersionArn=self.version.arn, MinInferenceUnits=1)
        while self.version.describe().status == "STARTING":
            continue


@pytest.fixture(scope="session")
def running_clinic(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clinic]:
    folder = tmp_path_factory.mktemp("clinic")
    save_images(folder / "train", each=12)
    with LocalCloud(buckets=["clinic"], learner=MeanLearner()) as cloud:
        aws = rx.Aws(session=cloud.session())
        train, test = rx.XrayDataset.from_folder(folder / "train").split(test=0.3, seed=1)
        project = rx.CustomLabelsProject.get_or_create("chest", aws=aws)
        project.put_datasets(train=train, test=test, store="s3://clinic/images", key="k" * 32)
        version = project.train("v1", output="s3://clinic/models")
        version.wait_until_trained()
        clinic = Clinic(version, save_images(folder / "new", each=6, first=100), cloud)
        clinic.start()
        counted = "before-call.rekognition.DetectCustomLabels"
        for client in (aws.rekognition, aws.rekognition_once):
            client.meta.events.register(counted, lambda **_: clinic.asked.append(1))
        yield clinic


@pytest.fixture
def clinic(running_clinic: Clinic) -> Iterator[Clinic]:
    """A running version, with its count of requests at zero."""
    running_clinic.start()
    running_clinic.asked.clear()
    yield running_clinic
    running_clinic.cloud.faults.clear()


@pytest.fixture
def diagnoser(clinic: Clinic) -> rx.Diagnoser:
    return rx.Diagnoser(clinic.version)


@pytest.fixture
def brisk(monkeypatch: pytest.MonkeyPatch) -> None:
    """After a throttle calls go on at 50 a second: how slow they would become is no concern."""
    monkeypatch.setattr(pacer, "_LOWEST", 50.0)
