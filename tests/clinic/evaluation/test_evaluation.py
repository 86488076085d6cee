from __future__ import annotations

import json
import pickle
import re
import sys

import attrs
import pytest

import rekognition_xray as rx
from rekognition_xray.clinic.evaluation.evaluation import _maker
from rekognition_xray.clinic.evaluation.exports import figures
from rekognition_xray.errors import (
    EvaluationError,
    MissingExtraError,
    PatientLeakWarning,
    StorageError,
)


@pytest.fixture(scope="module")
def evaluation(draw, write):
    images = write(draw(patients=60))
    return images.evaluation(name="v1", made_by="a scripted learner", split="7f3a (seed 7)")


def test_the_public_names_lead_here():
    assert rx.Evaluation.__module__ == "rekognition_xray.clinic.evaluation.evaluation"
    assert rx.Figure(0.5).value == 0.5


def test_every_figure_lies_within_its_interval(evaluation):
    reported = list(figures(evaluation))
    assert len(reported) == 5 + 12 + 3 * 12
    for _, name, figure in reported:
        assert figure.low <= figure.value <= figure.high, name
        if name not in {"calibration_intercept", "calibration_slope"}:
            assert 0 <= figure.low <= figure.high <= 1, name


def test_a_figure_tells_on_how_many_images_it_rests(evaluation):
    viral = sum(image.truth == "viral" for image in evaluation.images)
    assert evaluation.by_label["viral"].sensitivity.n == viral
    assert evaluation.by_label["viral"].specificity.n == len(evaluation.images) - viral
    assert evaluation.accuracy.n == len(evaluation.images)


def test_same_files_and_seed_give_the_same_figures_in_any_order_of_images(draw, write):
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


def test_confusion_counts_every_image_once(evaluation):
    counted = [count for row in evaluation.confusion.values() for count in row.values()]
    assert sum(counted) == len(evaluation.images)
    right = sum(evaluation.confusion[label][label] for label in evaluation.labels)
    assert right / len(evaluation.images) == evaluation.accuracy.value


def test_a_label_without_test_images_is_not_estimable_with_a_warning(draw, write):
    images = [image for image in draw(patients=30) if image.truth != "viral"]
    evaluation = write(images).evaluation()
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


def test_images_without_a_patient_count_alone_and_say_so(draw, write):
    evaluation = write(draw(patients=20, keyed=False)).evaluation()
    assert evaluation.patients == len(evaluation.images)
    assert evaluation.known_patients == 0
    assert any("separate patient" in warning for warning in evaluation.warnings)
    assert "patients not known" in str(evaluation)


def test_grouping_by_patient_widens_the_interval(draw, write):
    keyed = write(draw(patients=40, images=(6, 6), skill=2.0)).evaluation()
    alone = write(draw(patients=40, images=(6, 6), skill=2.0, keyed=False)).evaluation()
    assert keyed.accuracy.value == alone.accuracy.value
    assert keyed.accuracy.high - keyed.accuracy.low > alone.accuracy.high - alone.accuracy.low


def test_a_snapshot_cut_off_between_lines_is_noticed(draw, write):
    files = write(draw(patients=12))
    shorter = attrs.evolve(files, testing="\n".join(files.testing.splitlines()[:-2]))
    with pytest.raises(EvaluationError, match="truncated") as raised:
        shorter.evaluation(addresses=("s3://m/summary.json", "s3://m/testing.json", ""))
    assert "s3://m/testing.json" in str(raised.value)


# -- the test against the training ---------------------------------------------------------------

TRAINED = 500  # what the scripted summaries say


def place(patient: int, picture: int) -> str:
    return f"s3://clinic-xrays/kermany/{patient:024x}/{picture:064x}.jpg"


def snapshot(*sources: str, filled_up_to: int = TRAINED) -> str:
    """A training snapshot that holds these images, and others of patients of their own."""
    others = [place(10**6 + n, 10**6 + n) for n in range(filled_up_to - len(sources))]
    lines = [{"source-ref": source, "x-metadata": {"a": "\u2028"}} for source in others]
    lines += [{"source-ref": source} for source in sources]
    return "".join(f"{json.dumps(line, ensure_ascii=False)}\n" for line in lines)


