"""Content decides which files of a folder are images; every other file is counted."""

from __future__ import annotations

import io
import shutil
from pathlib import Path, PurePath

import pytest
from PIL import Image

import rekognition_xray as rx
from rekognition_xray.data.reading import FOLDERS, KERMANY
from rekognition_xray.errors import ImageError

DICOM = bytes(128) + b"DICM" + bytes(20)


def jpeg(grey: int = 90) -> bytes:
    made = io.BytesIO()
    Image.new("L", (64, 64), grey).save(made, "JPEG")
    return made.getvalue()


def put(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def total(dataset: rx.XrayDataset) -> int:
    return len(dataset) + len(dataset.rejected) + sum(dataset.skipped.values())


@pytest.mark.parametrize(
    "name", ["IM000001", "1.2.840.113619.2.5", "image.ima", "scan.001", "x.bin"]
)
def test_dicom_is_found_whatever_its_name(tmp_path: Path, name: str) -> None:
    put(tmp_path / "normal" / name, DICOM)
    dataset = rx.XrayDataset.from_folder(tmp_path, names=FOLDERS)
    assert [(image.path.name, image.label) for image in dataset] == [(name, "normal")]
    assert dataset.skipped == {}


@pytest.mark.parametrize(
    "content",
    [jpeg(), b"\x89PNG\r\n\x1a\n", b"II*\0", b"\0\0\0\x1cftypavif", b"RIFF\0\0\0\0WEBP"],
    ids=["JPEG", "PNG", "TIFF", "AVIF", "WebP"],
)
def test_pictures_are_found_without_an_extension(tmp_path: Path, content: bytes) -> None:
    put(tmp_path / "viral" / "picture", content)
    assert len(rx.XrayDataset.from_folder(tmp_path, names=FOLDERS)) == 1


def test_every_file_is_an_image_or_rejected_or_counted(tmp_path: Path) -> None:
    for name, data in {
        "NORMAL/IM-0001-0001.jpeg": jpeg(),
        "NORMAL/._IM-0001-0001.jpeg": b"\0\5\x16\7",
        "NORMAL/.DS_Store": b"\0\0\0\1Bud1",
        "NORMAL/notes.txt": b"which is which",
        "NORMAL/strange.jpeg": jpeg(),
        "labels.csv": b"file,label\n",
        "README": b"",
    }.items():
        put(tmp_path / "train" / name, data)
    dataset = rx.XrayDataset.from_folder(tmp_path, names=KERMANY)
    assert (len(dataset), len(dataset.rejected)) == (1, 1)
    assert dataset.skipped == {"hidden, or __MACOSX": 2, "that are no images": 3}
    assert total(dataset) == 7


def test_macs_copies_of_names_are_skipped(tmp_path: Path) -> None:
    put(tmp_path / "normal" / "a.jpeg", jpeg())
    put(tmp_path / "__MACOSX" / "normal" / "._a.jpeg", b"\0\5\x16\7")
    put(tmp_path / "__MACOSX" / "normal" / "a.jpeg", b"\0\5\x16\7")
    dataset = rx.XrayDataset.from_folder(tmp_path, names=FOLDERS)
    assert len(dataset) == 1
    assert sum(dataset.skipped.values()) == 1  # the folder, unopened


@pytest.fixture
def twice(tmp_path: Path) -> Path:
    """As Kaggle's archive: chest_xray holds chest_xray."""
    root = tmp_path / "chest_xray"
    for number in range(3):
        put(root / "train" / "NORMAL" / f"IM-000{number}-0001.jpeg", jpeg(60 + number))
    shutil.copytree(root / "train", root / "chest_xray" / "train")
    return root


@pytest.mark.parametrize("above", [False, True])
def test_a_dataset_that_holds_itself_is_read_once_and_this_is_said(
    twice: Path, caplog: pytest.LogCaptureFixture, above: bool
) -> None:
    dataset = rx.XrayDataset.from_folder(twice.parent if above else twice)
    assert len(dataset) == 3
    assert dataset.skipped == {"of a folder that holds itself once more": 3}
    assert "holds itself once more: 3 files" in caplog.text


def test_a_folder_of_the_same_name_with_other_images_is_read(twice: Path) -> None:
    put(twice / "chest_xray" / "train" / "NORMAL" / "IM-0009-0001.jpeg", jpeg(99))
    assert len(rx.XrayDataset.from_folder(twice)) == 7


def test_a_folder_that_only_looks_repeated_is_read_whole(tmp_path: Path) -> None:
    for name, pixel in (("1/IM1.png", b"a"), ("1/1/IM1.png", b"b")):
        (tmp_path / "archive" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "archive" / name).write_bytes(b"\x89PNG" + pixel)
    dataset = rx.XrayDataset.from_folder(tmp_path / "archive", names=lambda _: "normal")
    assert len(dataset) == 2


@pytest.mark.parametrize("start", [b"BMI,label\n1,2\n", b"BMP files: ", b"xxxxyyyyWEBPzzzz"])
def test_text_that_begins_like_a_format_is_no_image(tmp_path: Path, start: bytes) -> None:
    (tmp_path / "notes").write_bytes(start)
    (tmp_path / "a.png").write_bytes(b"\x89PNG")
    dataset = rx.XrayDataset.from_folder(tmp_path, names=lambda _: "normal")
    assert [image.name for image in dataset] == ["a.png"]
    assert sum(dataset.skipped.values()) == 1


def test_a_rule_that_cannot_read_a_file_rejects_it(tmp_path: Path) -> None:
    for name in ("a.png", "b.png"):
        (tmp_path / name).write_bytes(b"\x89PNG")

    def by_content(path: PurePath) -> str:
        if path.name == "a.png":
            raise ImageError("a.png: no DICOM", reason="no DICOM")
        return "normal"

    dataset = rx.XrayDataset.from_folder(tmp_path, names=by_content)
    assert [image.name for image in dataset] == ["b.png"]
    assert [item.reason for item in dataset.rejected] == ["no DICOM"]


def test_links_to_nothing_are_counted(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"\x89PNG")
    (tmp_path / "IM000001").symlink_to(tmp_path / "gone")
    dataset = rx.XrayDataset.from_folder(tmp_path, names=lambda _: "normal")
    assert dataset.skipped == {"that are links to nothing, or no regular files": 1}
