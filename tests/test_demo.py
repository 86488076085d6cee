"""The demo: the whole story in one run, and a plain message where it cannot run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rekognition_xray import demo


@pytest.mark.heavy
def test_the_demo_tells_the_whole_story_of_phantoms_and_calls_them_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo, "PHANTOM_PATIENTS", 40)
    monkeypatch.setattr(demo, "PHANTOM_HEIGHTS", (80, 160))
    output = tmp_path / "output"
    assert demo.main(["--output", str(output)]) == 0
    reported = capsys.readouterr().out
    for part in (
        "0 errors",
        "fingerprint",
        "1.31 USD",
        "precision",
        "threshold",
        "true label viral",
        "the model is STOPPED",
        "AWS would have charged",
        "448.00 USD",
        str(output),
        "Not a medical device",
        "items answered",
        str(output / "evaluation.html"),
        str(output / "card.md"),
    ):
        assert part in reported
    manifest = (output / "train.manifest").read_text("utf-8").splitlines()
    assert all(json.loads(line)["source-ref"].startswith("s3://") for line in manifest)
    predictions = (output / "predictions.jsonl").read_text("utf-8")
    assert "bacterial" in predictions
    assert "<html" in (output / "evaluation.html").read_text("utf-8")
    facts = json.loads((output / "card.json").read_text("utf-8"))["facts"]
    assert facts["data"]["fingerprint"] in reported
    assert facts["data"]["shared"].startswith("none")
    assert "drawn by this program" in facts["data"]["source"]
    assert facts["labels"]["human"] == "not people"
    assert facts["data"]["population"] == "not reported"
    assert "# Model card of v1" in (output / "card.md").read_text("utf-8")


def test_a_missing_folder_ends_with_a_message_and_what_to_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert demo.main([str(tmp_path / "nowhere"), "--output", str(tmp_path / "output")]) == 1
    complaint = capsys.readouterr().err
    assert "nowhere does not exist" in complaint
    assert "What to do" in complaint


def test_bad_images_end_the_demo_before_anything_is_uploaded(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "chest_xray" / "train" / "NORMAL"
    folder.mkdir(parents=True)
    for number in (1, 2):
        (folder / f"IM-0001-000{number}.jpeg").write_text("no image")
    assert demo.main([str(tmp_path / "chest_xray"), "--output", str(tmp_path / "output")]) == 1
    reported = capsys.readouterr()
    assert "IM-0001-0001.jpeg" in reported.err
    assert "IM-0001-0002.jpeg" in reported.err
    assert "Upload" not in reported.out