@pytest.fixture(scope="module")
def files(draw, write):
    return write(draw(patients=30))


def test_a_test_of_other_patients_and_pictures_has_no_warning(files):
    assert files.evaluation(resamples=100, training=snapshot()).warnings == ()


def test_without_the_training_images_a_warning_says_that_nobody_has_compared(files):
    (warning,) = files.evaluation(resamples=100).warnings
    assert "was not checked" in warning
    assert warning in str(files.evaluation(resamples=100))


@pytest.mark.parametrize(
    ("trained", "is_concerned"),
    [
        (place(0, 999), lambda image: image.patient == f"{0:024x}"),
        (place(999, 0), lambda image: image.source_ref == place(0, 0)),
    ],
    ids=["patient", "picture"],
)
def test_a_patient_or_a_picture_that_was_trained_on_is_refused_and_every_image_named(
    files, trained, is_concerned
):
    tested = files.evaluation(resamples=100).images
    concerned = [image.source_ref for image in tested if is_concerned(image)]
    with pytest.raises(EvaluationError, match=f"^{len(concerned)} of {len(tested)}") as raised:
        files.evaluation(resamples=100, training=snapshot(trained))
    assert [ref for ref in concerned if ref not in str(raised.value)] == []
    assert "allow_leaks=True" in raised.value.hint


def test_a_leak_that_is_allowed_stands_on_every_table_and_page(files, tmp_path):
    evaluation = files.evaluation(resamples=100, training=snapshot(place(0, 0)), allow_leaks=True)
    (warning,) = evaluation.warnings
    assert warning.startswith("Leakage from training to test")
    for text in (
        str(evaluation),
        evaluation.to_markdown(),
        evaluation.to_html(tmp_path / "page.html").read_text("utf-8"),
    ):
        assert warning in text


def test_images_without_a_patient_in_their_key_are_compared_by_address_with_a_warning(draw, write):
    files = write(draw(patients=20, keyed=False))
    training = snapshot("s3://clinic-xrays/in/other.jpg")
    warnings = files.evaluation(resamples=100, training=training).warnings
    assert any("1 of 500 training images have no patient" in warning for warning in warnings)
    with pytest.raises(EvaluationError, match="1 of "):
        files.evaluation(resamples=100, training=snapshot("s3://clinic-xrays/in/image-0.jpg"))


def test_a_truncated_training_snapshot_gives_a_warning(files):
    (warning,) = files.evaluation(resamples=100, training=snapshot(filled_up_to=499)).warnings
    assert "499" in warning
    assert "500" in warning


@pytest.mark.parametrize("form", [str, str.encode, str.splitlines, lambda s: iter(s.split("\n"))])
def test_a_training_snapshot_comes_whole_or_line_by_line(files, form):
    text = snapshot().replace("\u2028", "")
    assert files.evaluation(resamples=100, training=form(text)).warnings == ()
    with pytest.raises(EvaluationError, match="was trained on"):
        files.evaluation(
            resamples=100, training=form(f"{text}{json.dumps({'source-ref': place(0, 0)})}")
        )


def test_every_bad_line_of_a_training_snapshot_is_named(files):
    lines = [*snapshot().splitlines()[:2], "{", b"\xff", '{"source-ref": 7}', "[]"]
    with pytest.raises(EvaluationError, match="training snapshot has lines") as raised:
        files.evaluation(resamples=100, training=lines, addresses=("", "", "the training snapshot"))
    for number in (3, 4, 5, 6):
        assert f"line {number}: " in str(raised.value)


def test_a_version_names_its_split_and_its_test_is_compared_with_its_training(clinic):
    evaluation = rx.Evaluation.from_version(clinic.version)
    assert evaluation.split == clinic.version.tags()["rxray.split"]
    assert evaluation.warnings == ()


