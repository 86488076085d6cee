"""Every example is a program that runs, and says what it promises."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from rekognition_xray.data.phantoms import make_phantoms

EXAMPLES = Path(__file__).parents[1] / "examples"


def run(name: str, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, EXAMPLES / name, *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_example_has_a_test() -> None:
    text = Path(__file__).read_text("utf-8")
    assert [path.name for path in EXAMPLES.glob("*.py") if f'"{path.name}"' not in text] == []


def test_the_articles_costs() -> None:
    told = run("article_costs.py")
    for amount in ("1.31 USD", "4.90 USD", "448.00 USD", "240.00 USD"):
        assert amount in told


@pytest.mark.heavy
def test_the_services_own_split_is_refused_unless_told_leaks_patients_and_ours_does_not(
    tmp_path: Path,
) -> None:
    films = make_phantoms(tmp_path / "chest_xray", patients=30, films_per_patient=(3, 4), seed=5)
    told = run("automatic_split.py", str(films))
    assert told.startswith("SplitError: ")
    assert "allow_leaks=True" in told
    leaked = int(told.split("on both sides: ")[1].split(" of ")[0])
    assert leaked > 0
    assert "PatientLeakWarning" in told
    assert told.rstrip().endswith(": 0 on both sides")


def assert_leak_is_told(told: str, films: str) -> None:
    assert f"of {films} films for the test" in told
    assert int(told.splitlines()[1].split(" of ")[0]) > 0
    assert "Over 100 such splits" in told
    assert ": 0 of " in told


@pytest.mark.heavy
def test_the_leak_of_a_random_split_is_told_of_phantoms() -> None:
    assert_leak_is_told(run("leakage.py"), "95")


def test_the_leak_of_a_random_split_is_told_of_the_films_in_a_folder(xrays: Path) -> None:
    assert_leak_is_told(run("leakage.py", str(xrays / "chest_xray")), "4,167")


@pytest.mark.heavy
def test_a_random_split_stands_beside_one_by_patients_with_intervals() -> None:
    told = run("leakage_study.py")
    assert "show a patient whom the training has seen" in told
    assert told.count("fold 5") == 2
    table = told.split("All films: ")[1].split("\n\n")[0]
    assert "random less whole" in table
    interval = r"0\.\d{3} \(0\.\d{3}–[01]\.\d{3}\)"
    change = r"([+-]0\.\d{3}) \(([+-]0\.\d{3}) to ([+-]0\.\d{3})\)"
    (found,) = re.findall(rf"\naccuracy +{interval} +{interval} +{change}", table)
    difference, low, high = map(float, found)
    assert low <= difference <= high
    assert difference > 0.05  # a patient's drawn films are alike
    verdict = "the random split reads too high" if low > 0 else "no difference is shown"
    assert f"- All films: {verdict}" in told
    assert "never AWS's. Not a medical device." in told


@pytest.mark.heavy
def test_a_dicom_archive_leaves_its_names_at_home() -> None:
    told = run("dicom_archive.py")
    assert "12 films of 6 patients" in told
    assert "11 prepared" in told
    assert "text is burned into its pixels" in told
    assert "A second run prepares 0 and knows 11." in told
    assert "found in the files: 38" in told
    assert told.rstrip().endswith("found in what was stored: 0")


@pytest.mark.heavy
def test_real_dicom_files_leave_their_names_at_home(xrays: Path, tmp_path: Path) -> None:
    labels = tmp_path / "labels.csv"
    names = [f"{path.name},normal" for path in (xrays / "dicom").iterdir()]
    labels.write_text("\n".join(["film,label", *names]), encoding="utf-8")
    told = run("dicom_archive.py", str(xrays / "dicom"), str(labels))
    assert "RG3_JPLY_tibia.dcm: the transfer syntax JPEG Extended" in told
    assert "4 prepared" in told
    assert told.rstrip().endswith("found in what was stored: 0")


@pytest.mark.heavy
def test_a_better_version_is_promoted_and_rolled_back() -> None:
    told = run("compare_and_promote.py")
    assert "Verdict: better, by balanced accuracy +" in told
    assert "Not a medical device" in told
    assert told.index("in use: all-films") < told.index("rolled back to: few-films")
    assert "few-films: TRAINING_COMPLETED" in told


@pytest.mark.heavy
def test_one_film_is_explained_by_a_map_and_by_its_like(tmp_path: Path) -> None:
    told = run("explain_one.py", str(tmp_path))
    assert told.startswith("65 calls for a grid of 8 x 8, about 23 s")
    assert "0.03 USD" in told.splitlines()[1]
    assert "not where disease is" in told
    assert "  5. " in told.split("most similar")[1]
    for name in ("overlay.png", "cases.png"):
        with Image.open(tmp_path / name) as picture:
            assert min(picture.size) > 300


def test_the_least_permissions_are_told_by_purpose_and_one_alone_as_json() -> None:
    told = run("least_permissions.py")
    for text in ("prepare: ", "meter: ", "rekognition:StopProjectVersion", "OnlyOverTls"):
        assert text in told
    policy = json.loads(run("least_permissions.py", "inference"))
    assert policy["Version"] == "2012-10-17"


@pytest.mark.heavy
def test_a_month_is_planned_and_a_run_of_one_day_is_billed_as_planned() -> None:
    told = run("plan_the_month.py")
    for text in ("2688.00 USD", "448.00 USD", "3.51 USD", "25.91 USD", "does not document"):
        assert text in told
    off = told.split("the plan is ")[1].split("%")[0]
    assert abs(float(off)) < 5


@pytest.mark.heavy
def test_no_model_is_forgotten() -> None:
    told = run("never_forget.py")
    assert "4.00 USD per hour, known before the start" in told
    for line in (
        "the block is left: STOPPED",
        "upside-down.png cannot be read: STOPPED",
        "the first of two users has left: RUNNING",
        "the last of two users has left: STOPPED",
        "nothing was asked for a while: STOPPED",
        "its process was killed: RUNNING",
        "at once  left: chest/v1 (needed by",
        "18 min later  stopped: chest/v1 (all its leases have expired)",
        "the model is STOPPED",
    ):
        assert line in told
    assert told.endswith("still running: 0\n")


@pytest.mark.usefixtures("local_cloud")
def test_the_scheduled_function_finds_nothing_to_stop() -> None:
    assert run("lambda_stop_expired.py") == "{'models': []}\n"
