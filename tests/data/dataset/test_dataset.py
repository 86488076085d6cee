"""``XrayDataset``: its images, labels and patients."""

from __future__ import annotations

import datetime
import re
from collections import Counter
from pathlib import Path, PurePath

import attrs
import pytest

from rekognition_xray.data.dataset import Labelling, Xray, XrayDataset
from rekognition_xray.data.dataset.dataset import Part
from rekognition_xray.data.reading import FOLDERS, KERMANY, ImageName
from rekognition_xray.errors import (
    LabelsError,
    NoLabelError,
)

from .conftest import Write


@attrs.frozen
class ByFolder:
    """A rule of a user's own: the folder is the label, nobody knows the patient."""

    labelling: Labelling = attrs.field(default=Labelling("by-folder"))

    def read(self, path: PurePath) -> ImageName | None:
        return ImageName(path.parent.name)


def test_a_folder_gives_labels_patients_and_official_splits(folder: Path) -> None:
    images = XrayDataset.from_folder(folder).images
    assert [(image.name, image.label, image.patient, image.split) for image in images] == [
        ("train/NORMAL/IM-0115-0001.jpeg", "normal", "IM-0115", "train"),
        ("train/NORMAL/IM-0115-0002.jpeg", "normal", "IM-0115", "train"),
        ("train/PNEUMONIA/person1_bacteria_1.jpeg", "bacterial", "person1", "train"),
        ("train/PNEUMONIA/person1_virus_2.jpeg", "viral", "person1", "train"),
        ("val/PNEUMONIA/person2_bacteria_3.jpeg", "bacterial", "person2", "val"),
    ]
    assert [image.path for image in images] == [folder / image.name for image in images]


def test_counts_follow_the_order_of_the_labels(folder: Path) -> None:
    dataset = XrayDataset.from_folder(str(folder))
    assert dataset.labels == ("normal", "bacterial", "viral")
    assert list(dataset.counts.items()) == [("normal", 2), ("bacterial", 2), ("viral", 1)]


def test_patients_are_counted_for_each_label_and_once_in_all(folder: Path) -> None:
    dataset = XrayDataset.from_folder(folder)
    assert list(dataset.patients.items()) == [("normal", 1), ("bacterial", 2), ("viral", 1)]
    assert dataset.patient_count == 3


def test_the_dataset_says_which_rule_and_date_its_labels_have(folder: Path) -> None:
    dataset = XrayDataset.from_folder(folder, names=KERMANY.by_type())
    assert dataset.labelling.rule == "kermany-by-type"
    assert dataset.labelling.on == datetime.date(2018, 6, 2)


def test_hidden_files_and_other_extensions_are_no_concern(folder: Path, write: Write) -> None:
    for name in (
        "train/NORMAL/.DS_Store",
        "__MACOSX/train/NORMAL/._IM-0115-0001.jpeg",
        ".cache/IM-0001-0001.jpeg",
        "labels.csv",
        "README.txt",
    ):
        write(name, b"x")
    dataset = XrayDataset.from_folder(folder)
    assert (len(dataset), dataset.rejected) == (5, ())


def test_an_image_that_fits_no_pattern_is_rejected_with_its_path(
    folder: Path, write: Write
) -> None:
    path = write("train/NORMAL/holiday.png", b"x")
    (rejected,) = XrayDataset.from_folder(folder).rejected
    assert (rejected.path, rejected.code) == (path, "no-label")
    assert "kermany" in rejected.reason


def test_a_name_that_contradicts_its_folder_is_rejected(folder: Path, write: Write) -> None:
    path = write("train/NORMAL/person9_virus_1.jpeg", b"x")
    (rejected,) = XrayDataset.from_folder(folder).rejected
    assert (rejected.path, rejected.code) == (path, "contradictory-labels")


def test_an_image_format_that_the_service_does_not_take_is_not_dropped(
    folder: Path, write: Write
) -> None:
    path = write("train/NORMAL/IM-0200-0001.dcm", b"x")
    assert path in [image.path for image in XrayDataset.from_folder(folder)]


def test_every_image_ends_as_an_image_or_as_rejected(folder: Path, write: Write) -> None:
    for name in ("a.JPG", "b.png", "NORMAL/person9_virus_1.jpeg", "NORMAL/IM-0116-0001.png"):
        write(name, b"x")
    dataset = XrayDataset.from_folder(folder)
    images = {path for path in folder.rglob("*") if path.is_file()}
    found = [image.path for image in dataset] + [item.path for item in dataset.rejected]
    assert Counter(found) == Counter(images)


def test_images_without_a_patient_are_groups_of_their_own(folder: Path) -> None:
    dataset = XrayDataset.from_folder(folder, names=ByFolder())
    assert len(dataset) == 5
    assert len({image.group for image in dataset}) == 5
    assert dataset.patient_count == 5


def test_a_group_does_not_depend_on_where_the_folder_lies(folder: Path, tmp_path: Path) -> None:
    before = [image.group for image in XrayDataset.from_folder(folder, names=ByFolder())]
    folder.rename(tmp_path / "moved")
    after = [image.group for image in XrayDataset.from_folder(tmp_path / "moved", names=ByFolder())]
    assert before == after


