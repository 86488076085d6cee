from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from rekognition_xray.data.auditing import Duplicates, Unusable
from rekognition_xray.data.dataset import Audit, Rejected, Xray, XrayDataset

Draw = Callable[..., Image.Image]
Write = Callable[..., Path]


@pytest.fixture
def folder(write: Write, tmp_path: Path) -> Path:
    for number in range(3):
        write(f"NORMAL/IM-{number:04}-0001.jpeg")
        write(f"PNEUMONIA/person{number}_bacteria_1.jpeg")
    return tmp_path / "images"


def read(folder: Path) -> XrayDataset:
    return XrayDataset.from_folder(folder)


def contents(folder: Path) -> dict[Path, tuple[bytes, int]]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in files}


def test_a_sound_dataset_stays_as_it_is(folder: Path) -> None:
    dataset, repairs = read(folder).audit().clean()
    assert dataset == read(folder)
    assert repairs == ()


def test_what_cannot_be_used_is_left_out_with_its_reason(folder: Path, write: Write) -> None:
    empty = write("NORMAL/IM-0900-0001.jpeg", b"")
    nameless = write("NORMAL/scan.jpeg")
    cleaned = read(folder).audit().clean()
    assert {(repair.code, repair.path) for repair in cleaned.repairs} == {
        ("zero-bytes", empty),
        ("no-label", nameless),
    }
    assert all(repair.what for repair in cleaned.repairs)
    assert len(cleaned.dataset) == 6
    assert cleaned.dataset.rejected == ()


def test_what_is_cleaned_passes_its_own_audit_and_no_file_is_touched(
    folder: Path, write: Write, draw: Draw
) -> None:
    write("NORMAL/IM-0900-0001.jpeg", b"")
    write("NORMAL/person7_virus_3.jpeg")
    write("NORMAL/IM-0901-0001.png", draw(5))
    write("PNEUMONIA/person900_virus_1.png", draw(5))
    files = contents(folder)
    audit = read(folder).audit()
    assert audit.errors
    again = audit.clean().dataset.audit()
    again.raise_for_errors()
    assert again.duplicates == ()
    assert contents(folder) == files


def test_no_image_of_a_picture_with_two_labels_is_kept(
    folder: Path, write: Write, draw: Draw
) -> None:
    paths = {
        write("NORMAL/IM-0900-0001.png", draw(5)),
        write("NORMAL/IM-0901-0001.png", draw(5)),
        write("PNEUMONIA/person900_virus_1.png", draw(5)),
    }
    dataset, repairs = read(folder).audit().clean()
    assert {repair.path for repair in repairs} == paths
    assert {repair.code for repair in repairs} == {"contradictory-labels"}
    assert not paths & {image.path for image in dataset}


def test_the_first_of_exact_copies_is_kept(folder: Path, write: Write, draw: Draw) -> None:
    kept = write("NORMAL/IM-0900-0001.png", draw(5))
    copies = [
        write("NORMAL/IM-0900-0002.png", draw(5)),
        write("NORMAL/IM-0900-0003.png", draw(5), compress_level=0),
    ]
    dataset, repairs = read(folder).audit().clean()
    assert [repair.path for repair in repairs] == copies
    assert all(str(kept) in repair.what for repair in repairs)
    assert kept in {image.path for image in dataset}


def test_patients_who_share_a_copy_are_one_patient_from_then_on(
    folder: Path, write: Write, draw: Draw
) -> None:
    write("NORMAL/IM-0900-0001.png", draw(5))
    write("NORMAL/IM-0901-0001.png", draw(5))
    other = write("NORMAL/IM-0901-0002.png", draw(6))
    dataset, repairs = read(folder).audit().clean()
    assert {image.path: image.patient for image in dataset}[other] == "IM-0900"
    assert "IM-0901" in repairs[0].what


def audited(
    images: list[Xray],
    groups: list[Duplicates],
    *,
    bad: tuple[Xray, ...] = (),
    rejected: tuple[Rejected, ...] = (),
) -> Audit:
    dataset = XrayDataset(images, rejected)
    unusable = tuple(Unusable(image, "truncated", "cut off") for image in bad)
    return Audit((), len(dataset), tuple(groups), (), unusable, dataset=dataset)


