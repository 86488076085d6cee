"""What a DICOM file says of its image: body part, view, side, age group and sex, never a name."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("pydicom")

from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as Items

from rekognition_xray.data.images import ImageFacts, ImageOptions, decode, read_facts
from rekognition_xray.data.images.dicom import read_image

from ...support.dicom_files import image, put, refused, saved

ALLOWED = ImageOptions(allow_other_views=True)


def code(value: str = "", meaning: str = "") -> Items:
    item = Dataset()
    put(item, "CodeValue", value)
    put(item, "CodeMeaning", meaning)
    return Items([item])


def facts(**tags: object) -> ImageFacts:
    return read_image(saved(image(**tags)), options=ALLOWED).facts


@pytest.mark.parametrize(
    ("tags", "part"),
    [
        ({}, ""),
        ({"BodyPartExamined": ""}, ""),
        ({"BodyPartExamined": "CHEST"}, "chest"),
        ({"BodyPartExamined": "Thorax"}, "chest"),
        ({"BodyPartExamined": "PORT CHEST"}, "chest"),
        ({"BodyPartExamined": "TORAX"}, "chest"),
        ({"BodyPartExamined": "CHEST_TO_PELVIS"}, "chest"),
        ({"BodyPartExamined": "HAND"}, "hand"),
        ({"BodyPartExamined": "THORACIC_SPINE"}, "thoracicspine"),
        ({"BodyPartExamined": "C SPINE"}, "cspine"),
        ({"BodyPartExamined": "JANE EXAMPLE"}, ""),
        ({"BodyPartExamined": "PLUNGER"}, ""),
        ({"BodyPartExamined": "LEFT HAND"}, "hand"),
        ({"BodyPartExamined": "HANDS"}, "hand"),
        ({"BodyPartExamined": "SPINE, THORACIC"}, "thoracicspine"),
        ({"AnatomicRegionSequence": code("T-D3000")}, "chest"),
        ({"AnatomicRegionSequence": code("51185008")}, "chest"),
        ({"AnatomicRegionSequence": code("816094009", "Chest")}, "chest"),
        ({"AnatomicRegionSequence": code("T-D8700", "Hand")}, "hand"),
        ({"BodyPartExamined": "HAND", "AnatomicRegionSequence": code("T-D3000")}, "chest"),
    ],
)
def test_the_body_part_is_known_by_the_words_and_codes_of_real_files(
    tags: dict[str, object], part: str
) -> None:
    assert facts(**tags).body_part == part


@pytest.mark.parametrize(
    ("tags", "view"),
    [
        ({}, ""),
        ({"ViewPosition": "PA"}, "PA"),
        ({"ViewPosition": "ap"}, "AP"),
        ({"ViewPosition": "LL"}, "lateral"),
        ({"ViewPosition": "RL"}, "lateral"),
        ({"ViewPosition": "LAT"}, "lateral"),
        ({"ViewPosition": "LATERAL"}, "lateral"),
        ({"ViewPosition": "LLD"}, "decubitus"),
        ({"ViewPosition": "LATERAL LEFT"}, "lateral"),
        ({"ViewPosition": "X-TABLE LATERAL"}, "lateral"),
        ({"ViewPosition": ["PA", "LL"]}, "lateral"),
        ({"ViewPosition": "PA", "ViewCodeSequence": code("R-10236")}, "lateral"),
        ({"ViewPosition": "RLO"}, "oblique"),
        ({"ViewPosition": "JANE"}, ""),
        ({"ViewCodeSequence": code("R-10236")}, "lateral"),
        ({"ViewCodeSequence": code("399198007")}, "lateral"),
        ({"ViewCodeSequence": code("272479007")}, "PA"),
        ({"ViewCodeSequence": code("", "antero-posterior")}, "AP"),
        ({"PatientOrientation": ["L", "F"]}, ""),
        ({"PatientOrientation": ["A", "F"]}, "lateral"),
        ({"PatientOrientation": ["P", "F"], "ViewPosition": "PA"}, "PA"),
        ({"PatientOrientation": ["F", "P"]}, "lateral"),
        ({"PatientOrientation": ["AL", "F"]}, ""),
        ({"PatientOrientation": "PA"}, ""),
    ],
)
def test_the_view_is_known_by_the_words_and_codes_of_real_files(
    tags: dict[str, object], view: str
) -> None:
    assert facts(**tags).view == view


@pytest.mark.parametrize(
    ("age", "group"),
    [
        ("005D", "under 1"),
        ("011M", "under 1"),
        ("013M", "1-4"),
        ("004Y", "1-4"),
        ("009Y", "5-9"),
        ("017Y", "10-17"),
        ("018Y", "18+"),
        ("62", "18+"),
        ("", ""),
        ("JANE", ""),
    ],
)
def test_the_age_becomes_a_group(age: str, group: str) -> None:
    assert facts(PatientAge=age).age_group == group


def test_sex_and_side_are_words() -> None:
    found = facts(PatientSex="F", ImageLaterality="R")
    assert (found.sex, found.laterality) == ("female", "right")


@given(word=st.text(st.characters(codec="ascii", min_codepoint=32, exclude_characters="\\")))
def test_no_word_of_a_file_stands_in_the_facts_unless_it_is_in_our_tables(word: str) -> None:
    tags = ("BodyPartExamined", "ViewPosition", "ImageLaterality", "PatientAge", "PatientSex")
    named = dict.fromkeys(tags, f"JANE{word}EXAMPLE")
    found = facts(**named)
    assert "jane" not in str(found).lower()
    assert found.view in ("", "PA", "AP", "lateral", "oblique", "decubitus")
    assert (found.laterality, found.age_group, found.sex) == ("", "", "")


@pytest.mark.parametrize(
    ("tags", "held", "reason"),
    [
        ({"BodyPartExamined": "HAND"}, "other-body-part", "another body part than the chest: hand"),
        ({"ViewPosition": "LL"}, "lateral-view", "a lateral view"),
        ({"BodyPartExamined": "CHEST", "ViewPosition": "AP"}, None, ""),
        ({"ViewPosition": "LLD"}, None, ""),
        ({"BodyPartExamined": "UNHEARD OF"}, None, ""),
    ],
)
def test_other_parts_and_lateral_views_are_held_back_until_they_are_allowed(
    tags: dict[str, object], held: str | None, reason: str
) -> None:
    data = saved(image(**tags))
    if held:
        error = refused(data)
        assert error.code == held
        assert reason in error.reason
        assert "allow_other_views=True" in error.hint
    made = decode(data, options=ALLOWED)
    assert any(step.startswith("allowed: marked as") for step in made.steps) is bool(held)


def test_the_facts_of_a_file_are_read_without_its_pixels(tmp_path: Path) -> None:
    path = tmp_path / "image.dcm"
    path.write_bytes(saved(image(BodyPartExamined="HAND", PatientSex="M")))
    assert read_facts(path) == ImageFacts(body_part="hand", sex="male")
