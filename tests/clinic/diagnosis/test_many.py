"""Many images: in order, with a journal, by policy."""

from __future__ import annotations

import json

import attrs
import numpy as np
import pytest
from PIL import Image

import rekognition_xray as rx
from rekognition_xray.clinic.diagnosis import inputs as module
from rekognition_xray.clinic.policy import TYPE_UNCERTAIN, Policy
from rekognition_xray.data.images import MAX_BYTES
from rekognition_xray.errors import (
    ImageError,
    JournalError,
    NotReadyError,
)


def test_answers_come_in_the_order_of_the_images(diagnoser, clinic):
    answers = list(diagnoser.diagnose_many(clinic.images))
    assert [answer.source for answer in answers] == [str(path) for path in clinic.images]
    assert [answer.finding for answer in answers] == ["normal", "bacterial", "viral"] * 6


def test_paths_are_read_lazily(diagnoser, clinic):
    taken = []

    def endless():
        while True:
            taken.append(1)
            yield clinic.images[len(taken) % 3]

    answers = diagnoser.diagnose_many(endless())
    assert taken == []
    for _ in range(5):
        next(answers)
    answers.close()
    assert 5 <= len(taken) <= 5 + 350


def test_an_image_that_fails_is_an_answer_and_the_run_goes_on(diagnoser, clinic, tmp_path):
    broken = tmp_path / "broken.jpeg"
    broken.write_bytes(clinic.images[0].read_bytes()[:600])
    missing = tmp_path / "missing.jpeg"
    answers = list(diagnoser.diagnose_many([broken, clinic.images[0], missing]))
    assert [type(answer) for answer in answers] == [
        rx.FailedDiagnosis,
        rx.Diagnosis,
        rx.FailedDiagnosis,
    ]
    assert answers[0].source == str(broken)
    assert "broken.jpeg" in answers[0].reason
    assert answers[0].error == "ImageError"
    assert not answers[0].retryable
    assert len(clinic.asked) == 1


def test_an_image_that_aws_refuses_is_an_answer(diagnoser, clinic, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "MAX_DETECT_BYTES", MAX_BYTES)
    noise = np.random.default_rng(0).integers(0, 256, (2100, 2100), dtype=np.uint8)
    large = tmp_path / "over-4-MB.png"
    Image.fromarray(noise).save(large, compress_level=0)
    refused, answered = diagnoser.diagnose_many([large, clinic.images[0]])
    assert refused.error == "InvalidImageError"
    assert answered.finding == "normal"


def test_a_version_that_does_not_run_stops_the_run_after_a_few_images(diagnoser, clinic):
    images = clinic.images * 20
    with clinic.stopped(), pytest.raises(NotReadyError):
        list(diagnoser.diagnose_many(images))
    assert 1 <= len(clinic.asked) <= 6


def test_no_images_give_no_answers(diagnoser, tmp_path):
    assert list(diagnoser.diagnose_many([], journal=tmp_path / "j.jsonl")) == []


def test_progress_shows_a_bar(diagnoser, clinic, capsys):
    list(diagnoser.diagnose_many(clinic.images[:3], progress=True))
    assert "3/3" in capsys.readouterr().err


@pytest.fixture
def journal(tmp_path):
    return tmp_path / "runs" / "today.jsonl"


def _entries(journal):
    return [json.loads(line) for line in journal.read_text().splitlines()]


def test_every_answer_stands_in_the_journal_before_it_is_given_out(diagnoser, clinic, journal):
    for number, answer in enumerate(diagnoser.diagnose_many(clinic.images, journal=journal), 1):
        entries = _entries(journal)
        assert len(entries) >= number
        assert answer.source in [entry["source"] for entry in entries]


def test_a_second_run_gives_the_same_answers_and_asks_nothing(diagnoser, clinic, journal):
    first = list(diagnoser.diagnose_many(clinic.images, journal=journal))
    written = journal.read_bytes()
    clinic.asked.clear()
    assert list(diagnoser.diagnose_many(clinic.images, journal=str(journal))) == first
    assert clinic.asked == []
    assert journal.read_bytes() == written