@pytest.mark.parametrize("file", ["summary", "testing_output", "training_output"])
def test_a_result_file_that_is_gone_from_s3_is_named(clinic, file):
    place, s3 = getattr(clinic.version.describe(), file), clinic.version.aws.s3
    there = {"Bucket": place.bucket, "Key": place.key}
    content = s3.get_object(**there)["Body"].read()
    s3.delete_object(**there)
    try:
        with pytest.raises(StorageError, match=re.escape(place.key)):
            rx.Evaluation.from_version(clinic.version)
    finally:
        s3.put_object(**there, Body=content)


@pytest.mark.parametrize("file", ["summary", "testing_output", "training_output"])
def test_a_result_file_that_is_cut_off_is_named(clinic, file):
    place, s3 = getattr(clinic.version.describe(), file), clinic.version.aws.s3
    there = {"Bucket": place.bucket, "Key": place.key}
    content = s3.get_object(**there)["Body"].read()
    s3.put_object(**there, Body=content[: len(content) - 20])
    try:
        with pytest.raises(EvaluationError, match=re.escape(place.key)):
            rx.Evaluation.from_version(clinic.version)
    finally:
        s3.put_object(**there, Body=content)


def test_a_version_that_is_not_trained_has_nothing_to_judge(clinic, monkeypatch):
    described = attrs.evolve(
        clinic.version.describe(), status="TRAINING_IN_PROGRESS", summary=None, testing_output=None
    )
    monkeypatch.setattr(rx.ModelVersion, "describe", lambda self: described)
    with pytest.raises(EvaluationError, match="it is TRAINING_IN_PROGRESS") as caught:
        rx.Evaluation.from_version(clinic.version)
    assert "wait_until_trained" in caught.value.hint


def test_the_services_own_split_is_refused_by_default_and_else_every_table_says_so(clinic):
    dataset = rx.XrayDataset.from_folder(clinic.images[0].parents[1])
    pairs = [attrs.evolve(image, patient=image.label) for image in dataset]  # three patients
    project = rx.CustomLabelsProject.get_or_create("console", aws=clinic.version.aws)
    with pytest.warns(PatientLeakWarning):
        project.put_datasets(
            train=attrs.evolve(dataset, images=pairs), store="s3://clinic/console", allow_leaks=True
        )
    version = project.train("v1", output="s3://clinic/models")
    version.wait_until_trained()
    with pytest.raises(EvaluationError, match=r"^(\d) of \1 test images"):
        rx.Evaluation.from_version(version)
    evaluation = rx.Evaluation.from_version(version, allow_leaks=True)
    assert evaluation.split is None
    assert any("rxray.leaks" in warning for warning in evaluation.warnings)
    assert any(
        warning.startswith("Leakage from training to test") for warning in evaluation.warnings
    )


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


# -- images that are left out ----------------------------------------------------------------------


def test_images_that_are_left_out_stand_in_the_warnings_with_the_figures_before(draw, write):
    whole = write(draw(patients=60)).evaluation(resamples=100)
    wrong = [image.source_ref for image in whole.images if image.predicted != image.truth][:5]
    fewer = whole.without(wrong, reason="a reader found the label wrong")
    assert len(fewer.images) == len(whole.images) - 5
    assert fewer.accuracy.value > whole.accuracy.value
    assert fewer.left_out == tuple(wrong)
    assert f"5 of {len(whole.images)} test images were left out" in fewer.warnings[0]
    for figure in (whole.accuracy, whole.two_class.sensitivity, whole.two_class.auroc):
        assert str(figure) in fewer.warnings[0]
    assert fewer.to_dict()["left_out"] == wrong
    again = fewer.without([fewer.images[0].source_ref], reason="no chest")
    assert len(again.left_out) == 6
    assert sum("were left out" in warning for warning in again.warnings) == 2


@pytest.mark.parametrize(
    ("places", "reason"), [([], "why"), ([0], " "), (slice(None), "all"), (["s3://b/x"], "why")]
)
def test_no_reason_no_images_all_images_or_unknown_ones_cannot_be_left_out(
    draw, write, places, reason
):
    whole = write(draw(patients=12)).evaluation(resamples=100)
    sources = [image.source_ref for image in whole.images]
    out = sources[places] if isinstance(places, slice) else places
    out = [sources[place] if isinstance(place, int) else place for place in out]
    with pytest.raises(EvaluationError):
        whole.without(out, reason=reason)
