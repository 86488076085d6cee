"""The download, with a resolver of kagglehub that copies from this machine; no network."""

from __future__ import annotations

import datetime
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import attrs
import pytest

from rekognition_xray.data.dataset import XrayDataset
from rekognition_xray.data.reading import HANDLE, KERMANY, PUBLISHED, PublishedCounts
from rekognition_xray.errors import DataError, MissingExtraError

kagglehub = pytest.importorskip("kagglehub")

NAMES = {
    "normal": "NORMAL/IM-{:04d}-0001.jpeg",
    "bacterial": "PNEUMONIA/person{}_bacteria_1.jpeg",
    "viral": "PNEUMONIA/person{}_virus_1.jpeg",
}
FEW = PublishedCounts(
    {
        ("train", "normal"): 3,
        ("train", "bacterial"): 4,
        ("train", "viral"): 2,
        ("val", "bacterial"): 1,
        ("test", "normal"): 2,
        ("test", "viral"): 1,
    },
    "these tests",
    datetime.date(2026, 11, 1),
)
Fill = Callable[..., Path]


@attrs.define
class Resolver:
    """Hands out a folder of this machine, or raises; remembers what it was asked."""

    folder: Path
    error: Exception | None = None
    asked: list[tuple[str, str | None]] = attrs.field(factory=list)

    def is_supported(self, *_: object, **__: object) -> bool:
        return True

    def __call__(
        self, handle: object, path: object, *, output_dir: str | None = None, **_: object
    ) -> tuple[str, int]:
        self.asked.append((str(handle), output_dir))
        if self.error:
            raise self.error
        return str(self.folder), 2


@pytest.fixture
def resolver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Resolver:
    resolver = Resolver(tmp_path / "versions" / "2")
    resolver.folder.mkdir(parents=True)
    monkeypatch.setattr(kagglehub.registry.dataset_resolver, "_impls", [resolver])
    return resolver


def fill(folder: Path, counts: PublishedCounts) -> Path:
    """Empty files of official names, as many as the counts say."""
    for (split, label), images in counts.images.items():
        for number in range(images):
            path = folder / split / NAMES[label].format(number)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
    return folder


@pytest.fixture
def archive(resolver: Resolver) -> Path:
    """The archive as Kaggle packs it: the set twice, and what a Mac left behind."""
    outer = fill(resolver.folder / "chest_xray", FEW)
    fill(outer / "chest_xray", FEW)
    for name in ("__MACOSX/chest_xray/train/NORMAL", "chest_xray/__MACOSX/test/NORMAL"):
        folder = outer / name
        folder.mkdir(parents=True)
        (folder / "._IM-0001-0001.jpeg").touch()
    (outer / "train" / ".DS_Store").touch()
    (outer / "chest_xray" / "val" / "PNEUMONIA" / ".DS_Store").touch()
    return outer


def test_every_image_counts_once_though_the_archive_holds_it_twice(archive: Path) -> None:
    dataset = XrayDataset.from_kaggle(expected=FEW)
    assert Counter((image.split, image.label) for image in dataset) == Counter(FEW.images)
    assert dataset.rejected == ()
    assert all(image.path == archive / image.name for image in dataset)
    assert dataset.labelling == KERMANY.labelling


def test_the_published_set_is_complete_by_its_published_counts(resolver: Resolver) -> None:
    fill(resolver.folder / "chest_xray", PUBLISHED)
    dataset = XrayDataset.from_kaggle()
    assert len(dataset) == 5856
    assert dataset.counts == {"normal": 1583, "bacterial": 2780, "viral": 1493}


def test_the_inner_copy_is_taken_where_the_outer_one_is_not_complete(archive: Path) -> None:
    (archive / "train" / "NORMAL" / "IM-0000-0001.jpeg").unlink()
    dataset = XrayDataset.from_kaggle(expected=FEW)
    assert len(dataset) == 13
    assert all(image.path == archive / "chest_xray" / image.name for image in dataset)


