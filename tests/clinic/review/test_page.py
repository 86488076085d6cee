"""The review page: one file that holds its pictures, and reads on whatever paths are called."""

from __future__ import annotations

import base64
import io
import json
import re
from pathlib import Path

import attrs
import pytest
from PIL import Image

from rekognition_xray.clinic.review import page, review_page
from rekognition_xray.errors import InvalidRequestError, ReadingsError

from ...support.journals import ARN, diagnose, write_journal


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


def test_a_page_keeps_readings_under_a_name_of_its_own(tmp_path: Path) -> None:
    one = diagnose("a.png", {"normal": 0.2, "viral": 0.8})
    other = attrs.evolve(one, confidences={"normal": 0.3, "viral": 0.7})
    newer = attrs.evolve(one, image_sha256="1" * 64)
    journals = [
        write_journal(tmp_path / f"{place}.jsonl", [answer])
        for place, answer in enumerate((one, other, newer))
    ]
    text = journals[0].read_text("utf-8").replace(ARN, ARN.replace("/v1/", "/v2/"))
    journals.append(tmp_path / "second version.jsonl")
    journals[-1].write_text(text, "utf-8")

    def name(journal: Path, *, blind: bool) -> str:
        return data_of(review_page(journal, tmp_path / "page.html", blind=blind))["id"]

    names = {name(journal, blind=blind) for journal in journals for blind in (True, False)}
    assert len(names) == 8
    assert name(journals[0], blind=True) == name(journals[0], blind=True)


def test_a_confidence_that_is_no_number_is_null_in_the_page(tmp_path: Path) -> None:
    journal = write_journal(
        tmp_path / "j.jsonl", [diagnose("a.png", {"normal": float("nan"), "viral": 0.8})]
    )
    text = review_page(journal, tmp_path / "page.html").read_text("utf-8")
    assert "NaN" not in re.search('id="data">(.*?)</script>', text)[1]
    assert data_of(tmp_path / "page.html")["images"][0]["confidences"]["normal"] is None


def test_a_place_that_cannot_hold_the_page_is_an_error_of_ours(
    journal: Path, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("in the way")
    for place in (tmp_path, tmp_path / "file" / "page.html"):
        with pytest.raises(ReadingsError, match="cannot be written"):
            review_page(journal, place)


def test_fewer_images_than_none_cannot_be_listed(journal: Path, tmp_path: Path) -> None:
    with pytest.raises(InvalidRequestError, match="-1 random images"):
        review_page(journal, tmp_path / "page.html", random=-1)
