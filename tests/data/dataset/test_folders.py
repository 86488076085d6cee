"""Folders as they come: empty, linked, forbidden, deep, in any script; all is reported."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from rekognition_xray.data.dataset import XrayDataset
from rekognition_xray.data.reading import FOLDERS
from rekognition_xray.errors import (
    EmptyDatasetError,
    FolderNotFoundError,
)

from .conftest import Write


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


posix = pytest.mark.skipif(os.name != "posix", reason="links, pipes and bytes of POSIX")


def test_a_folder_that_the_system_refuses_is_reported_and_the_rest_is_read(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scan = os.scandir

    def refuse(path: Path) -> object:
        if Path(path).name == "val":
            raise PermissionError(13, "Permission denied")
        return scan(path)

    monkeypatch.setattr(os, "scandir", refuse)
    dataset = XrayDataset.from_folder(folder)
    (rejected,) = dataset.rejected
    assert len(dataset) == 4
    assert (rejected.path, rejected.code) == (folder / "val", "unreadable")
    assert "Permission denied" in rejected.reason


def test_a_dataset_whose_folder_the_system_refuses_is_an_error(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path) -> object:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(EmptyDatasetError, match="Permission denied"):
        XrayDataset.from_folder(folder)


def test_a_path_that_no_system_takes_is_an_error() -> None:
    for path in ("images\0", "x" * 5000):
        with pytest.raises(FolderNotFoundError):
            XrayDataset.from_folder(path)


@posix
def test_a_folder_is_read_once_however_many_links_lead_to_it(folder: Path) -> None:
    (folder / "a link").symlink_to(folder / "train")
    (folder / "val" / "another").symlink_to(folder / "train" / "NORMAL")
    dataset = XrayDataset.from_folder(folder)
    assert len(dataset) == 5
    assert all(image.name.startswith(("train/", "val/")) for image in dataset)
    assert [item.path for item in dataset.rejected] == [
        folder / "a link",
        folder / "val" / "another",
    ]


@posix
def test_links_that_lead_to_each_other_everywhere_cost_nothing(folder: Path) -> None:
    rooms = [folder / f"room{number}" for number in range(12)]
    for room in rooms:
        room.mkdir()
    for room in rooms:
        for other in rooms:
            (room / f"to {other.name}").symlink_to(other)
    dataset = XrayDataset.from_folder(folder)  # by paths there would be 12! of them
    assert (len(dataset), len(dataset.rejected)) == (5, 144)


@posix
def test_a_linked_folder_elsewhere_is_read_and_its_link_is_part_of_the_names(
    folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "IM-0900-0001.png").write_bytes(b"x")
    (folder / "train" / "more").symlink_to(tmp_path / "elsewhere")
    names = [image.name for image in XrayDataset.from_folder(folder)]
    assert "train/more/IM-0900-0001.png" in names


@posix
def test_a_pipe_is_reported_and_never_opened(folder: Path) -> None:
    os.mkfifo(folder / "IM-0300-0001.png")
    (rejected,) = XrayDataset.from_folder(folder).rejected
    assert (rejected.path.name, rejected.code) == ("IM-0300-0001.png", "unreadable")


@posix
def test_a_link_that_may_not_be_followed_is_reported_whatever_its_name(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "archive").symlink_to("/nobody/may/look")
    scan = os.scandir

    class Closed:
        def __init__(self, entry: os.DirEntry[str]) -> None:
            self.name = entry.name

        def is_dir(self) -> bool:
            raise PermissionError(13, "Permission denied")

    class Scan:
        def __init__(self, path: Path) -> None:
            self._entries = scan(path)

        def __enter__(self) -> list[object]:
            return [Closed(e) if e.name == "archive" else e for e in self._entries]

        def __exit__(self, *_: object) -> None:
            self._entries.close()

    monkeypatch.setattr(os, "scandir", Scan)
    (rejected,) = XrayDataset.from_folder(folder).rejected
    assert (rejected.path, rejected.code) == (folder / "archive", "unreadable")


@posix
def test_a_tree_may_be_deeper_than_the_stack_of_python(folder: Path) -> None:
    here, depth = folder, sys.getrecursionlimit() + 50
    descriptor = os.open(folder, os.O_RDONLY)
    for _ in range(depth):  # by descriptors, since creating by path would take quadratic time
        os.mkdir("d", dir_fd=descriptor)
        below = os.open("d", os.O_RDONLY, dir_fd=descriptor)
        os.close(descriptor)
        descriptor, here = below, here / "d"
    os.close(descriptor)
    image = here / "IM-0900-0001.png"
    image.write_bytes(b"x")
    try:
        dataset = XrayDataset.from_folder(folder)
    finally:  # whoever cleans up after the tests may be recursive
        image.unlink()
        while here != folder:
            here.rmdir()
            here = here.parent
    assert (len(dataset), dataset.rejected) == (6, ())


@posix
def test_what_lies_deeper_than_the_system_takes_paths_is_reported(folder: Path) -> None:
    name, above = "d" * 200, [os.open(folder, os.O_RDONLY)]
    for _ in range(25):
        os.mkdir(name, dir_fd=above[-1])
        above.append(os.open(name, os.O_RDONLY, dir_fd=above[-1]))
    try:
        dataset = XrayDataset.from_folder(folder)
    finally:  # whoever cleans up after the tests may go by paths
        os.close(above.pop())
        while above:
            os.rmdir(name, dir_fd=above[-1])
            os.close(above.pop())
    assert len(dataset) == 5
    assert [item.code for item in dataset.rejected] == ["unreadable"]


@posix
def test_names_that_differ_in_case_only_are_two_images(folder: Path) -> None:
    (folder / "val" / "IM-0900-0001.png").write_bytes(b"x")
    (folder / "val" / "im-0900-0001.PNG").write_bytes(b"x")
    if len(list((folder / "val").iterdir())) < 3:
        pytest.skip("this file system does not tell upper from lower case")
    assert len(XrayDataset.from_folder(folder)) == 7


@posix
def test_a_label_of_broken_bytes_is_rejected(folder: Path) -> None:
    broken = Path(os.fsdecode(os.fsencode(folder) + b"/r\xf6ntgen"))
    broken.mkdir()
    (broken / "a.png").write_bytes(b"x")
    dataset = XrayDataset.from_folder(folder, names=FOLDERS)
    assert len(dataset) == 5
    assert [item.path for item in dataset.rejected] == [broken / "a.png"]
