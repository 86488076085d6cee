"""Result files that list only some labels: what they support, and how the rest is had."""

from __future__ import annotations

from collections.abc import Iterator

import attrs
import pytest

import rekognition_xray as rx
from rekognition_xray.clinic.statistics import NO_LABEL
from rekognition_xray.errors import (
    CostCapError,
    EvaluationError,
    InvalidRequestError,
    JournalError,
)
from rekognition_xray.local import Assumptions, LocalCloud

from ...support.learner import MeanLearner
from ..conftest import save_images

FROM_SCORES = {
    "auroc",
    "average_precision",
    "brier",
    "calibration_error",
    "calibration_intercept",
    "calibration_slope",
}


@attrs.frozen
class Trained:
    """A version, and its evaluation from the result files."""

    version: rx.ModelVersion
    evaluation: rx.Evaluation
    cloud: LocalCloud


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory):
    folder = tmp_path_factory.mktemp("images")
    save_images(folder, each=20)
    return folder


def train(folder, listed) -> Iterator[Trained]:
    assumed = Assumptions(snapshot_labels=listed)
    with LocalCloud(buckets=["clinic"], learner=MeanLearner(), assumptions=assumed) as cloud:
        aws = rx.Aws(session=cloud.session())
        train, test = rx.XrayDataset.from_folder(folder).split(test=0.5, seed=1)
        project = rx.CustomLabelsProject.get_or_create("chest", aws=aws)
        project.put_datasets(train=train, test=test, store="s3://clinic/images", key="k" * 32)
        version = project.train("v1", output="s3://clinic/models")
        version.wait_until_trained()
        yield Trained(version, rx.Evaluation.from_version(version, resamples=100), cloud)


@pytest.fixture(scope="module")
def partial(folder) -> Iterator[Trained]:
    """Its test images list the labels that reach the service's threshold alone."""
    yield from train(folder, "predicted")


@pytest.fixture(scope="module")
def full(folder) -> Iterator[Trained]:
    yield from train(folder, "every")


def test_figures_that_need_every_confidence_are_not_estimable(partial):
    figures = partial.evaluation.two_class.by_name()
    missing = {name for name, figure in figures.items() if figure.value is None}
    assert missing == FROM_SCORES
    assert "no usable confidence" in figures["auroc"].reason
    assert partial.evaluation.brier.value is None
    assert partial.evaluation.calibration_error.value is None


def test_figures_of_what_was_called_stay(partial):
    evaluation = partial.evaluation
    called = [image for image in evaluation.images if image.predicted != NO_LABEL]
    right = sum(image.truth == image.predicted for image in called)
    assert evaluation.accuracy.value == pytest.approx(right / len(evaluation.images))
    assert evaluation.two_class.sensitivity.value is not None


def test_a_warning_names_the_way_out(partial):
    (warning,) = [one for one in partial.evaluation.warnings if "do not list every label" in one]
    assert "complete_evaluation(evaluation, version, max_cost=...)" in warning


def test_no_policy_is_chosen_on_such_files(partial):
    with pytest.raises(EvaluationError, match="complete_evaluation"):
        partial.evaluation.policy(sensitivity=0.9)


def test_tables_page_and_card_can_be_written_all_the_same(partial, tmp_path):
    assert "not estimable" in str(partial.evaluation)
    assert partial.evaluation.to_json()
    page = partial.evaluation.to_html(tmp_path / "page.html").read_text("utf-8")
    assert "do not list every label" in page


def test_the_running_model_gives_the_figures_that_full_files_give(partial, full):
    complete = rx.complete_evaluation(partial.evaluation, partial.version, max_cost="5.00")
    assert partial.version.describe().status in {"STOPPED", "STOPPING"}
    assert complete.two_class.auroc.value == pytest.approx(full.evaluation.two_class.auroc.value)
    assert complete.accuracy.value == pytest.approx(full.evaluation.accuracy.value)
    assert not [one for one in complete.warnings if "do not list every label" in one]
    assert complete.service == partial.evaluation.service


def test_another_versions_evaluation_is_refused_before_anything_starts(partial, full):
    other = attrs.evolve(full.version, aws=partial.version.aws)
    with pytest.raises(EvaluationError, match="not of"):
        rx.complete_evaluation(
            attrs.evolve(partial.evaluation, service=full.evaluation.service),
            attrs.evolve(other, arn=f"{other.arn[:-1]}x"),
            max_cost="5.00",
        )


def test_a_cap_below_the_first_minutes_starts_nothing(partial):
    with pytest.raises(CostCapError):
        rx.complete_evaluation(partial.evaluation, partial.version, max_cost="0.00")
    assert partial.version.describe().status in {"TRAINING_COMPLETED", "STOPPED"}


def test_an_image_without_an_answer_is_named(partial):
    partial.cloud.faults.error("DetectCustomLabels", "InvalidImageFormatException")
    with pytest.raises(EvaluationError, match="1 test images have no answer"):
        rx.complete_evaluation(partial.evaluation, partial.version, max_cost="5.00")


def test_with_a_journal_failed_images_are_asked_about_again(partial, tmp_path):
    journal = tmp_path / "journal.jsonl"
    partial.cloud.faults.error("DetectCustomLabels", "InvalidImageFormatException")
    ask = {"max_cost": "5.00", "journal": journal}
    with pytest.raises(EvaluationError, match="1 test images have no answer"):
        rx.complete_evaluation(partial.evaluation, partial.version, **ask)
    complete = rx.complete_evaluation(partial.evaluation, partial.version, **ask)
    assert complete.two_class.auroc.value is not None


def test_a_damaged_journal_is_refused_before_the_model_starts(partial, tmp_path):
    (journal := tmp_path / "journal.jsonl").write_text("no journal\n{}\n")
    before = partial.cloud.bill.total
    with pytest.raises(JournalError):
        rx.complete_evaluation(
            partial.evaluation, partial.version, max_cost="5.00", journal=journal
        )
    assert partial.cloud.bill.total == before


def test_no_unit_starts_nothing(partial):
    with pytest.raises(InvalidRequestError, match="1 inference unit or more"):
        rx.complete_evaluation(partial.evaluation, partial.version, max_cost="5.00", units=0)
