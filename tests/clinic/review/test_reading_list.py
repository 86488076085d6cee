"""The reading list: urgent images, some of the rest, and an order that gives nothing away."""

from __future__ import annotations

from pathlib import Path

import pytest

from rekognition_xray.clinic.diagnosis import FailedDiagnosis
from rekognition_xray.clinic.policy import REFERRED
from rekognition_xray.clinic.review.reading_list import make_reading_list
from rekognition_xray.errors import ReadingsError

from ...support.journals import ARN, diagnose, write_journal

SURE = {"normal": 0.95, "bacterial": 0.03, "viral": 0.02}
PROBABLE = {"normal": 0.4, "bacterial": 0.35, "viral": 0.25}
BELOW = {"normal": 0.6, "bacterial": 0.1, "viral": 0.3}  # a policy's threshold may lie below half
ILL = {"normal": 0.05, "bacterial": 0.65, "viral": 0.3}


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    answers = [diagnose(f"normal-{number}", SURE) for number in range(10)]
    answers += [
        diagnose("probable", PROBABLE),
        diagnose("below half", BELOW, finding="viral"),
        diagnose("ill", ILL),
        diagnose("referred", PROBABLE, finding=REFERRED, referred=True),
        FailedDiagnosis("failed", "cut off", "ImageError", False, ARN),
    ]
    return write_journal(tmp_path / "journal.jsonl", answers)


def test_urgent_images_come_first_then_as_many_of_the_rest_as_asked(journal: Path) -> None:
    listed = make_reading_list(journal, random=3, blind=False)
    assert [(one.answer.source, one.why) for one in listed.images[:5]] == [
        ("failed", "no diagnosis"),
        ("referred", "referred"),
        ("ill", "suspect"),
        ("probable", "suspect"),
        ("below half", "suspect"),
    ]
    rest = [one.answer.source for one in listed.images[5:]]
    assert len(set(rest)) == 3
    assert all(one.why == "random" for one in listed.images[5:])
    assert listed.labels == ("normal", "bacterial", "viral")
    assert listed.images[0].finding is None


def test_a_blind_reader_sees_the_same_images_in_an_order_by_chance(journal: Path) -> None:
    seen = make_reading_list(journal, random=3, blind=False)
    blind = make_reading_list(journal, random=3, blind=True)
    assert set(blind.images) == set(seen.images)
    assert blind.images != seen.images
    assert make_reading_list(journal, random=3, blind=True) == blind
    assert make_reading_list(journal, random=3, blind=True, seed=1) != blind


def test_images_that_are_named_are_listed_alone(journal: Path) -> None:
    named = ["ill", "normal-3", "ill"]
    listed = make_reading_list(journal, sources=named, blind=False)
    assert [(one.answer.source, one.why) for one in listed.images] == [
        ("ill", "selected"),
        ("normal-3", "selected"),
    ]


def test_images_that_the_journal_does_not_know_are_named(journal: Path) -> None:
    with pytest.raises(ReadingsError) as caught:
        make_reading_list(journal, sources=["ill", "here", "there"])
    assert caught.value.paths == ("here", "there")


def test_an_empty_list_is_an_error(tmp_path: Path) -> None:
    journal = write_journal(tmp_path / "journal.jsonl", [diagnose("a", SURE)])
    with pytest.raises(ReadingsError, match="no image to read"):
        make_reading_list(journal, random=0)
