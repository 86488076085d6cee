from __future__ import annotations

import datetime
import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path, PurePath

import attrs
import pytest

from rekognition_xray.data.dataset import Labelling, Part, Xray, XrayDataset
from rekognition_xray.data.names import KERMANY, FilmName
from rekognition_xray.errors import EmptyDatasetError, FolderNotFoundError

Write = Callable[..., Path]


@attrs.frozen
class ByFolder:
    """A rule of a user's own: the folder is the label, nobody knows the patient."""

    labelling: Labelling = attrs.field(default=Labelling("by-folder"))

    def read(self, path: PurePath) -> FilmName | None:
        return FilmName(path.parent.name)


@pytest.fixture
def folder(write: Write, tmp_path: Path) -> Path:
    for name in (
        "train/NORMAL/IM-0115-0001.jpeg",
        "train/NORMAL/IM-0115-0002.jpeg",
        "train/PNEUMONIA/person1_bacteria_1.jpeg",
        "train/PNEUMONIA/person1_virus_2.jpeg",
        "val/PNEUMONIA/person2_bacteria_3.jpeg",
    ):
        write(name, b"not looked at")
    return tmp_path / "films"


def test_a_folder_gives_labels_patients_and_official_splits(folder: Path) -> None:
    films = XrayDataset.from_folder(folder).films
    assert [(film.name, film.label, film.patient, film.split) for film in films] == [
        ("train/NORMAL/IM-0115-0001.jpeg", "normal", "IM-0115", "train"),
        ("train/NORMAL/IM-0115-0002.jpeg", "normal", "IM-0115", "train"),
        ("train/PNEUMONIA/person1_bacteria_1.jpeg", "bacterial", "person1", "train"),
        ("train/PNEUMONIA/person1_virus_2.jpeg", "viral", "person1", "train"),
        ("val/PNEUMONIA/person2_bacteria_3.jpeg", "bacterial", "person2", "val"),
    ]
    assert [film.path for film in films] == [folder / film.name for film in films]


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
    assert path in [film.path for film in XrayDataset.from_folder(folder)]


def test_every_image_ends_as_a_film_or_as_rejected(folder: Path, write: Write) -> None:
    for name in ("a.JPG", "b.png", "NORMAL/person9_virus_1.jpeg", "NORMAL/IM-0116-0001.png"):
        write(name, b"x")
    dataset = XrayDataset.from_folder(folder)
    images = {path for path in folder.rglob("*") if path.is_file()}
    found = [film.path for film in dataset] + [item.path for item in dataset.rejected]
    assert Counter(found) == Counter(images)


def test_films_without_a_patient_are_groups_of_their_own(folder: Path) -> None:
    dataset = XrayDataset.from_folder(folder, names=ByFolder())
    assert len(dataset) == 5
    assert len({film.group for film in dataset}) == 5
    assert dataset.patient_count == 5


def test_a_group_does_not_depend_on_where_the_folder_lies(folder: Path, tmp_path: Path) -> None:
    before = [film.group for film in XrayDataset.from_folder(folder, names=ByFolder())]
    folder.rename(tmp_path / "moved")
    after = [film.group for film in XrayDataset.from_folder(tmp_path / "moved", names=ByFolder())]
    assert before == after


def test_a_rule_that_gives_an_empty_label_gives_no_film(write: Write, tmp_path: Path) -> None:
    write("normal/a.png", b"x")
    write("b.png", b"x")
    dataset = XrayDataset.from_folder(tmp_path / "films", names=ByFolder())
    assert [item.path.name for item in dataset.rejected] == ["b.png"]


def test_films_stand_in_the_order_of_their_names_however_they_are_given() -> None:
    films = [Xray(Path(f"{letter}.png"), "normal") for letter in "cab"]
    assert [film.name for film in XrayDataset(films)] == ["a.png", "b.png", "c.png"]
    assert XrayDataset(films) == XrayDataset(reversed(films))


