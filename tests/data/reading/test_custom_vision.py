"""What was saved of Azure Custom Vision: replies of GetTaggedImages, and images under their ids."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import rekognition_xray as rx
from rekognition_xray import errors


def save(folder: Path, *records: dict[str, object], page: int = 1) -> None:
    (folder / f"page-{page}.json").write_text(json.dumps(records))


def tagged(identity: str, *tags: str, **more: object) -> dict[str, object]:
    return {"id": identity, "tags": [{"tagName": tag, "tagId": "t"} for tag in tags], **more}


def image(folder: Path, name: str) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"pixels")


def test_the_tag_is_the_label_and_the_id_the_file(tmp_path: Path) -> None:
    image(tmp_path, "A1.jpg")
    image(tmp_path, "images/b2.png")
    save(tmp_path, tagged("a1", "normal"), tagged("b2", "viral", metadata=None, regions=None))
    dataset = rx.XrayDataset.from_custom_vision(tmp_path)
    labels = {one.name: one.label for one in dataset}
    assert labels == {"A1.jpg": "normal", "images/b2.png": "viral"}
    assert [one.patient for one in dataset] == [None, None]
    assert dataset.labelling.rule == "custom-vision"


def test_metadata_can_name_the_patient(tmp_path: Path) -> None:
    for name in ("a.jpg", "b.jpg"):
        image(tmp_path, name)
    save(tmp_path, tagged("a", "normal", metadata={"child": 7}), tagged("b", "normal"))
    dataset = rx.XrayDataset.from_custom_vision(tmp_path, patient="child")
    assert [one.patient for one in dataset] == ["7", None]


def test_pages_may_overlap(tmp_path: Path) -> None:
    image(tmp_path, "a.jpg")
    save(tmp_path, tagged("a", "normal"))
    save(tmp_path, tagged("a", "normal"), page=2)
    assert len(rx.XrayDataset.from_custom_vision(tmp_path)) == 1


def test_everything_else_is_rejected_with_its_reason(tmp_path: Path) -> None:
    for name in ("good.jpg", "two.jpg", "none.jpg", "boxes.jpg", "unknown.jpg"):
        image(tmp_path, name)
    save(
        tmp_path,
        tagged("good", "normal"),
        tagged("two", "viral", "bacterial"),
        tagged("none"),
        tagged("boxes", "normal", regions=[{"tagName": "normal"}]),
        tagged("missing", "normal"),
    )
    dataset = rx.XrayDataset.from_custom_vision(tmp_path)
    reasons = {Path(str(one.path)).stem: (one.code, one.reason) for one in dataset.rejected}
    assert reasons == {
        "two": ("contradictory-labels", "it has 2 tags (bacterial, viral); one is needed"),
        "none": ("no-label", "it has no tag; one is needed"),
        "boxes": ("no-label", "its tags are those of boxes, not of the whole image"),
        "missing": ("no-image", "there is no image of this id in the folder"),
        "unknown": ("no-label", "no reply of GetTaggedImages has its id"),
    }


def test_two_files_of_one_id_are_both_rejected(tmp_path: Path) -> None:
    for name in ("a.jpg", "a.png", "b.jpg"):
        image(tmp_path, name)
    save(tmp_path, tagged("a", "normal"), tagged("b", "viral"))
    dataset = rx.XrayDataset.from_custom_vision(tmp_path)
    assert [one.name for one in dataset] == ["b.jpg"]
    assert sorted(Path(str(one.path)).name for one in dataset.rejected) == ["a.jpg", "a.png"]


def test_a_key_that_no_image_has_is_refused(tmp_path: Path) -> None:
    image(tmp_path, "a.jpg")
    save(tmp_path, tagged("a", "normal", metadata={"patient": "p1"}))
    with pytest.raises(errors.DataError, match="'Patient'"):
        rx.XrayDataset.from_custom_vision(tmp_path, patient="Patient")


def test_an_empty_patient_is_no_patient_and_an_empty_tag_no_label(tmp_path: Path) -> None:
    for name in ("a.jpg", "b.jpg", "c.jpg"):
        image(tmp_path, name)
    nameless = {"id": "c", "tags": [{"tagName": None}], "metadata": ["odd"]}
    save(tmp_path, tagged("a", "normal", metadata={"p": " "}), tagged("b", " "), nameless)
    dataset = rx.XrayDataset.from_custom_vision(tmp_path, patient="p")
    assert [(one.name, one.patient) for one in dataset] == [("a.jpg", None)]
    assert len(dataset.rejected) == 2


@pytest.mark.parametrize(
    "text",
    [
        '[{"id": 1, "tags": ["normal"]}]',
        '[{"id": 1, "tags": [{}]}]',
        "no JSON",
        "[1]",
        '[{"name": "a"}]',
        '{"message": "denied"}',
    ],
)
def test_all_files_that_are_no_replies_are_named_together(tmp_path: Path, text: str) -> None:
    for name in ("one.json", "two.json"):
        (tmp_path / name).write_text(text)
    with pytest.raises(errors.DataError, match=r"one\.json.*two\.json"):
        rx.XrayDataset.from_custom_vision(tmp_path)


def test_a_folder_that_is_missing_or_empty_is_refused(tmp_path: Path) -> None:
    with pytest.raises(errors.FolderNotFoundError):
        rx.XrayDataset.from_custom_vision(tmp_path / "nowhere")
    with pytest.raises(errors.EmptyDatasetError):
        rx.XrayDataset.from_custom_vision(tmp_path)
