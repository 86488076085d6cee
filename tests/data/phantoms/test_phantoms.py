from __future__ import annotations

import io
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict

from rekognition_xray.data.phantoms import make_phantoms
from rekognition_xray.data.reading import KERMANY, ImageName
from rekognition_xray.errors import DataError

PATIENTS = 105


def files(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def small(folder: Path, seed: int = 1) -> Path:
    return make_phantoms(folder, patients=6, images_per_patient=(1, 2), seed=seed, heights=(64, 80))


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[ImageName, bytes]]:
    folder = make_phantoms(
        tmp_path_factory.mktemp("phantoms"),
        patients=PATIENTS,
        images_per_patient=(1, 2),
        heights=(120, 260),
    )
    named = [(KERMANY.read(Path(name)), data) for name, data in files(folder).items()]
    return [(name, data) for name, data in named if name is not None]


def opened(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data))


def test_names_and_folders_are_those_of_the_official_set(tmp_path: Path) -> None:
    names = {name: KERMANY.read(Path(name)) for name in files(small(tmp_path))}
    assert names
    for path, name in names.items():
        assert name is not None
        folder = "NORMAL" if name.label == "normal" else "PNEUMONIA"
        assert path.startswith(f"train/{folder}/")
        assert name.split == "train"


def test_the_three_labels_have_a_third_of_the_patients_each(
    images: list[tuple[ImageName, bytes]],
) -> None:
    patients = {(name.label, name.patient) for name, _ in images}
    assert Counter(label for label, _ in patients) == dict.fromkeys(
        ("normal", "bacterial", "viral"), PATIENTS // 3
    )


def test_a_patient_has_one_label_and_the_images_asked_for(
    images: list[tuple[ImageName, bytes]],
) -> None:
    labels = defaultdict(set)
    counts: Counter[str | None] = Counter()
    for name, _ in images:
        labels[name.patient].add(name.label)
        counts[name.patient] += 1
    assert all(len(each) == 1 for each in labels.values())
    assert set(counts.values()) == {1, 2}


def test_images_differ_in_size_and_mode(images: list[tuple[ImageName, bytes]]) -> None:
    pictures = [opened(data) for _, data in images]
    assert {picture.mode for picture in pictures} == {"L", "RGB"}
    assert all(120 <= picture.height <= 260 for picture in pictures)
    assert len({picture.size for picture in pictures}) > len(pictures) / 2


def test_every_image_says_that_it_is_drawn(images: list[tuple[ImageName, bytes]]) -> None:
    assert all(b"not a patient" in opened(data).info["comment"] for _, data in images)


def shortcuts(data: bytes) -> list[float]:
    """What is known of an image without looking at the chest."""
    image = opened(data)
    pixels = image.width * image.height
    grey = np.asarray(image.convert("L"), dtype=float)
    return [image.width, image.height, image.mode == "RGB", len(data), len(data) / pixels,
            grey.mean()]  # fmt: skip


def guessed(clues: npt.NDArray[np.float64], images: list[tuple[ImageName, bytes]]) -> float:
    """Balanced accuracy of a forest on unseen patients."""
    labels, patients = [n.label for n, _ in images], [n.patient for n, _ in images]
    folds = StratifiedGroupKFold(5, shuffle=True, random_state=0)
    forest = RandomForestClassifier(100, min_samples_leaf=5, random_state=0)
    found = cross_val_predict(forest, clues, labels, groups=patients, cv=folds)
    return float(balanced_accuracy_score(labels, found))


def test_size_mode_file_size_and_brightness_predict_the_label_at_chance(
    images: list[tuple[ImageName, bytes]],
) -> None:
    half = 1.96 * np.sqrt(1 / 3 * 2 / 3 / PATIENTS)  # a patient's images count as one
    clues = np.array([shortcuts(data) for _, data in images])
    assert guessed(clues, images) == pytest.approx(1 / 3, abs=half)


def test_the_forest_would_find_a_shortcut(images: list[tuple[ImageName, bytes]]) -> None:
    clues = np.array([shortcuts(data) for _, data in images])
    clues[:, 0] += [100 * (name.label == "normal") for name, _ in images]
    assert guessed(clues, images) > 0.5


def test_the_same_seed_draws_the_same_files(tmp_path: Path) -> None:
    assert files(small(tmp_path / "a")) == files(small(tmp_path / "b"))


def test_another_seed_draws_other_images(tmp_path: Path) -> None:
    one, other = files(small(tmp_path / "a")), files(small(tmp_path / "b", seed=2))
    assert not set(one.values()) & set(other.values())


def test_no_two_images_are_the_same(images: list[tuple[ImageName, bytes]]) -> None:
    assert len({data for _, data in images}) == len(images)


def test_drawing_again_changes_nothing(tmp_path: Path) -> None:
    before = files(small(tmp_path))
    assert files(small(tmp_path)) == before


def test_other_images_in_the_folder_are_refused_before_anything_is_drawn(tmp_path: Path) -> None:
    stranger = tmp_path / "train" / "NORMAL" / "IM-9999-0001.jpeg"
    stranger.parent.mkdir(parents=True)
    stranger.write_bytes(b"somebody's image")
    with pytest.raises(DataError, match=r"IM-9999-0001\.jpeg"):
        small(tmp_path)
    assert list(files(tmp_path)) == ["train/NORMAL/IM-9999-0001.jpeg"]


def test_files_that_are_no_images_may_stay(tmp_path: Path) -> None:
    (tmp_path / "README.txt").write_text("phantoms")
    assert len(files(small(tmp_path))) > 6


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"patients": 2}, "at least three patients"),
        ({"images_per_patient": (0, 2)}, "images_per_patient"),
        ({"images_per_patient": (3, 2)}, "images_per_patient"),
        ({"heights": (10, 80)}, "heights"),
    ],
)
def test_impossible_wishes_are_refused(
    tmp_path: Path, arguments: dict[str, object], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        make_phantoms(tmp_path, **arguments)
