from __future__ import annotations

import functools
import io
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from rekognition_xray.data.auditing import SAME, group_pairs, look, near_pairs, propose_pairs
from rekognition_xray.data.auditing.duplicates import find_duplicates
from rekognition_xray.data.auditing.near import Pair
from rekognition_xray.data.dataset import Xray, XrayDataset
from rekognition_xray.data.phantoms import make_phantoms

Draw = Callable[..., Image.Image]
Change = Callable[[Image.Image], Image.Image]


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Forty phantoms of forty patients, which look more alike than images of patients do."""
    folder = make_phantoms(
        tmp_path_factory.mktemp("phantoms"), patients=40, images_per_patient=(1, 1),
        heights=(300, 400),
    )  # fmt: skip
    return sorted(folder.rglob("*.jpeg"))


def tone(change: Callable[[float], float]) -> Change:
    return lambda image: image.point([round(min(255, max(0, change(v)))) for v in range(256)])


def cut(left: float, top: float, right: float, bottom: float) -> Change:
    def crop(image: Image.Image) -> Image.Image:
        width, height = image.size
        box = (left * width, top * height, width - right * width, height - bottom * height)
        return image.crop(tuple(round(edge) for edge in box))  # type: ignore[arg-type]

    return crop


def quality(value: int) -> Change:
    def encode(image: Image.Image) -> Image.Image:
        buffer = io.BytesIO()
        image.save(buffer, "JPEG", quality=value)
        return Image.open(io.BytesIO(buffer.getvalue()))

    return encode


CHANGES: dict[str, Change] = {
    "as PNG": lambda image: image,
    "JPEG 60": quality(60),
    "JPEG 35": quality(35),
    "other size": lambda image: image.resize((224, 224), Image.Resampling.BICUBIC),
    "brighter": tone(lambda v: v + 30),
    "less contrast": tone(lambda v: 128 + 0.5 * (v - 128)),
    "gamma": tone(lambda v: 255 * (v / 255) ** 0.6),
    "cropped all round": cut(0.05, 0.05, 0.05, 0.05),
    "cropped at one corner": cut(0.08, 0.08, 0, 0),
    "cropped, brighter, JPEG 60": lambda image: quality(60)(
        tone(lambda v: v + 20)(cut(0.06, 0, 0.03, 0.05)(image))
    ),
}


@functools.cache
def thumb_of(path: Path) -> bytes:
    return look(path).thumb


def seen(paths: list[Path], saved: dict[Path, Image.Image]) -> list[bytes]:
    for path, picture in saved.items():
        picture.save(path)
    return [thumb_of(path) for path in paths] + [look(path).thumb for path in saved]


@pytest.mark.parametrize("kind", CHANGES)
def test_changed_copies_are_found_and_nothing_else(
    kind: str, images: list[Path], tmp_path: Path
) -> None:
    originals = images[::9]
    copies = {
        tmp_path / f"{number}.png": CHANGES[kind](Image.open(path).convert("L"))
        for number, path in enumerate(originals)
    }
    pairs = near_pairs(seen(images, copies))
    wanted = {(images.index(path), len(images) + at) for at, path in enumerate(originals)}
    found = {(pair.first, pair.second) for pair in pairs}
    assert {pair for pair in found if pair[1] >= len(images)} == wanted
    assert all(SAME <= pair.score <= 1.0001 for pair in pairs)


def test_an_image_of_one_tone_is_like_no_other(write: Callable[..., Path]) -> None:
    paths = [write(f"{grey}.png", Image.new("L", (90, 90), grey)) for grey in (7, 8)]
    assert near_pairs(seen(paths, {})) == []


@pytest.mark.parametrize("count", [0, 1])
def test_fewer_than_two_images_have_no_pairs(count: int, images: list[Path]) -> None:
    assert near_pairs([look(path).thumb for path in images[:count]]) == []


def test_two_images_are_enough_to_find_a_pair(images: list[Path], tmp_path: Path) -> None:
    copy = {tmp_path / "copy.png": CHANGES["cropped all round"](Image.open(images[0]).convert("L"))}
    (pair,) = near_pairs(seen(images[:1], copy))
    assert (pair.first, pair.second) == (0, 1)


def test_the_hash_proposes_the_same_pairs_again(images: list[Path]) -> None:
    thumbs = seen(images, {})
    assert propose_pairs(thumbs) == propose_pairs(thumbs)


def test_a_hundred_copies_of_one_image_stay_a_bounded_number_of_proposals(
    images: list[Path],
) -> None:
    thumb = look(images[0]).thumb
    assert 0 < len(propose_pairs([thumb] * 100)) <= 100 * 24


def test_weak_pairs_are_not_chained() -> None:
    chain = [Pair(0, 1, 0.9), Pair(1, 2, 0.85), Pair(2, 3, 0.9)]
    groups = group_pairs(chain)
    assert [group.images for group in groups] == [(1, 0, 2), (2, 3)]
    assert [group.score for group in groups] == [0.85, 0.9]


PAIRS = st.sets(st.tuples(st.integers(0, 9), st.integers(0, 9)).filter(lambda p: p[0] < p[1]))


@given(PAIRS)
def test_every_pair_is_in_a_group_and_every_member_was_verified_against_the_first(
    found: set[tuple[int, int]],
) -> None:
    groups = group_pairs(Pair(first, second, 0.9) for first, second in found)
    for group in groups:
        first, *others = group.images
        assert len(set(group.images)) == len(group.images) > 1
        assert all((min(first, other), max(first, other)) in found for other in others)
    for pair in found:
        assert any(set(pair) <= set(group.images) for group in groups)


def test_groups_name_images_by_kind(write: Callable[..., Path], draw: Draw) -> None:
    large = draw(5, (300, 300))
    images = [
        write("a.png", large),
        write("b.png", large),
        write("c.png", large, compress_level=0),
        write("d.jpeg", large, quality=70),
        write("e.png", draw(6, (300, 300))),
        write("f.png", draw(6, (300, 300))),
    ]
    looks = {Xray(path, "normal"): look(path) for path in images}
    groups = {group.kind: [image.path.name for image in group.images]
              for group in find_duplicates(looks)}  # fmt: skip
    assert groups == {
        "pixels": ["a.png", "b.png", "c.png"],
        "file": ["e.png", "f.png"],
        "near": ["a.png", "d.jpeg"],
    }


def test_an_audit_warns_of_near_duplicates_and_of_their_labels(
    images: list[Path], write: Callable[..., Path], tmp_path: Path
) -> None:
    first, second = Image.open(images[0]).convert("L"), Image.open(images[1]).convert("L")
    same = (
        write("train/NORMAL/IM-0001-0001.png", first),
        write("train/NORMAL/IM-0002-0001.jpeg", cut(0.05, 0, 0, 0.03)(first), quality=60),
    )
    clashing = (
        write("train/NORMAL/IM-0003-0001.png", second),
        write("test/PNEUMONIA/person1_virus_1.png", tone(lambda v: v + 20)(second)),
    )
    audit = XrayDataset.from_folder(tmp_path / "images").audit()
    found = {finding.code: finding for finding in audit.warnings}
    assert found["near-duplicates"].paths == same
    assert "the largest group has 2 images" in found["near-duplicates"].message
    assert set(found["contradictory-near-duplicates"].paths) == set(clashing)
    assert set(found["duplicates-across-official-splits"].paths) == set(clashing)
    audit.raise_for_errors()


def test_a_split_keeps_near_duplicates_of_different_patients_together(
    images: list[Path], write: Callable[..., Path], tmp_path: Path
) -> None:
    for number, path in enumerate(images[:12]):
        picture = Image.open(path).convert("L")
        name = f"IM-{number:04}-0001" if number % 2 else f"person{number}_virus_1"
        write(f"{name}.png", picture)
        if number < 6:
            copy = f"IM-{number + 100:04}-0001" if number % 2 else f"person{number + 100}_virus_1"
            write(f"{copy}.jpeg", cut(0.04, 0.02, 0.05, 0)(picture), quality=60)
    dataset = XrayDataset.from_folder(tmp_path / "images")
    audit = dataset.audit()
    assert len(audit.duplicates) == 6
    for seed in range(5):
        train, _ = dataset.split(0.4, seed=seed, audit=audit)
        for group in audit.duplicates:
            assert len({image in train.images for image in group.images}) == 1


def test_real_images_find_their_changed_copies_and_no_other(xrays: Path, tmp_path: Path) -> None:
    paths = [image.path for image in XrayDataset.from_folder(xrays / "chest_xray").images[::70]]
    copies = {}
    for number, (path, change) in enumerate(zip(paths, CHANGES.values(), strict=False)):
        copies[tmp_path / f"{number}.png"] = change(Image.open(path).convert("L"))
    copies = {path: copy for path, copy in copies.items() if path.stem != "0"}  # equal pixels
    pairs = near_pairs(seen(paths, copies))
    assert {(pair.first, pair.second - len(paths) + 1) for pair in pairs} == {
        (number, number) for number in range(1, len(CHANGES))
    }


def test_images_of_one_real_patient_that_look_most_alike_are_kept_apart(xrays: Path) -> None:
    folder = xrays / "chest_xray" / "train" / "PNEUMONIA"
    names = [
        "person1476_bacteria_3842", "person1476_bacteria_3843", "person1408_bacteria_3579",
        "person1408_bacteria_3581", "person1730_bacteria_4558", "person1730_bacteria_4559",
    ]  # fmt: skip
    thumbs = [look(folder / f"{name}.jpeg").thumb for name in names]
    assert near_pairs(thumbs) == []
    assert len(propose_pairs(thumbs)) >= 3
