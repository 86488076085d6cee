"""What people should read next: what the model doubts, unlike pictures, one of each patient."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

import rekognition_xray as rx
from rekognition_xray import errors
from rekognition_xray.clinic.diagnosis import FailedDiagnosis
from rekognition_xray.clinic.policy import REFERRED
from rekognition_xray.clinic.review import select_for_reading
from rekognition_xray.data.phantoms import make_phantoms

from ...support.journals import ARN, diagnose, write_journal

Write = Callable[..., Path]
LABELS = ("normal", "bacterial", "viral")


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> rx.XrayDataset:
    folder = make_phantoms(
        tmp_path_factory.mktemp("images"), patients=12, images_per_patient=(1, 3), heights=(64, 80)
    )
    return rx.XrayDataset.from_folder(folder)


def confidences(label: str, confidence: float) -> dict[str, float]:
    """This confidence for one label, the rest for the next one."""
    other = LABELS[(LABELS.index(label) + 1) % 3]
    return {name: {label: confidence, other: 1 - confidence}.get(name, 0.0) for name in LABELS}


def unknown(_: str) -> None:
    return None


def sources(selected) -> list[str]:
    return [one.diagnosis.source for one in selected]


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), n=st.integers(1, 20))
def test_no_two_images_are_of_one_patient(
    images: rx.XrayDataset, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject, n: int
) -> None:
    shares = data.draw(st.lists(st.floats(0, 1), min_size=len(images), max_size=len(images)))
    journal = write_journal(
        tmp_path_factory.mktemp("journal") / "j.jsonl",
        [
            diagnose(image.source, confidences(image.label, share))
            for image, share in zip(images, shares, strict=True)
        ],
    )
    patients = {str(image.source): image.patient for image in images}
    for selected in (
        select_for_reading(journal, n, dataset=images),
        select_for_reading(journal, n, patient_of=patients.get),
    ):
        assert len(selected) == min(n, images.patient_count)
        assert len({patients[source] for source in sources(selected)}) == len(selected)


def test_a_label_of_which_the_model_is_sure_that_it_is_wrong_comes_first(
    images: rx.XrayDataset, tmp_path: Path
) -> None:
    shares = dict.fromkeys(images, 0.9)
    shares[images.images[5]] = 0.02
    journal = write_journal(
        tmp_path / "j.jsonl",
        [
            diagnose(image.source, confidences(image.label, share))
            for image, share in shares.items()
        ],
    )
    first, second = select_for_reading(journal, 2, dataset=images)
    assert first.diagnosis.source == str(images.images[5].source)
    assert (first.doubt, first.label) == (pytest.approx(0.98), images.images[5].label)
    assert second.doubt == pytest.approx(0.1)


def test_without_labels_an_image_that_the_model_cannot_decide_comes_first(
    images: rx.XrayDataset, tmp_path: Path
) -> None:
    shares = dict.fromkeys(images, 0.02) | {images.images[5]: 0.5}
    journal = write_journal(
        tmp_path / "j.jsonl",
        [
            diagnose(image.source, confidences(image.label, share))
            for image, share in shares.items()
        ],
    )
    (first,) = select_for_reading(journal, 1, patient_of=unknown)
    assert first.diagnosis.source == str(images.images[5].source)
    assert (first.doubt, first.label) == (0.5, None)


def test_of_two_equal_pictures_one_waits_until_another_was_taken(tmp_path: Path) -> None:
    left = Image.linear_gradient("L").resize((80, 80))
    for name, picture in (("a", left), ("b", left), ("c", left.rotate(180))):
        picture.save(tmp_path / f"{name}.png")
    doubts = {"a": 0.5, "b": 0.52, "c": 0.55}  # the last is the least doubtful
    journal = write_journal(
        tmp_path / "j.jsonl",
        [
            diagnose(tmp_path / f"{name}.png", confidences("normal", x))
            for name, x in doubts.items()
        ],
    )
    selected = select_for_reading(journal, 3, patient_of=unknown)
    assert [Path(source).stem for source in sources(selected)] == ["a", "c", "b"]


def test_only_images_of_the_dataset_with_a_diagnosis_that_still_exist_are_selected(
    images: rx.XrayDataset, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    gone = tmp_path / "gone.png"
    dataset = rx.XrayDataset([*images.images[:2], rx.Xray(gone, "normal", "gone")])
    failed = FailedDiagnosis(str(images.images[1].source), "why", "ImageError", False, ARN)
    refused = diagnose(images.images[0].source, {}, finding=REFERRED, referred=True)
    others = [image.source for image in images.images[:1] + images.images[3:]]
    journal = write_journal(
        tmp_path / "j.jsonl",
        [failed, refused, *(diagnose(one, confidences("normal", 0.5)) for one in [gone, *others])],
    )
    with caplog.at_level(logging.WARNING):
        selected = select_for_reading(journal, 9, dataset=dataset)
    assert sources(selected) == [str(images.images[0].source)]
    assert f"{gone} is left out: " in caplog.text


def test_the_patients_have_to_be_known_from_one_place(
    images: rx.XrayDataset, tmp_path: Path
) -> None:
    journal = write_journal(tmp_path / "j.jsonl", [])
    for passed in ({}, {"dataset": images, "patient_of": unknown}):
        with pytest.raises(errors.InvalidRequestError, match="patient"):
            select_for_reading(journal, 1, **passed)
    with pytest.raises(errors.InvalidRequestError, match="0 images"):
        select_for_reading(journal, 0, dataset=images)


def test_a_journal_without_images_gives_none_and_one_that_is_missing_an_error(
    images: rx.XrayDataset, tmp_path: Path
) -> None:
    assert select_for_reading(write_journal(tmp_path / "j", []), 3, dataset=images) == ()
    with pytest.raises(errors.JournalError, match="no journal"):
        select_for_reading(tmp_path / "other", 3, dataset=images)
