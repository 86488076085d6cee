from __future__ import annotations

import json
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import attrs
import numpy as np
import pytest
from PIL import Image

import rekognition_xray as rx
from rekognition_xray.clinic.cases import (
    Case,
    CaseIndex,
    cases_sheet,
    image_descriptor,
)
from rekognition_xray.clinic.cases.descriptor import LENGTH
from rekognition_xray.data.auditing import look
from rekognition_xray.data.dataset import XrayDataset
from rekognition_xray.data.phantoms import make_phantoms
from rekognition_xray.data.xrays import dataset_fingerprint
from rekognition_xray.errors import DataError, EmptyDatasetError, ImageError, InvalidRequestError


@pytest.fixture(scope="module")
def phantoms(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cases") / "images"
    make_phantoms(folder, patients=24, images_per_patient=(2, 3), heights=(96, 200), seed=11)
    return rx.XrayDataset.from_folder(folder)


@pytest.fixture(scope="module")
def index(phantoms):
    return CaseIndex.build(phantoms)


# -- descriptor ----------------------------------------------------------------------------------


def test_a_descriptor_is_a_direction(phantoms):
    vector = image_descriptor(phantoms.images[0].path)
    assert vector.shape == (LENGTH,)
    assert vector.dtype == np.float32
    assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-6)
    assert vector.mean() == pytest.approx(0, abs=1e-6)


def test_it_is_the_audits_thumbnail_made_smaller(phantoms):
    path = phantoms.images[0].path
    thumb = np.frombuffer(look(path).thumb, np.uint8).reshape(128, 128).astype(float)
    small = thumb.reshape(16, 8, 16, 8).mean(axis=(1, 3)).ravel()
    assert np.corrcoef(small, image_descriptor(path))[0, 1] == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("spelling", [str, lambda path: path, lambda path: path.read_bytes()])
def test_a_path_its_text_its_bytes_and_its_picture_are_described_alike(phantoms, spelling):
    path = phantoms.images[3].path
    with Image.open(path) as picture:
        np.testing.assert_array_equal(image_descriptor(spelling(path)), image_descriptor(picture))


def test_size_and_brightness_hardly_count(phantoms):
    with Image.open(phantoms.images[0].path) as image:
        grey = image.convert("L")
    other = grey.resize((300, 200)).point(lambda value: int(40 + 0.6 * value))
    assert image_descriptor(grey) @ image_descriptor(other) > 0.99
    assert image_descriptor(grey) @ image_descriptor(phantoms.images[-1].path) < 0.99


def test_an_image_of_one_tone_is_like_none(index):
    cases = index.similar(Image.new("L", (90, 90), 77))
    assert [case.distance for case in cases] == [1.0] * 5


# -- building ------------------------------------------------------------------------------------


def test_a_known_image_finds_itself_first_and_the_others_by_distance(phantoms, index):
    for image in phantoms.images[::9]:
        itself, *others = index.similar(image.path, k=4, one_per_patient=False)
        assert itself.path == image.path
        assert itself.distance == pytest.approx(0, abs=1e-6)
        assert [case.distance for case in others] == sorted(case.distance for case in others)


def test_any_executor_gives_the_same_index(phantoms, index):
    seen = []
    with ThreadPoolExecutor(1) as pool:
        other = CaseIndex.build(
            phantoms, executor=pool, progress=lambda done, total: seen.append((done, total))
        )
    assert other == index
    assert seen[-1] == (len(phantoms), len(phantoms))


def test_images_that_cannot_be_used_are_named_all_together(phantoms, tmp_path):
    for name in ("IM-0001-0001.jpeg", "IM-0002-0001.jpeg"):
        path = tmp_path / "NORMAL" / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"no image")
    with pytest.raises(DataError, match="2 of 2 images") as caught:
        CaseIndex.build(rx.XrayDataset.from_folder(tmp_path))
    assert len(caught.value.paths) == 2


def test_images_in_s3_are_refused():
    far = XrayDataset([rx.Xray("s3://bucket/a.jpg", "normal")])
    with pytest.raises(DataError, match="1 of 1 images lie in S3"):
        CaseIndex.build(far)


def test_a_dataset_without_images_gives_no_index():
    with pytest.raises(EmptyDatasetError):
        CaseIndex.build(XrayDataset([]))


# -- searching -----------------------------------------------------------------------------------


def test_each_patient_comes_once_by_default(phantoms, index):
    image = phantoms.images[0]
    cases = index.similar(image.path, k=100)
    assert len(cases) == phantoms.patient_count
    assert len({case.patient for case in cases}) == len(cases)
    assert len(index.similar(image.path, k=100, one_per_patient=False)) == len(phantoms)


def test_a_patient_can_be_left_out(phantoms, index):
    image = phantoms.images[0]
    cases = index.similar(image.path, k=100, exclude_patient=image.patient, one_per_patient=False)
    assert image.patient not in {case.patient for case in cases}
    assert len(cases) == len(phantoms) - sum(one.patient == image.patient for one in phantoms)


def test_images_of_unknown_patients_are_a_case_each(phantoms):
    unknown = XrayDataset([attrs.evolve(image, patient=None) for image in phantoms])
    cases = CaseIndex.build(unknown).similar(phantoms.images[0].path, k=100)
    assert len(cases) == len(phantoms)


def test_cases_bear_the_labels_of_their_images(phantoms, index):
    labels = {image.path: image.label for image in phantoms}
    for case in index.similar(phantoms.images[5].path, k=20):
        assert labels[case.path] == case.label


@pytest.mark.parametrize("k", [0, -1])
def test_no_cases_are_not_asked_for(index, phantoms, k):
    with pytest.raises(InvalidRequestError):
        index.similar(phantoms.images[0].path, k)


