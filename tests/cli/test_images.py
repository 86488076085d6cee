"""``audit``, ``prepare`` and ``estimate``: what needs no AWS, and what is refused before it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from .conftest import Run, World, bad_folder, invoke


def test_findings_end_an_audit_with_3_and_json_names_all_files(few: Path, tmp_path: Path):
    folder = bad_folder(tmp_path / "images", few)
    done = invoke("audit", folder, "--json")
    assert done.exit_code == 3
    reported = json.loads(done.stdout)
    assert reported["errors"] >= 1
    assert str(folder / "train" / "NORMAL" / "IM-9999-0001.jpeg") in str(reported["findings"])
    assert set(reported) == {
        *("images", "patients", "images_by_label", "patients_by_label"),
        *("errors", "warnings", "findings"),
    }


def test_an_image_that_cannot_be_used_ends_prepare_with_3_and_a_hint(few: Path, tmp_path: Path):
    folder = bad_folder(tmp_path / "images", few)
    done = invoke("prepare", folder, tmp_path / "out")
    assert done.exit_code == 3
    assert done.stdout == ""
    assert "IM-9999-0001.jpeg" in done.stderr
    assert "What to do" in done.stderr
    assert "Traceback" not in done.output


def test_a_file_without_a_label_is_named_by_prepare_and_ends_it_with_3(few: Path, tmp_path: Path):
    shutil.copytree(few, tmp_path / "images")
    stranger = shutil.copy(next(few.rglob("*.jpeg")), tmp_path / "images" / "stranger.jpeg")
    for words in ((), ("--json",)):
        done = invoke("prepare", tmp_path / "images", tmp_path / "out", *words)
        assert done.exit_code == 3
        assert f"left out: {stranger}" in done.stderr
        assert done.stdout


def test_the_table_of_a_public_set_names_images_and_patients(few: Path, tmp_path: Path):
    images = tmp_path / "images"
    images.mkdir()
    rows = ["Image Index,Finding Labels,Patient ID"]
    for number, file in enumerate(sorted(few.rglob("*.jpeg"))[:4]):
        shutil.copy(file, images / f"{number}.jpeg")
        rows.append(f"{number}.jpeg,{('No Finding', 'Pneumonia')[number % 2]},{number}")
    (tmp_path / "Data_Entry_2017.csv").write_text("\n".join(rows), "utf-8")
    done = invoke("audit", images, "--names", f"nih:{tmp_path / 'Data_Entry_2017.csv'}", "--json")
    reported = json.loads(done.stdout)
    assert reported["patients_by_label"] == {"normal": 2, "pneumonia": 2}


def test_the_folders_of_the_covid_radiography_set_are_a_rule(few: Path, tmp_path: Path):
    for folder in ("COVID/images", "COVID/masks", "Normal/images"):
        (tmp_path / folder).mkdir(parents=True)
        shutil.copy(next(few.rglob("*.jpeg")), tmp_path / folder / "1.jpeg")
    done = invoke("audit", tmp_path, "--names", "covid-radiography", "--json")
    assert json.loads(done.stdout)["images_by_label"] == {"covid": 1, "normal": 1}


def test_warnings_are_findings_only_where_that_is_asked_for(few: Path):
    assert invoke("audit", few).exit_code == 0
    strict = invoke("audit", few, "--strict")
    assert strict.exit_code == 3
    assert "few-images" in strict.stdout


def test_a_second_run_of_prepare_does_nothing_again(few: Path, tmp_path: Path):
    first, second = (
        json.loads(invoke("prepare", few, tmp_path / "out", "--json").stdout) for _ in range(2)
    )
    assert (first["made"], first["cached"]) == (second["cached"], second["made"])
    assert first["made"] == first["images"]
    assert first["held"] == []


@pytest.mark.parametrize(
    ("words", "code", "reported"),
    [
        (("audit", "nowhere"), 1, "nowhere does not exist"),
        (("audit", "."), 1, "holds no image"),
        (("audit", ".", "--names", "kermani"), 2, "neither a file nor one of kermany"),
        (("audit", ".", "--names", "nih:nowhere.csv"), 1, "nowhere.csv"),
        (("audit", ".", "--column", "colour=x"), 2, "file, label, patient, split"),
        (("estimate", "training"), 2, "one of --hours, --images and --project"),
        (("estimate", "running", "--hours", "1", "--region", "eu-west-1"), 1, "--prices FILE"),
        (("estimate", "batch", "--images", "99999999", "--within", "1"), 1, "No plan answers"),
        (("train", "lungs", "--output", "s3://b/o"), 2, "not PROJECT/VERSION"),
        (("train", "a/b", "images", "--output", "s3://b/o"), 2, "--store is needed"),
        (("train", "a/b", "--output", "s3://b/o", "--max-cost", "much"), 2, "amount of money"),
        (("diagnose", "a/b", "x.png", "--max-cost", "5"), 2, "need --start"),
        (("evaluate", "a/b", "--policy", "p.json"), 2, "exactly one of --sensitivity"),
        (("evaluate", "a/b", "--confidence", "0.9"), 2, "with --confidence, it can take the first"),
        (("stop",), 2, "--expired"),
        (("stop", "a/b", "--expired"), 2, "--expired"),
        (("running",), 1, "No Region is set"),
        (("running", "--profile", "nobody"), 1, "Name another --profile"),
        (("nonsense",), 2, "No such command"),
    ],
)
def test_what_is_refused_says_why_and_what_to_do(
    words: tuple[str, ...],
    code: int,
    reported: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.chdir(tmp_path)
    plainly, as_json = invoke(*words), invoke(*words, "--json")
    assert (plainly.exit_code, as_json.exit_code) == (code, code)
    assert reported in plainly.stderr
    assert plainly.stdout == as_json.stdout == ""
    assert "Traceback" not in plainly.output
    error = json.loads(as_json.stderr.splitlines()[-1])["error"]
    assert {"type", "message", "hint", "retryable", "paths"} <= set(error)
    assert error["hint"]
    if code == 1:
        assert "What to do: " in plainly.stderr


@pytest.mark.parametrize(
    ("words", "keys"),
    [
        (("training", "--hours", "1.308"), {"lines", "assumptions", "currency", "total"}),
        (("training", "--images", "100"), {"low", "high", "sources"}),
        (("running", "--hours", "4"), {"lines", "assumptions", "currency", "total"}),
        (
            ("batch", "--images", "100", "--within", "2"),
            {"images", "units", "work", "latest_start", "low", "high", "assumptions"},
        ),
        (
            ("month", "--images-per-day", "100"),
            {
                *("images_per_day", "days", "always_on", "article", "drained"),
                "assumptions",
                "saved",
            },
        ),
    ],
)
def test_estimates_have_the_keys_that_are_promised(words: tuple[str, ...], keys: set[str]):
    done = invoke("estimate", *words, "--json")
    assert done.exit_code == 0
    assert set(json.loads(done.stdout)) == keys


def test_prices_of_ones_own_count(tmp_path: Path):
    book = tmp_path / "prices.json"
    price = {"source": "the invoice", "as_of": "2026-11-01"}
    hours = {"training-hour": "2.00", "inference-unit-hour": "8.00"}
    reported = {name: {"amount": amount, **price} for name, amount in hours.items()}
    book.write_text(json.dumps({"currency": "EUR", "regions": {"eu-west-1": reported}}))
    words = ("estimate", "running", "--hours", "2", "--region", "eu-west-1", "--prices", book)
    assert "16.00 EUR" in invoke(*words).stdout


@pytest.mark.heavy
def test_a_project_is_exported_and_read_again(run: Run, tmp_path):
    done = run("export", "lungs", tmp_path / "out", "--json")
    assert done.exit_code == 0, done.output
    again = run("import", tmp_path / "out", "--json")
    assert again.exit_code == 0, again.output
    assert json.loads(again.stdout)["parts"].keys() == {"TRAIN", "TEST"}


@pytest.mark.heavy
def test_images_of_custom_vision_are_audited_on_arrival(run: Run, world: World, tmp_path):
    images = sorted((world.folder / "chest_xray").rglob("*.jpeg"))[:4]
    records = []
    for number, path in enumerate([*images, images[0]]):  # the last is a copy under another label
        shutil.copy(path, tmp_path / f"id{number}.jpeg")
        label = "viral" if number == 4 else "normal"
        records.append({"id": f"id{number}", "tags": [{"tagName": label}]})
    (tmp_path / "page.json").write_text(json.dumps(records))
    table = tmp_path / "labels.csv"
    done = run("import", tmp_path, "--custom-vision", "--table", table)
    assert done.exit_code == 3
    assert "5 images" in done.output
    assert "id4.jpeg" in done.output
    assert table.read_text("utf-8").splitlines()[0] == "file,label,patient"


@pytest.mark.heavy
def test_the_doctor_finds_nothing_bad_here(run: Run):
    done = run("doctor", "--bucket", "clinic-xrays", "--json")
    assert done.exit_code == 0, done.output
    assert {check["state"] for check in json.loads(done.stdout)["checks"]} == {"good", "unknown"}


def test_the_doctor_ends_with_1_where_something_is_bad(run: Run):
    done = run("doctor", "--bucket", "nobodys-bucket")
    assert done.exit_code == 1
    assert "bad     bucket" in done.output
