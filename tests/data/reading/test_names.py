from __future__ import annotations

import contextlib
import datetime
import random
import re
from pathlib import Path, PurePath, PurePosixPath, PureWindowsPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rekognition_xray.data.reading import FOLDERS, KERMANY, ImageName, KermanyRule, as_rule
from rekognition_xray.errors import LabelsError, NoLabelError

V2_NAMES = [
    "person12_bacteria_34",
    "person12_virus_35",
    "person447_virus_921_1",
    "IM-0115-0001",
    "IM-0115-0001-0002",
    "NORMAL2-IM-0001-0001",
    "NORMAL2-IM-0851-0001-0002",
]
V3_NAMES = ["BACTERIA-1008087-0001", "VIRUS-1008087-0002", "NORMAL-1003233-0001"]
RULES = [
    KermanyRule(typed=typed, two_classes=two) for typed in (False, True) for two in (False, True)
]


@pytest.mark.parametrize(
    ("name", "label", "patient", "by_type"),
    [
        ("person12_bacteria_34.jpeg", "bacterial", "person12", "person12_bacteria"),
        ("person12_virus_35.jpeg", "viral", "person12", "person12_virus"),
        ("person447_virus_921_1.jpeg", "viral", "person447", "person447_virus"),
        ("IM-0115-0001.jpeg", "normal", "IM-0115", "IM-0115"),
        ("IM-0115-0001-0002.jpeg", "normal", "IM-0115", "IM-0115"),
        ("NORMAL2-IM-0001-0001.jpeg", "normal", "NORMAL2-IM-0001", "NORMAL2-IM-0001"),
        ("NORMAL2-IM-0851-0001-0002.jpeg", "normal", "NORMAL2-IM-0851", "NORMAL2-IM-0851"),
        ("BACTERIA-1008087-0001.jpeg", "bacterial", "1008087", "BACTERIA-1008087"),
        ("VIRUS-1008087-0002.jpeg", "viral", "1008087", "VIRUS-1008087"),
        ("NORMAL-1003233-0001.jpeg", "normal", "1003233", "NORMAL-1003233"),
    ],
)
def test_every_pattern_of_the_set_gives_label_and_patient(
    name: str, label: str, patient: str, by_type: str
) -> None:
    assert KERMANY.read(PurePath(name)) == ImageName(label, patient)
    assert KERMANY.by_type().read(PurePath(name)) == ImageName(label, by_type)


@pytest.mark.parametrize(
    "name",
    [
        "patient7.jpeg",
        "person_bacteria_1.jpeg",
        "person1_fungus_2.jpeg",
        "person1_bacteria_2_3_4.jpeg",
        "person1_bacteria_2 (1).jpeg",
        "IM-115-0001.jpeg",
        "NORMAL3-IM-0115-0001.jpeg",
        "xIM-0115-0001.jpeg",
        "IM-0115-0001.jpeg.jpeg",
        "person\u0661_bacteria_2.jpeg",
        "per\u017fon1_bacteria_2.jpeg",  # a long s, which folds to s
        "person1_viru\u017f_2.jpeg",
        "\u0131m-0115-0001.jpeg",  # an i without its dot
        "NORMAL",
        "",
    ],
)
def test_a_name_that_fits_no_pattern_is_not_guessed(name: str) -> None:
    assert KERMANY.read(PurePath("train") / "NORMAL" / name) is None


@pytest.mark.parametrize("split", ["train", "test", "val"])
def test_an_official_folder_gives_the_split(split: str) -> None:
    read = KERMANY.read(PurePath("chest_xray") / split / "NORMAL" / "IM-0001-0001.jpeg")
    assert read == ImageName("normal", "IM-0001", split)


def test_no_official_folder_no_split() -> None:
    read = KERMANY.read(PurePath("NORMAL/IM-0001-0001.jpeg"))
    assert read is not None
    assert read.split is None