def test_a_rule_that_gives_an_empty_label_gives_no_image(write: Write, tmp_path: Path) -> None:
    write("normal/a.png", b"x")
    write("b.png", b"x")
    dataset = XrayDataset.from_folder(tmp_path / "images", names=ByFolder())
    assert [item.path.name for item in dataset.rejected] == ["b.png"]


def test_images_stand_in_the_order_of_their_names_however_they_are_given() -> None:
    images = [Xray(Path(f"{letter}.png"), "normal") for letter in "cab"]
    assert [image.name for image in XrayDataset(images)] == ["a.png", "b.png", "c.png"]
    assert XrayDataset(images) == XrayDataset(reversed(images))


def test_a_dataset_cannot_be_changed(folder: Path) -> None:
    dataset = XrayDataset.from_folder(folder)
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        dataset.images = ()  # type: ignore[misc]


def test_its_repr_is_short_and_says_what_is_in_it(folder: Path, write: Write) -> None:
    write("odd.png", b"x")
    dataset = attrs.evolve(XrayDataset.from_folder(folder), part=Part("train", "abc"))
    assert repr(dataset) == (
        "<XrayDataset of 5 images (normal 2, bacterial 2, viral 1), part='train', rejected=1>"
    )


def test_images_are_labelled_by_folder_where_asked(folder: Path, write: Write) -> None:
    root = write("root.png", b"x")
    dataset = XrayDataset.from_folder(folder, names=FOLDERS)
    assert dataset.counts == {"NORMAL": 2, "PNEUMONIA": 3}
    assert dataset.patient_count == 5
    assert [(item.path, item.code) for item in dataset.rejected] == [(root, "no-label")]


def test_a_function_reads_paths_relative_to_the_folder(folder: Path) -> None:
    seen = []

    def by_folder(path: PurePath) -> str:
        seen.append(path.as_posix())
        return path.parent.name.lower()

    dataset = XrayDataset.from_folder(folder, names=by_folder)
    assert sorted(seen) == [image.name for image in dataset]
    assert dataset.labels == ("normal", "pneumonia")
    assert dataset.labelling == Labelling("by_folder")


@pytest.mark.parametrize(
    ("error", "code"), [(LabelsError, "contradictory-labels"), (NoLabelError, "no-label")]
)
def test_a_function_rejects_an_image_by_a_labels_error(
    folder: Path, error: type[LabelsError], code: str
) -> None:
    def unsure(path: PurePath) -> str:
        if "virus" in path.name:
            raise error("two readers disagree")
        return "image"

    (rejected,) = XrayDataset.from_folder(folder, names=unsure).rejected
    assert (rejected.reason, rejected.code) == ("two readers disagree", code)


def test_a_mistake_in_a_function_is_raised_with_the_path_that_met_it(folder: Path) -> None:
    def wrong(path: PurePath) -> str:
        return path.name.split("_")[1]

    with pytest.raises(IndexError) as caught:
        XrayDataset.from_folder(folder, names=wrong)
    (note,) = caught.value.__notes__
    assert "wrong" in note
    assert "IM-0115-0001.jpeg" in note


def test_normal_images_without_a_person_id_are_all_kept_and_never_pooled(
    write: Write, tmp_path: Path
) -> None:
    """A project read patients by ``person(N)`` only, and lost all 1,341 normal images."""
    for number in range(40):
        write(f"NORMAL/IM-{number:04d}-0001.jpeg", b"x")
        write(f"PNEUMONIA/person{number // 2}_virus_{number}.jpeg", b"x")

    def by_person(path: PurePath) -> ImageName:
        person = re.match(r"person(\d+)", path.name)
        return ImageName(path.parent.name, person[1] if person else None)

    dataset = XrayDataset.from_folder(tmp_path / "images", names=by_person)
    assert dataset.counts == {"NORMAL": 40, "PNEUMONIA": 40}
    assert dataset.patients == {"NORMAL": 40, "PNEUMONIA": 20}
    train, test = dataset.split(test=0.25, seed=1)
    assert train.counts["NORMAL"] + test.counts["NORMAL"] == 40
    assert abs(test.counts["NORMAL"] - 10) <= 1


def test_a_user_may_say_who_labelled_and_when(folder: Path) -> None:
    said = Labelling(by="Dr Who", on=datetime.date(2024, 2, 29), human=False)
    dataset = XrayDataset.from_folder(folder, names=FOLDERS, labelling=said)
    assert dataset.labelling == attrs.evolve(said, rule="folders")
    named = XrayDataset.from_folder(folder, labelling=attrs.evolve(said, rule="second look"))
    assert named.labelling.rule == "second look"


def test_the_real_set_has_its_published_counts(xrays: Path) -> None:
    dataset = XrayDataset.from_folder(xrays / "chest_xray")
    by_split = Counter((image.split, image.label) for image in dataset)
    assert by_split == {
        ("train", "normal"): 1142,
        ("train", "bacterial"): 1982,
        ("train", "viral"): 1027,
        ("val", "normal"): 8,
        ("val", "bacterial"): 8,
    }
    assert dataset.rejected == ()
