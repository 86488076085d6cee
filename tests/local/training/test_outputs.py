from __future__ import annotations

import json
import re
from collections import Counter
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from rekognition_xray.local.training import outputs
from rekognition_xray.local.training.metrics import Metrics, evaluate
from rekognition_xray.local.training.outputs import TestedImage

ARN = "arn:aws:rekognition:us-east-1:123456789012:project/p/version/v/1690556751958"
NOW = datetime(2026, 11, 21, 7, 30, 23, 910943, tzinfo=UTC)
STAMP = "2026-11-21T07:30:23.910943"
EVALUATED = re.compile(r"rekognition-custom-labels-evaluation-\d+-metadata")
IMAGES = (
    TestedImage("s3://b/1.jpeg", ("a",), {"a": 0.9, "b": 0.1}),
    TestedImage("s3://b/2.jpeg", ("a",), {"a": 0.4, "b": 0.6}),
    TestedImage("s3://b/3 ü.jpeg", ("b",), {"a": 0.3, "b": 0.7}),
    TestedImage("s3://b/4.jpeg", ("b",), {"a": 0.6, "b": 0.4}),
)


@pytest.fixture
def metrics() -> Metrics:
    truths = [frozenset(image.labels) for image in IMAGES]
    return evaluate(("a", "b"), truths, [image.confidences for image in IMAGES])


@pytest.fixture
def summary(metrics: Metrics) -> dict[str, Any]:
    text = outputs.evaluation_summary(metrics, version_arn=ARN, training_images=17, ended=NOW)
    return dict(json.loads(text))


@pytest.fixture
def snapshot(metrics: Metrics) -> list[dict[str, Any]]:
    lines = outputs.testing_snapshot(IMAGES, metrics, created=NOW, listed="every")
    return [json.loads(line) for line in lines]


def test_a_snapshot_can_list_the_labels_alone_that_reach_their_threshold(metrics: Metrics) -> None:
    lines = outputs.testing_snapshot(IMAGES, metrics, created=NOW, listed="predicted")
    for image, line in zip(IMAGES, map(json.loads, lines), strict=True):
        listed = {part["class-name"] for key, part in line.items() if EVALUATED.fullmatch(key)}
        assert listed == {
            label for label, share in image.confidences.items() if share >= metrics.threshold(label)
        }


def test_the_summary_has_the_members_of_the_services_file(summary: dict[str, Any]) -> None:
    assert set(summary) == {
        "Version", "AggregatedEvaluationResults", "EvaluationDetails", "LabelEvaluationResults",
    }  # fmt: skip
    assert summary["Version"] == 1
    aggregate = summary["AggregatedEvaluationResults"]
    assert set(aggregate) == {"ConfusionMatrix", "F1Score", "Precision", "Recall"}
    assert set(aggregate["ConfusionMatrix"][0]) == {"GroundTruthLabel", "PredictedLabel", "Value"}
    label = summary["LabelEvaluationResults"][0]
    assert set(label) == {"Label", "Metrics", "NumberOfTestingImages"}
    assert set(label["Metrics"]) == {"F1Score", "Precision", "Recall", "Threshold"}


def test_the_summary_says_what_was_evaluated(summary: dict[str, Any]) -> None:
    assert summary["EvaluationDetails"] == {
        "EvaluationEndTimestamp": STAMP,
        "Labels": ["a", "b"],
        "NumberOfTestingImages": 4,
        "NumberOfTrainingImages": 17,
        "ProjectVersionArn": ARN,
    }


def test_the_summary_lists_the_best_label_first() -> None:
    truths = [frozenset("a"), frozenset("a"), frozenset("b"), frozenset("c")]
    found = [{"a": 0.1, "b": 0.2, "c": 0.9}] * 2 + [{"a": 0.1, "b": 0.8, "c": 0.1}] * 2
    judged = evaluate(("a", "b", "c"), truths, found)
    text = outputs.evaluation_summary(judged, version_arn=ARN, training_images=1, ended=NOW)
    figures = [each["Metrics"]["F1Score"] for each in json.loads(text)["LabelEvaluationResults"]]
    assert figures == sorted(figures, reverse=True)
    assert figures[0] > figures[-1]