def test_a_run_given_up_half_way_is_continued_without_asking_twice(diagnoser, clinic, journal):
    answers = diagnoser.diagnose_many(clinic.images, journal=journal)
    for _ in range(4):
        next(answers)
    answers.close()
    assert len(list(diagnoser.diagnose_many(clinic.images, journal=journal))) == len(clinic.images)
    assert len(clinic.asked) == len(clinic.images)
    sources = [entry["source"] for entry in _entries(journal)]
    assert sorted(sources) == sorted(map(str, clinic.images))


def test_a_model_that_stops_half_way_loses_nothing_that_was_answered(diagnoser, clinic, journal):
    served, given = 0, []

    def images():
        nonlocal served
        for served, path in enumerate(clinic.images):
            if served == 7:
                clinic.version.aws.rekognition.stop_project_version(
                    ProjectVersionArn=clinic.version.arn
                )
            yield path

    with pytest.raises(NotReadyError):
        given.extend(diagnoser.diagnose_many(images(), journal=journal))
    clinic.start()
    written = len(_entries(journal))
    assert len(given) <= written < len(clinic.images)
    clinic.asked.clear()
    assert len(list(diagnoser.diagnose_many(clinic.images, journal=journal))) == len(clinic.images)
    assert len(clinic.asked) == len(clinic.images) - written


def test_other_pixels_under_a_known_path_are_asked_again(diagnoser, clinic, journal, tmp_path):
    path = tmp_path / "image.jpeg"
    path.write_bytes(clinic.images[0].read_bytes())
    (first,) = diagnoser.diagnose_many([path], journal=journal)
    path.write_bytes(clinic.images[1].read_bytes())
    (second,) = diagnoser.diagnose_many([path], journal=journal)
    assert (first.finding, second.finding) == ("normal", "bacterial")
    assert len(clinic.asked) == 2


def test_failed_images_are_tried_again_when_they_have_changed(diagnoser, clinic, journal, tmp_path):
    path = tmp_path / "late.jpeg"
    (failed,) = diagnoser.diagnose_many([path], journal=journal)
    path.write_bytes(clinic.images[0].read_bytes())
    (answered,) = diagnoser.diagnose_many([path], journal=journal)
    assert failed.error == "ImageError"
    assert answered.finding == "normal"
    assert [entry["kind"] for entry in _entries(journal)] == ["failure", "diagnosis"]


def test_failures_are_remembered_and_tried_again_on_request(diagnoser, clinic, journal):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "prepare_image", _refuse)
        (failed,) = diagnoser.diagnose_many(clinic.images[:1], journal=journal)
    assert list(diagnoser.diagnose_many(clinic.images[:1], journal=journal)) == [failed]
    assert clinic.asked == []
    (answered,) = diagnoser.diagnose_many(clinic.images[:1], journal=journal, retry_failed=True)
    assert answered.finding == "normal"


def _refuse(*_, **__):
    raise ImageError("not today")


def test_another_policy_decides_anew_without_asking(diagnoser, clinic, journal):
    images = clinic.images[:3]
    list(diagnoser.diagnose_many(images, journal=journal))
    clinic.asked.clear()
    strict = rx.Diagnoser(clinic.version, Policy(threshold=0.0, type_share=1.0, name="strict"))
    answers = list(strict.diagnose_many(images, journal=journal))
    assert {answer.finding for answer in answers} == {TYPE_UNCERTAIN}
    assert clinic.asked == []
    assert list(strict.diagnose_many(images, journal=journal)) == answers
    assert len(_entries(journal)) == 6


def test_a_damaged_last_line_is_asked_again(diagnoser, clinic, journal):
    first = list(diagnoser.diagnose_many(clinic.images, journal=journal))
    journal.write_bytes(journal.read_bytes()[:-40])
    clinic.asked.clear()
    answers = list(diagnoser.diagnose_many(clinic.images, journal=journal))
    assert [one.finding for one in answers] == [one.finding for one in first]
    assert len(clinic.asked) == 1
    assert len(_entries(journal)) == len(clinic.images)


def test_a_journal_of_another_version_is_refused_before_anything_is_asked(
    diagnoser, clinic, journal
):
    list(diagnoser.diagnose_many(clinic.images[:1], journal=journal))
    clinic.asked.clear()
    other = rx.Diagnoser(attrs.evolve(clinic.version, arn="arn:of:another"))
    with pytest.raises(JournalError, match="another version"):
        other.diagnose_many(clinic.images, journal=journal)
    assert clinic.asked == []