@pytest.mark.parametrize(
    "path",
    [
        PurePosixPath("TRAIN/pneumonia/PERSON12_Bacteria_34.JPG"),
        PurePosixPath("Train/Pneumonia/person12_BACTERIA_34.png"),
        PureWindowsPath(r"train\PNEUMONIA\person12_bacteria_34.JPEG"),
        PurePosixPath("train/BACTERIA/person12_bacteria_34"),
    ],
)
def test_case_and_extension_do_not_matter(path: PurePath) -> None:
    assert KERMANY.read(path) == ImageName("bacterial", "person12", "train")


@pytest.mark.parametrize(
    "path",
    [
        "NORMAL/person1_bacteria_2.jpeg",
        "train/normal/person1_virus_2.jpeg",
        "PNEUMONIA/IM-0115-0001.jpeg",
        "virus/person1_bacteria_2.jpeg",
        "PNEUMONIA/NORMAL-1003233-0001.jpeg",
    ],
)
def test_folder_and_name_that_contradict_each_other_are_an_error(path: str) -> None:
    with pytest.raises(LabelsError, match="folder"):
        KERMANY.read(PurePath(path))


def test_the_nearest_folder_counts() -> None:
    read = KERMANY.read(PurePath("NORMAL/test/PNEUMONIA/train/person1_virus_2.jpeg"))
    assert read == ImageName("viral", "person1", "train")


def test_the_rule_says_its_name_and_when_the_labels_were_made() -> None:
    assert KERMANY.labelling.rule == "kermany"
    assert KERMANY.by_type().labelling.rule == "kermany-by-type"
    assert KERMANY.two_class().labelling.rule == "kermany-two-class"
    assert KERMANY.two_class().by_type().labelling.rule == "kermany-two-class-by-type"
    assert KERMANY.labelling.on == datetime.date(2018, 6, 2)


@pytest.mark.parametrize("name", [*V2_NAMES, *V3_NAMES])
def test_two_classes_change_the_label_and_nothing_else(name: str) -> None:
    three, two = KERMANY.read(PurePath(name)), KERMANY.two_class().read(PurePath(name))
    assert three is not None
    assert two is not None
    assert two.label == ("normal" if three.label == "normal" else "pneumonia")
    assert two.patient == three.patient
    assert KERMANY.two_class().by_type() == KERMANY.by_type().two_class()


def test_two_classes_still_see_a_contradiction() -> None:
    with pytest.raises(LabelsError):
        KERMANY.two_class().read(PurePath("VIRUS/person1_bacteria_2.jpeg"))


@pytest.mark.parametrize("folder", ["chest_xray/train/PNEUMONIA", "chest_xray/test/PNEUMONIA"])
def test_the_third_version_has_the_same_folders(folder: str) -> None:
    read = KERMANY.read(PurePath(folder, "BACTERIA-1008087-0001.jpeg"))
    assert read == ImageName("bacterial", "1008087", PurePath(folder).parts[1])


def test_in_the_third_version_one_number_is_one_patient_whatever_the_finding() -> None:
    read = [KERMANY.read(PurePath(name)) for name in ("VIRUS-17-0001.jpeg", "NORMAL-17-0002.jpeg")]
    assert {name.patient for name in read if name} == {"17"}


paths = st.lists(
    st.text(max_size=8) | st.sampled_from(["train", "NORMAL", "PNEUMONIA", *V2_NAMES, *V3_NAMES]),
    max_size=4,
).map(lambda parts: PurePosixPath(*(part.replace("\0", "") for part in parts)))


@given(paths, st.sampled_from(RULES))
def test_no_path_breaks_the_rule(path: PurePosixPath, rule: KermanyRule) -> None:
    try:
        read = rule.read(path)
    except LabelsError:
        return
    assert read is None or (read.label and read.patient)


@given(
    st.sampled_from([*V2_NAMES, *V3_NAMES]),
    st.sampled_from(RULES),
    st.randoms(use_true_random=False),
    st.sampled_from(["", ".jpeg", ".JPG", ".png", ".dcm"]),
)
def test_label_and_patient_are_the_same_in_any_case_and_with_any_extension(
    name: str, rule: KermanyRule, dice: random.Random, extension: str
) -> None:
    mixed = "".join(dice.choice([letter.lower(), letter.upper()]) for letter in name)
    assert rule.read(PurePath(mixed + extension)) == rule.read(PurePath(name + ".jpeg"))


