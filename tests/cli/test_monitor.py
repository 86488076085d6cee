"""``monitor``: whether the images of a model in use have changed, for cron."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ..support.drifting import append, line, quiet
from .conftest import Run, World, invoke


@pytest.fixture
def reference(tmp_path: Path) -> Path:
    return quiet(tmp_path / "january.jsonl", 200, seed=1)


def test_without_an_alarm_the_command_ends_well(tmp_path: Path, reference: Path):
    journal = quiet(tmp_path / "february.jsonl", 200, seed=2)
    done = invoke("monitor", journal, "--reference", reference)
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith("No alarm")
    assert "Not a medical device" in done.stdout


def test_an_alarm_has_an_exit_code_of_its_own_and_a_page(tmp_path: Path, reference: Path):
    journal, page = quiet(tmp_path / "february.jsonl", 200, ill=0.9), tmp_path / "monitor.html"
    done = invoke("monitor", journal, "--reference", reference, "--html", page, "--json")
    assert done.exit_code == 4
    assert done.stderr == ""
    record = json.loads(done.stdout)
    assert record["report"]["alarm"] is True
    assert record["html"] == str(page)
    assert "ALARM" in page.read_text("utf-8")


def test_journals_are_read_in_their_order(tmp_path: Path, reference: Path):
    days = [quiet(tmp_path / f"{day}.jsonl", 20, seed=day) for day in range(3)]
    done = invoke("monitor", *days, "--reference", reference, "--json")
    assert json.loads(done.stdout)["report"]["images"] == 60


def test_a_pattern_finds_the_patient(tmp_path: Path, reference: Path):
    names = ["person1_virus_1.png", "person1_virus_2.png", "person2_virus_3.png", "x.png", "y.png"]
    journal = append(tmp_path / "today.jsonl", (line(name, 0.2) for name in names))
    words = ("monitor", journal, "--reference", reference, "--json", "--patient", "(person[0-9]+)_")
    assert json.loads(invoke(*words).stdout)["report"]["images"] == 4


@pytest.mark.parametrize("pattern", ["person[0-9]+", "(person"])
def test_a_pattern_that_finds_no_patient_is_wrong_usage(reference: Path, pattern: str):
    done = invoke("monitor", "today.jsonl", "--reference", reference, "--patient", pattern)
    assert done.exit_code == 2
    assert "--patient" in done.stderr


def test_the_test_images_of_a_version_are_a_reference(run: Run, world: World, tmp_path: Path):
    lines = [
        line(
            f"{number}.png", 0.0, version_arn=world.version.arn, confidences=dict(seen.confidences)
        )
        for number, seen in enumerate(_images(world))
    ]
    journal = append(tmp_path / "today.jsonl", lines)
    done = run("monitor", journal, "--reference", "lungs/v1", "--json")
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["report"]["prevalence"]["value"] is not None


def _images(world: World):
    import rekognition_xray as rx

    return rx.Evaluation.from_version(world.version, resamples=100).images


@pytest.mark.parametrize("missing", ["journal", "reference"])
def test_a_file_that_is_not_there_is_named(tmp_path: Path, reference: Path, missing: str):
    journal, gone = quiet(tmp_path / "today.jsonl", 20), tmp_path / "gone.jsonl"
    given = (gone, reference) if missing == "journal" else (journal, gone)
    done = invoke("monitor", given[0], "--reference", given[1])
    assert done.exit_code == 1
    assert "gone.jsonl cannot be read" in done.stderr