def test_the_patient_does_not_stand_in_a_printed_case(phantoms, index):
    cases = index.similar(phantoms.images[0].path)
    printed = [repr(attrs.evolve(case, path=Path("x"))) for case in cases]
    assert not any(str(case.patient) in text for case, text in zip(cases, printed, strict=True))
    assert not any(str(case.patient) in repr(index) for case in cases)


# -- saving --------------------------------------------------------------------------------------


def test_what_was_saved_is_loaded(index, phantoms, tmp_path):
    folder = index.save(tmp_path / "index")
    assert CaseIndex.load(folder, dataset=phantoms) == index
    assert index.save(folder) == folder


def test_only_the_owner_may_read_it(index, tmp_path):
    folder = index.save(tmp_path / "index")
    assert sorted(path.name for path in folder.iterdir()) == ["cases.json", "cases.npz"]
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}


def test_the_fingerprint_is_of_images_labels_and_patients(phantoms):
    first, *rest = phantoms
    assert dataset_fingerprint(phantoms) == dataset_fingerprint(
        XrayDataset(reversed(phantoms.images))
    )
    for change in ({"label": "viral" if first.label != "viral" else "normal"}, {"patient": "x"}):
        other = XrayDataset([attrs.evolve(first, **change), *rest])
        assert dataset_fingerprint(other) != dataset_fingerprint(phantoms)
    assert dataset_fingerprint(XrayDataset(rest)) != dataset_fingerprint(phantoms)


def test_an_index_of_another_dataset_is_refused(index, phantoms, tmp_path):
    folder = index.save(tmp_path / "index")
    with pytest.raises(DataError, match=index.fingerprint):
        CaseIndex.load(folder, dataset=XrayDataset(phantoms.images[1:]))


def changed(folder, **values):
    path = folder / "cases.json"
    path.write_text(json.dumps(json.loads(path.read_text("utf-8")) | values), "utf-8")


def test_damage_is_reported_and_nothing_is_loaded(index, tmp_path):
    def spoil_numbers(folder):
        data = bytearray((folder / "cases.npz").read_bytes())
        data[-40] ^= 1
        (folder / "cases.npz").write_bytes(data)

    damages = {
        "is not the file": spoil_numbers,
        "No such file": lambda folder: (folder / "cases.json").unlink(),
        "not JSON": lambda folder: (folder / "cases.json").write_text("{"),
        "version 2": lambda folder: changed(folder, version=2),
        "descriptor 'other'": lambda folder: changed(folder, descriptor="other"),
        "images is missing": lambda folder: changed(folder, images=None),
        "name is missing": lambda folder: changed(folder, images=[{"label": "normal"}]),
        "were changed": lambda folder: changed(folder, images=[]),
    }
    for said, damage in damages.items():
        folder = index.save(tmp_path / "index")
        damage(folder)
        with pytest.raises(DataError, match=said):
            CaseIndex.load(folder)


@pytest.mark.parametrize(
    ("vectors", "said"),
    [
        (np.array([{"a": 1}], dtype=object), "pickle"),
        (np.zeros((2, LENGTH), dtype=np.float32), "not of"),
        (None, "no descriptors"),
        (np.inf, "no descriptors"),
        (np.nan, "no descriptors"),
    ],
)
def test_numbers_that_are_no_descriptors_are_refused(index, tmp_path, vectors, said):
    if vectors is None or isinstance(vectors, float):
        vectors = np.full_like(index.vectors, 9 if vectors is None else vectors)
    forged = attrs.evolve(index, vectors=vectors)
    folder = forged.save(tmp_path / "index")
    with pytest.raises(DataError, match=said):
        CaseIndex.load(folder)


# -- the picture ---------------------------------------------------------------------------------


def test_the_sheet_holds_the_image_and_its_cases(index, phantoms):
    image = phantoms.images[0].path
    sheet = index.sheet(image, index.similar(image, k=5))
    wide = index.sheet(image, index.similar(image, k=8))
    assert sheet.mode == "RGB"
    assert wide.width == sheet.width
    assert wide.height > sheet.height + 240
    assert not sheet.getexif()
    assert sheet.info == {}


def test_the_frame_has_the_labels_colour(phantoms):
    path = phantoms.images[0].path
    sheets = [
        np.asarray(cases_sheet(path, [Case(label, 0.1, path)]))
        for label in ("normal", "bacterial", "viral", "other")
    ]
    colours = {tuple(sheet[41, 14 + 240 + 14 + 100].tolist()) for sheet in sheets}
    assert len(colours) == 4


def test_a_sheet_without_cases_is_refused(index, phantoms):
    with pytest.raises(InvalidRequestError):
        index.sheet(phantoms.images[0].path, [])


def test_a_case_whose_image_is_gone_is_named(phantoms, tmp_path):
    with pytest.raises(ImageError, match=r"gone\.png"):
        cases_sheet(phantoms.images[0].path, [Case("normal", 0.1, tmp_path / "gone.png")])


# -- on real images -------------------------------------------------------------------------------


@pytest.mark.heavy
def test_real_neighbours_of_other_patients_share_the_label_far_more_often_than_chance(xrays):
    images = rx.XrayDataset.from_folder(xrays / "chest_xray")
    index = CaseIndex.build(images)
    labels, groups = (
        np.array([getattr(image, of) for image in images]) for of in ("label", "group")
    )
    right = {label: [] for label in images.labels}
    for place in range(0, len(images), 5):
        likeness = index.vectors @ index.vectors[place]
        likeness[groups == groups[place]] = -2
        nearest = labels[np.argsort(-likeness, kind="stable")[:5]]
        output, votes = np.unique(nearest, return_counts=True)
        right[labels[place]].append(output[votes.argmax()] == labels[place])
    assert np.mean([np.mean(found) for found in right.values()]) > 0.70