@given(st.integers(1, 99999), st.integers(1, 99999), st.sampled_from(["bacteria", "virus"]))
def test_images_of_one_number_belong_to_one_patient_whatever_their_type(
    person: int, image: int, kind: str
) -> None:
    read = KERMANY.read(PurePath(f"person{person}_{kind}_{image}.jpeg"))
    assert read is not None
    assert read.patient == f"person{person}"


def test_every_real_image_is_read(xrays: Path) -> None:
    files = sorted((xrays / "chest_xray").rglob("*.jpeg"))
    read = [KERMANY.read(path.relative_to(xrays)) for path in files]
    assert files
    assert None not in read
    plain = re.compile("person[0-9]+|(NORMAL2-)?IM-[0-9]{4}")
    assert all(name and plain.fullmatch(name.patient or "") for name in read)


def test_a_folder_is_the_label_letter_by_letter() -> None:
    assert FOLDERS.read(PurePath("set/Covid 19/a.png")) == ImageName("Covid 19")
    assert FOLDERS.labelling.rule == "folders"
    assert FOLDERS.labelling.on is None


@pytest.mark.parametrize("split", ["train", "Test", "VAL"])
def test_an_official_folder_above_the_labels_folder_gives_the_split(split: str) -> None:
    read = FOLDERS.read(PurePath("set", split, "NORMAL", "a.png"))
    assert read == ImageName("NORMAL", split=split.lower())


@pytest.mark.parametrize("path", ["a.png", "train/a.png", "set/VAL/a.png"])
def test_an_image_in_no_folder_of_a_label_has_no_label(path: str) -> None:
    with pytest.raises(NoLabelError):
        FOLDERS.read(PurePath(path))


def test_a_folder_that_is_a_pseudonym_is_no_label() -> None:
    with pytest.raises(NoLabelError, match="manifest"):
        FOLDERS.read(PurePath("0123456789abcdef01234567", f"{'ab' * 32}.jpg"))


def test_a_label_is_the_same_on_machines_that_compose_letters_and_that_do_not() -> None:
    composed, apart = "\u00c9", "E\u0301"
    assert FOLDERS.read(PurePath(composed, "a.png")) == FOLDERS.read(PurePath(apart, "a.png"))


@given(paths)
def test_no_path_breaks_the_folders_rule(path: PurePosixPath) -> None:
    with contextlib.suppress(NoLabelError):
        assert FOLDERS.read(path).patient is None


@given(st.text("abAB-_ é", min_size=1), st.sampled_from([".jpeg", ".JPG", ".png"]))
def test_by_folder_neither_name_nor_extension_matters(stem: str, extension: str) -> None:
    assert FOLDERS.read(PurePath("x", stem + extension)) == ImageName("x")


def test_a_function_is_a_rule_of_its_own_name() -> None:
    def by_letter(path: PurePath) -> str | None:
        return {"n": "normal", "v": "viral"}.get(path.name[0])

    rule = as_rule(by_letter)
    assert rule.labelling.rule == "by_letter"
    assert rule.read(PurePath("n1.png")) == ImageName("normal")
    assert rule.read(PurePath("x1.png")) is None
    assert as_rule(rule) is rule


def test_a_function_may_tell_patient_and_split_too() -> None:
    name = ImageName("viral", "7", "test")
    assert as_rule(lambda path: name).read(PurePath("a.png")) is name
    assert as_rule(lambda path: name).labelling.rule == "lambda"


def test_a_function_that_returns_something_else_is_refused() -> None:
    with pytest.raises(TypeError, match="an ImageName, a label or None, not int"):
        as_rule(lambda path: 7).read(PurePath("a.png"))  # type: ignore[arg-type, return-value]


@pytest.mark.parametrize("names", [None, "kermany", 7, KermanyRule])
def test_what_is_no_rule_is_refused_at_once(names: object) -> None:
    with pytest.raises(TypeError, match="rule or a function"):
        as_rule(names)  # type: ignore[arg-type]
