from __future__ import annotations

import pickle
import sys

import attrs
import pytest

import rekognition_xray as rx
from rekognition_xray.clinic.evaluation import _maker
from rekognition_xray.errors import EvaluationError, MissingExtraError


@pytest.fixture(scope="module")
def evaluation(draw, write):
    films = write(draw(patients=60))
    return films.evaluation(name="v1", made_by="a scripted learner", split="7f3a (seed 7)")


def test_the_public_names_lead_here():
    assert rx.Evaluation.__module__ == "rekognition_xray.clinic.evaluation"
    assert rx.Figure(0.5).value == 0.5


def test_every_figure_lies_within_its_interval(evaluation):
    figures = [evaluation.accuracy, evaluation.balanced_accuracy]
    figures += attrs.astuple(evaluation.two_class, recurse=False)
    for row in evaluation.by_label.values():
        figures += attrs.astuple(row, recurse=False)
    assert len(figures) == 2 + 4 + 9
    assert all(0 <= figure.low <= figure.value <= figure.high <= 1 for figure in figures)


def test_a_figure_tells_on_how_many_films_it_rests(evaluation):
    viral = sum(film.truth == "viral" for film in evaluation.films)
    assert evaluation.by_label["viral"].sensitivity.n == viral
    assert evaluation.by_label["viral"].specificity.n == len(evaluation.films) - viral
    assert evaluation.accuracy.n == len(evaluation.films)


def test_same_files_and_seed_give_the_same_figures_in_any_order_of_films(draw, write):
    drawn = draw(patients=30)
    files, turned = write(drawn), write(drawn[::-1])
    assert files.evaluation() == files.evaluation()
    assert turned.evaluation().accuracy == files.evaluation().accuracy
    assert turned.evaluation().two_class == files.evaluation().two_class
    assert files.evaluation(seed=1).two_class != files.evaluation().two_class


def test_random_predictions_are_at_chance(draw, write):
    evaluation = write(draw(patients=200, skill=0.0)).evaluation()
    assert evaluation.balanced_accuracy.low < 1 / 3 < evaluation.balanced_accuracy.high
    assert evaluation.two_class.auroc.low < 0.5 < evaluation.two_class.auroc.high


def test_confusion_counts_every_film_once(evaluation):
    counted = [count for row in evaluation.confusion.values() for count in row.values()]
    assert sum(counted) == len(evaluation.films)
    right = sum(evaluation.confusion[label][label] for label in evaluation.labels)
    assert right / len(evaluation.films) == evaluation.accuracy.value


def test_a_label_without_test_films_is_not_estimable_and_told(draw, write):
    films = [film for film in draw(patients=30) if film.truth != "viral"]
    evaluation = write(films).evaluation()
    assert evaluation.by_label["viral"].sensitivity.value is None
    assert evaluation.by_label["viral"].auroc.value is None
    assert evaluation.balanced_accuracy.value is None
    assert evaluation.by_label["viral"].specificity.value is not None
    assert any("'viral'" in warning for warning in evaluation.warnings)
    assert "not estimable" in str(evaluation)


def test_labels_without_pneumonia_have_no_two_class_view(draw, write):
    labels = ("cat", "dog")
    evaluation = write(draw(patients=20, labels=labels), labels=labels).evaluation()
    assert evaluation.accuracy.value is not None
    assert evaluation.two_class.accuracy.value is None
    assert any("two-class" in warning for warning in evaluation.warnings)


def test_two_labels_pneumonia_and_normal_are_enough(draw, write):
    labels = ("normal", "pneumonia")
    evaluation = write(draw(patients=20, labels=labels), labels=labels).evaluation()
    assert evaluation.two_class.accuracy.value == evaluation.accuracy.value


def test_films_without_a_patient_count_alone_and_say_so(draw, write):
    evaluation = write(draw(patients=20, keyed=False)).evaluation()
    assert evaluation.patients == len(evaluation.films)
    assert evaluation.known_patients == 0
    assert any("per film" in warning for warning in evaluation.warnings)
    assert "patients not known" in str(evaluation)


def test_grouping_by_patient_widens_the_interval(draw, write):
    keyed = write(draw(patients=40, films=(6, 6), skill=2.0)).evaluation()
    alone = write(draw(patients=40, films=(6, 6), skill=2.0, keyed=False)).evaluation()
    assert keyed.accuracy.value == alone.accuracy.value
    assert keyed.accuracy.high - keyed.accuracy.low > alone.accuracy.high - alone.accuracy.low


def test_a_snapshot_cut_off_between_lines_is_noticed(draw, write):
    files = write(draw(patients=12))
    shorter = attrs.evolve(files, testing="\n".join(files.testing.splitlines()[:-2]))
    with pytest.raises(EvaluationError, match="cut off") as raised:
        shorter.evaluation(addresses=("s3://m/summary.json", "s3://m/testing.json"))
    assert "s3://m/testing.json" in str(raised.value)


@pytest.mark.parametrize("resamples", [0, -5, 99])
def test_too_few_resamples_are_refused(draw, write, resamples):
    with pytest.raises(EvaluationError, match="resamples"):
        write(draw(patients=12)).evaluation(resamples=resamples)


def test_an_evaluation_is_a_frozen_value_that_pickles(evaluation):
    assert pickle.loads(pickle.dumps(evaluation)) == evaluation
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        evaluation.name = "v2"


@pytest.mark.parametrize(
    ("endpoint", "made_by"),
    [
        (None, "Amazon Rekognition Custom Labels"),
        ("http://127.0.0.1:5000", "a custom endpoint (http://127.0.0.1:5000), not AWS"),
        (
            "https://me:secret@lab.example:8443/x",
            "a custom endpoint (https://lab.example:8443), not AWS",
        ),
    ],
)
def test_whose_learner_it_was_follows_from_the_endpoint(endpoint, made_by):
    assert _maker(endpoint) == made_by


@pytest.mark.parametrize("package", ["numpy", "scipy", "sklearn"])
def test_a_missing_package_is_named_with_its_extra(draw, write, monkeypatch, package):
    files = write(draw(patients=6))
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingExtraError, match="science"):
        files.evaluation()


def test_a_page_without_jinja_names_the_extra(evaluation, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "jinja2", None)
    with pytest.raises(MissingExtraError, match="report"):
        evaluation.to_html(tmp_path / "page.html")
    assert not list(tmp_path.iterdir())
