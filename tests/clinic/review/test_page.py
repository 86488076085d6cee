"""The review page: one file that holds its pictures, and reads on whatever paths are called."""

from __future__ import annotations

import base64
import io
import json
import re
from pathlib import Path

import pytest
from PIL import Image

from rekognition_xray.clinic.review import page, review_page
from rekognition_xray.errors import ReadingsError

from ...support.journals import diagnose, write_journal


def data_of(path: Path) -> dict:
    found = re.search(
        '<script type="application/json" id="data">(.*?)</script>', path.read_text("utf-8")
    )
    return json.loads(found[1])


def test_every_listed_image_is_in_the_page(journal: Path, tmp_path: Path) -> None:
    output = review_page(journal, tmp_path / "out" / "page.html", random=1, blind=False)
    data = data_of(output)
    assert [each["name"] for each in data["images"][:4]] == ["0.png", "1.png", "2.png", "3.png"]
    assert len(data["images"]) == 5
    first = data["images"][0]
    content = base64.b64decode(first["picture"].removeprefix("data:image/jpeg;base64,"))
    with Image.open(io.BytesIO(content)) as picture:
        assert (picture.size, picture.mode) == ((120, 100), "L")
    assert "Not a medical device" in output.read_text("utf-8")


def test_an_image_that_cannot_be_decoded_is_listed_with_the_reason(
    journal: Path, tmp_path: Path
) -> None:
    shown = data_of(review_page(journal, tmp_path / "page.html", blind=False))["images"][3]
    assert shown["picture"] is None
    assert "text" in shown["no_picture"]


def test_pictures_come_from_wherever_the_caller_says(tmp_path: Path) -> None:
    journal = write_journal(
        tmp_path / "journal.jsonl", [diagnose("s3://b/a.jpg", {"normal": 0.2, "viral": 0.8})]
    )
    output = review_page(
        journal, tmp_path / "page.html", image_of=lambda _: Image.new("L", (2000, 800), 7)
    )
    content = base64.b64decode(data_of(output)["images"][0]["picture"].partition(",")[2])
    with Image.open(io.BytesIO(content)) as picture:
        assert picture.width == page.SIDE


def test_names_cannot_break_out_of_the_page(tmp_path: Path) -> None:
    evil = "</script><script>alert(1)</script>"
    journal = write_journal(tmp_path / "j.jsonl", [diagnose(evil, {evil: 0.4, "viral": 0.6})])
    text = review_page(journal, tmp_path / "page.html").read_text("utf-8")
    assert evil not in text
    assert text.count("<script") == 2
    assert data_of(tmp_path / "page.html")["images"][0]["source"] == evil


def test_too_many_images_for_one_file_are_refused(
    journal: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page, "MOST", 5)
    with pytest.raises(ReadingsError, match="6 images are too many"):
        review_page(journal, tmp_path / "page.html")
