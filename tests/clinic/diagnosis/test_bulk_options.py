"""A journal is continued for images that are read in the same way, and for no others."""

from __future__ import annotations

import json

import pytest
from PIL import Image

import rekognition_xray as rx
from rekognition_xray.errors import ImageError

STRETCHED = rx.ImageOptions(stretch=True)


@pytest.fixture
def faint(tmp_path):
    path = tmp_path / "faint.png"
    Image.linear_gradient("L").resize((90, 90)).point([100 + v // 8 for v in range(256)]).save(path)
    return path


def calls(clinic, images, journal, options=None) -> int:
    chosen = {} if options is None else {"options": options}
    with rx.Diagnoser(clinic.version, **chosen).diagnose_many(images, journal=journal) as run:
        answers = list(run)
    assert len(answers) == len(images)
    return run.summary().calls


def test_another_way_of_reading_asks_again(clinic, faint, tmp_path):
    journal = tmp_path / "journal.jsonl"
    assert calls(clinic, [faint], journal) == 1
    assert calls(clinic, [faint], journal, STRETCHED) == 1
    assert calls(clinic, [faint], journal, STRETCHED) == 0
    assert calls(clinic, [faint], journal) == 1
    lines = [json.loads(line) for line in journal.read_text().splitlines()]
    assert [line.get("options", "") for line in lines] == ["", '{"stretch": true}', ""]


def test_an_image_that_other_options_released_is_held_back_again(clinic, tmp_path):
    pytest.importorskip("pydicom")
    from ...support.dicom_files import image, saved

    path, journal = tmp_path / "hand.dcm", tmp_path / "journal.jsonl"
    path.write_bytes(saved(image(BodyPartExamined="HAND")))
    allowed = rx.ImageOptions(allow_other_views=True)
    assert calls(clinic, [path], journal) == 0
    assert calls(clinic, [path], journal, allowed) == 1
    (answer,) = rx.Diagnoser(clinic.version).diagnose_many([path], journal=journal)
    assert isinstance(answer, rx.FailedDiagnosis)
    assert answer.error == ImageError.__name__