def test_a_shortfall_is_an_error_that_says_of_what(archive: Path) -> None:
    for copy in (archive, archive / "chest_xray"):
        (copy / "test" / "PNEUMONIA" / "person0_virus_1.jpeg").unlink()
        (copy / "train" / "NORMAL" / "IM-0009-0001.jpeg").touch()
    with pytest.raises(DataError) as caught:
        XrayDataset.from_kaggle(expected=FEW)
    message = caught.value.message
    assert message.count("test, viral: 0 images, 1 published") == 2
    assert message.count("train, normal: 4 images, 3 published") == 2
    assert "these tests (looked up 2026-11-01)" in message
    assert "train, viral" not in message


def test_the_check_may_be_left_out(archive: Path) -> None:
    (archive / "train" / "NORMAL" / "IM-0000-0001.jpeg").unlink()
    assert len(XrayDataset.from_kaggle(expected=None)) == 12


def test_two_classes_are_counted_as_three(archive: Path) -> None:
    dataset = XrayDataset.from_kaggle(expected=FEW, names=KERMANY.two_class().by_type())
    assert dataset.counts == {"normal": 5, "pneumonia": 8}
    assert dataset.labelling.rule == "kermany-two-class-by-type"


@pytest.mark.parametrize("names", [[], ["notes.txt"], ["train/NORMAL/IM-0001-0001.jpeg"]])
def test_a_download_without_the_set_is_an_error(resolver: Resolver, names: list[str]) -> None:
    for name in names:
        (resolver.folder / name).parent.mkdir(parents=True, exist_ok=True)
        (resolver.folder / name).touch()
    with pytest.raises(DataError, match="no folder with train and test"):
        XrayDataset.from_kaggle()


def test_a_set_of_empty_folders_is_an_error(resolver: Resolver) -> None:
    for split in ("train", "test"):
        (resolver.folder / split).mkdir()
    with pytest.raises(DataError, match="holds no image"):
        XrayDataset.from_kaggle()


@pytest.mark.parametrize(
    ("arguments", "asked"),
    [
        ({}, (f"{HANDLE}/versions/2", None)),
        ({"version": 1}, (f"{HANDLE}/versions/1", None)),
        ({"version": None}, (HANDLE, None)),
        ({"folder": Path("here")}, (f"{HANDLE}/versions/2", "here")),
    ],
)
def test_version_and_folder_are_those_asked_for(
    archive: Path, resolver: Resolver, arguments: dict[str, object], asked: tuple[str, str | None]
) -> None:
    XrayDataset.from_kaggle(expected=FEW, **arguments)  # type: ignore[arg-type]
    assert resolver.asked == [asked]


def failures() -> Iterator[tuple[Exception, str]]:
    import requests
    from kagglehub import exceptions

    def refused(status: int) -> Exception:
        response = requests.Response()
        response.status_code = status
        return exceptions.KaggleApiHTTPError(f"{status} Client Error", response=response)

    yield refused(403), "Sign in"
    yield refused(401), "Sign in"
    yield refused(404), "version=None"
    yield refused(500), "network"
    yield requests.ConnectionError("no route to host"), "network"
    yield exceptions.UnauthenticatedError(), "Sign in"
    yield exceptions.DataCorruptionError("checksum"), "network"
    yield OSError(28, "No space left on device"), "disk"
    yield FileExistsError("output_dir is not empty"), "empty folder"


@pytest.mark.parametrize(
    ("error", "hint"), [pytest.param(*case, id=repr(case[0])[:40]) for case in failures()]
)
def test_what_goes_wrong_at_kaggle_is_an_error_with_a_hint(
    resolver: Resolver, error: Exception, hint: str
) -> None:
    resolver.error = error
    with pytest.raises(DataError, match="could not be downloaded") as caught:
        XrayDataset.from_kaggle()
    assert hint in caught.value.hint
    assert str(error) in caught.value.message
    assert caught.value.__cause__ is error


def test_a_mistake_in_the_program_is_no_failed_download(resolver: Resolver) -> None:
    resolver.error = ZeroDivisionError()
    with pytest.raises(ZeroDivisionError):
        XrayDataset.from_kaggle()


def test_without_kagglehub_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "kagglehub", None)
    with pytest.raises(MissingExtraError, match="kaggle"):
        XrayDataset.from_kaggle()