def image(name: str, label: str = "normal", patient: str | None = None) -> Xray:
    return Xray(Path(name), label, patient)


def test_the_copy_of_a_known_patient_is_kept_rather_than_one_of_nobody() -> None:
    nobody, somebody = image("a"), image("b", patient="p")
    dataset, _ = audited([nobody, somebody], [Duplicates((nobody, somebody), "file")]).clean()
    assert dataset.images == (somebody,)


def test_a_copy_of_an_image_that_cannot_be_read_is_kept() -> None:
    one, other = image("a"), image("b")
    audit = audited([one, other], [Duplicates((one, other), "pixels")], bad=(one,))
    dataset, repairs = audit.clean()
    assert dataset.images == (other,)
    assert [repair.code for repair in repairs] == ["truncated"]


def test_near_duplicates_are_kept_by_default() -> None:
    images = [image("a", patient="p"), image("b", patient="q"), image("c")]
    audit = audited(images, [Duplicates(tuple(images[1::-1]), "near", 0.9)])
    assert audit.clean().dataset.images == tuple(images)
    dataset, (repair,) = audit.clean(near="keep-first")
    assert [item.path.name for item in dataset] == ["b", "c"]
    assert (repair.code, repair.path) == ("near-duplicates", Path("a"))
    assert dataset.images[0].patient == "p"


def test_near_duplicates_with_two_labels_are_all_left_out_where_one_should_stay() -> None:
    images = [image("a"), image("b", "viral")]
    audit = audited(images, [Duplicates(tuple(images), "near", 0.9)])
    assert len(audit.clean().dataset) == 2
    dataset, repairs = audit.clean(near="keep-first")
    assert dataset.images == ()
    assert {repair.code for repair in repairs} == {"contradictory-near-duplicates"}


def test_of_groups_that_overlap_no_two_images_of_a_group_are_kept() -> None:
    a, b, c, d = images = [image(name) for name in "abcd"]
    groups = [Duplicates((b, a, c), "near", 0.9), Duplicates((c, d), "near", 0.9)]
    dataset, _ = audited(images, groups).clean(near="keep-first")
    assert dataset.images == (b, d)


def test_the_labelling_stays(folder: Path, write: Write) -> None:
    write("NORMAL/IM-0900-0001.jpeg", b"")
    dataset = read(folder)
    cleaned = dataset.audit().clean().dataset
    assert cleaned.labelling == dataset.labelling


NAMES = st.lists(st.sampled_from("abcdefghij"), unique=True, min_size=2)


@given(NAMES, st.data())
def test_every_image_and_rejected_file_is_kept_or_in_one_repair(
    names: list[str], data: st.DataObject
) -> None:
    labels, patients = st.sampled_from(["normal", "viral"]), st.sampled_from(["p", "q", None])
    images = [image(name, data.draw(labels), data.draw(patients)) for name in names]
    groups = st.lists(st.sampled_from(images), unique=True, min_size=2)
    kinds = st.sampled_from(["file", "pixels", "near"])
    found = [
        Duplicates(tuple(group), kind)  # type: ignore[arg-type]
        for group, kind in data.draw(st.lists(st.tuples(groups, kinds), max_size=4))
    ]
    bad = tuple(data.draw(st.lists(st.sampled_from(images), unique=True)))
    rejected = tuple(Rejected(Path(f"r{at}"), "why") for at in range(data.draw(st.integers(0, 3))))
    audit = audited(images, found, bad=bad, rejected=rejected)
    for near in ("keep", "keep-first"):
        dataset, repairs = audit.clean(near=near)  # type: ignore[arg-type]
        assert len(images) + len(rejected) == len(dataset) + len(repairs)
        kept = {image.source for image in dataset}
        left_out = {repair.path for repair in repairs}
        assert not kept & left_out
        assert kept | left_out == {item.source for item in images} | {r.path for r in rejected}
        assert not kept & {item.source for item in bad}
        treated = [group for group in found if near != "keep" or group.kind != "near"]
        for group in treated:
            assert len(kept & {item.source for item in group.images}) <= 1


def test_repairs_and_groups_are_values(folder: Path, write: Write) -> None:
    write("NORMAL/IM-0900-0001.jpeg", b"")
    (repair,) = read(folder).audit().clean().repairs
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        repair.code = "other"  # type: ignore[misc]