@pytest.mark.parametrize(
    "moment",
    [
        NOW,
        NOW.replace(tzinfo=None),
        NOW.astimezone(timezone(timedelta(hours=9))),
    ],
)
def test_times_are_utc_without_a_zone(metrics: Metrics, moment: datetime) -> None:
    text = outputs.evaluation_summary(metrics, version_arn=ARN, training_images=1, ended=moment)
    assert json.loads(text)["EvaluationDetails"]["EvaluationEndTimestamp"] == STAMP


def test_a_training_line_numbers_the_labels_of_its_image() -> None:
    (line,) = outputs.training_snapshot([("s3://b/1.jpeg", ("a", "b"))], created=NOW)
    image = json.loads(line)
    assert list(image) == [
        "source-ref",
        "rekognition-custom-labels-training-0",
        "rekognition-custom-labels-training-0-metadata",
        "rekognition-custom-labels-training-1",
        "rekognition-custom-labels-training-1-metadata",
    ]
    assert image["rekognition-custom-labels-training-1-metadata"] == {
        "confidence": 1.0,
        "job-name": "rekognition-custom-labels-training-job",
        "class-name": "b",
        "human-annotated": "yes",
        "creation-date": STAMP,
        "type": "groundtruth/image-classification",
    }


def test_a_testing_line_holds_truth_and_every_answer(snapshot: list[dict[str, Any]]) -> None:
    first = snapshot[0]
    assert first["rekognition-custom-labels-training-0-metadata"]["class-name"] == "a"
    assert isinstance(first["rekognition-custom-labels-evaluation-1"], int)
    answer = dict(first["rekognition-custom-labels-evaluation-1-metadata"])
    details = answer.pop("rekognition-custom-labels-evaluation-details")
    assert answer == {
        "confidence": 0.1,
        "job-name": "rekognition-custom-labels-evaluation-job",
        "class-name": "b",
        "human-annotated": "no",
        "creation-date": STAMP,
        "type": "groundtruth/image-classification",
    }
    assert details == {
        "version": 1,
        "ground-truth-labelling-jobs": ["rekognition-custom-labels-training-job"],
        "is-true-positive": False,
        "is-true-negative": True,
        "is-false-positive": False,
        "is-false-negative": False,
        "is-present-in-ground-truth": False,
    }


def verdicts(snapshot: list[dict[str, Any]], label: str) -> Counter[str]:
    """How many images got which of the four verdicts for a label."""
    found: Counter[str] = Counter()
    for line in snapshot:
        for key, value in line.items():
            if "evaluation" in key and "metadata" in key and value["class-name"] == label:
                details = value["rekognition-custom-labels-evaluation-details"]
                true = [n for n in details if details[n] is True and "ground" not in n]
                assert len(true) == 1
                found.update(true)
    return found


def test_counting_the_verdicts_gives_the_summarys_figures(
    snapshot: list[dict[str, Any]], summary: dict[str, Any]
) -> None:
    for each in summary["LabelEvaluationResults"]:
        count = verdicts(snapshot, each["Label"])
        hits = count["is-true-positive"]
        assert sum(count.values()) == len(IMAGES)
        precision = hits / (hits + count["is-false-positive"])
        recall = hits / (hits + count["is-false-negative"])
        assert each["Metrics"]["Precision"] == pytest.approx(precision)
        assert each["Metrics"]["Recall"] == pytest.approx(recall)


def test_every_line_is_one_line(metrics: Metrics) -> None:
    odd = TestedImage("s3://b/a\nb\u2028c.jpeg", ("a",), {"a": 0.9, "b": 0.1})
    (line,) = outputs.testing_snapshot([odd], metrics, created=NOW, listed="every")
    assert line.splitlines() == [line]
    assert json.loads(line)["source-ref"] == odd.source_ref