def test_a_dataset_cannot_be_changed(folder: Path) -> None:
    dataset = XrayDataset.from_folder(folder)
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        dataset.films = ()  # type: ignore[misc]


def test_its_repr_is_short_and_says_what_is_in_it(folder: Path, write: Write) -> None:
    write("odd.png", b"x")
    dataset = attrs.evolve(XrayDataset.from_folder(folder), part=Part("train", "abc"))
    assert repr(dataset) == (
        "<XrayDataset of 5 films (normal 2, bacterial 2, viral 1), part='train', rejected=1>"
    )


def test_a_missing_folder_is_an_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(FolderNotFoundError, match=r"nowhere does not exist") as caught:
        XrayDataset.from_folder(tmp_path / "nowhere")
    assert caught.value.paths == (tmp_path / "nowhere",)
    assert isinstance(caught.value, FileNotFoundError)


def test_a_file_in_place_of_a_folder_is_an_error(write: Write) -> None:
    with pytest.raises(FolderNotFoundError, match="is not a folder"):
        XrayDataset.from_folder(write("a.png", b"x"))


def test_a_folder_without_images_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(EmptyDatasetError, match="holds no image"):
        XrayDataset.from_folder(tmp_path)


def test_a_folder_in_which_nothing_fits_lists_every_file(write: Write, tmp_path: Path) -> None:
    paths = {write("x/a.png", b"x"), write("x/b.jpg", b"x")}
    with pytest.raises(EmptyDatasetError) as caught:
        XrayDataset.from_folder(tmp_path)
    assert set(caught.value.paths) == paths
    assert all(str(path) in str(caught.value) for path in paths)


def test_a_link_in_a_circle_ends_and_is_reported(folder: Path) -> None:
    (folder / "train" / "again").symlink_to(folder)
    dataset = XrayDataset.from_folder(folder)
    assert len(dataset) == 5
    assert [(item.path, item.code) for item in dataset.rejected] == [
        (folder / "train" / "again", "unreadable")
    ]


@pytest.mark.parametrize("target", ["nothing.png", "IM-0300-0001.png"])
def test_a_link_to_nothing_or_to_itself_is_reported(folder: Path, target: str) -> None:
    link = folder / "train" / "NORMAL" / "IM-0300-0001.png"
    link.symlink_to(target)
    dataset = XrayDataset.from_folder(folder)
    assert [(item.path, item.code) for item in dataset.rejected] == [(link, "unreadable")]


def test_a_linked_folder_is_read(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "entry").mkdir()
    (tmp_path / "entry" / "chest_xray").symlink_to(folder)
    assert len(XrayDataset.from_folder(tmp_path / "entry")) == 5


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may read everything")
def test_a_folder_that_may_not_be_read_is_reported(folder: Path) -> None:
    (folder / "val").chmod(0)
    try:
        dataset = XrayDataset.from_folder(folder)
    finally:
        (folder / "val").chmod(0o700)
    assert [item.path for item in dataset.rejected] == [folder / "val"]


@pytest.mark.skipif(os.name != "posix", reason="file names are bytes on POSIX only")
def test_names_in_any_script_and_even_broken_ones_are_reported(folder: Path) -> None:
    (folder / "рентген-胸部.png").write_bytes(b"x")
    Path(os.fsdecode(os.fsencode(folder) + b"/IM-\xff.png")).write_bytes(b"x")
    assert len(XrayDataset.from_folder(folder).rejected) == 2


def test_the_real_set_has_its_published_counts(xrays: Path) -> None:
    dataset = XrayDataset.from_folder(xrays / "chest_xray")
    by_split = Counter((film.split, film.label) for film in dataset)
    assert by_split == {
        ("train", "normal"): 1142,
        ("train", "bacterial"): 1982,
        ("train", "viral"): 1027,
        ("val", "normal"): 8,
        ("val", "bacterial"): 8,
    }
    assert dataset.rejected == ()
