from __future__ import annotations

import datetime
import re
from pathlib import Path, PurePath, PurePosixPath, PureWindowsPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rekognition_xray.data.names import KERMANY, FilmName
from rekognition_xray.errors import LabelsError


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
    assert KERMANY.read(PurePath(name)) == FilmName(label, patient)
    assert KERMANY.by_type().read(PurePath(name)) == FilmName(label, by_type)


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
        "NORMAL",
        "",
    ],
)
def test_a_name_that_fits_no_pattern_is_not_guessed(name: str) -> None:
    assert KERMANY.read(PurePath("train") / "NORMAL" / name) is None


@pytest.mark.parametrize("split", ["train", "test", "val"])
def test_an_official_folder_gives_the_split(split: str) -> None:
    read = KERMANY.read(PurePath("chest_xray") / split / "NORMAL" / "IM-0001-0001.jpeg")
    assert read == FilmName("normal", "IM-0001", split)


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
    assert KERMANY.read(path) == FilmName("bacterial", "person12", "train")


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
    assert read == FilmName("viral", "person1", "train")


def test_the_rule_says_its_name_and_when_the_labels_were_made() -> None:
    assert KERMANY.labelling.rule == "kermany"
    assert KERMANY.by_type().labelling.rule == "kermany-by-type"
    assert KERMANY.labelling.on == datetime.date(2018, 6, 2)


@given(st.text(), st.booleans())
def test_no_name_breaks_the_rule(name: str, typed: bool) -> None:
    rule = KERMANY.by_type() if typed else KERMANY
    read = rule.read(PurePath(name))
    assert read is None or read.label in {"normal", "bacterial", "viral"}


@given(st.integers(1, 99999), st.integers(1, 99999), st.sampled_from(["bacteria", "virus"]))
def test_films_of_one_number_belong_to_one_patient_whatever_their_type(
    person: int, film: int, kind: str
) -> None:
    read = KERMANY.read(PurePath(f"person{person}_{kind}_{film}.jpeg"))
    assert read is not None
    assert read.patient == f"person{person}"


def test_every_real_film_is_read(xrays: Path) -> None:
    files = sorted((xrays / "chest_xray").rglob("*.jpeg"))
    read = [KERMANY.read(path.relative_to(xrays)) for path in files]
    assert files
    assert None not in read
    plain = re.compile("person[0-9]+|(NORMAL2-)?IM-[0-9]{4}")
    assert all(name and plain.fullmatch(name.patient or "") for name in read)
