"""Every example is a program that runs, and says what it promises."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import re
import runpy
import subprocess
import sys
from pathlib import Path
from unittest import mock

import pytest
from PIL import Image

from rekognition_xray.data.phantoms import make_phantoms

EXAMPLES = Path(__file__).parents[1] / "examples"


@pytest.fixture(autouse=True)
def beside_the_examples(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(EXAMPLES)


def run(name: str, *arguments: str) -> str:
    """What an example prints. In this process: to import all anew takes longer than most run."""
    reported = io.StringIO()
    with (
        mock.patch.object(sys, "argv", [str(EXAMPLES / name), *arguments]),
        contextlib.redirect_stdout(reported),
    ):
        runpy.run_path(str(EXAMPLES / name), run_name="__main__")
    return reported.getvalue()


def run_apart(name: str, *arguments: str) -> str:
    """What an example prints that starts processes of its own."""
    done = subprocess.run(
        [sys.executable, EXAMPLES / name, *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="session")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Images for the examples that practise; drawn once."""
    return make_phantoms(
        tmp_path_factory.mktemp("images"), patients=45, images_per_patient=(1, 1), heights=(80, 120)
    )


@pytest.fixture
def images(drawn: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMAGES", str(drawn))


def test_every_example_has_a_test() -> None:
    text = Path(__file__).read_text("utf-8")
    kept = [path.name for path in EXAMPLES.glob("[!_]*.*")]
    assert [name for name in kept if f'"{name}"' not in text] == []


@pytest.mark.heavy
def test_the_article_is_replayed_with_its_split_and_with_one_by_patient() -> None:
    reported = run("article.py")
    assert "SplitError: " in reported
    assert "allow_leaks=True" in reported
    assert "PatientLeakWarning" in reported
    by_image, by_patient = reported.split("by-image: ")[1].split("by-patient: ")
    assert int(by_image.split(" of ")[0]) > 0
    assert int(by_patient.split(" of ")[0]) == 0
    assert "Not a medical device" in reported
    for amount in ("1.31 USD", "4.90 USD", "448.00 USD", "240.00 USD"):
        assert amount in reported


@pytest.mark.heavy
def test_the_notebook_replays_the_article_and_is_kept_without_outputs(tmp_path: Path) -> None:
    import nbclient
    import nbformat

    notebook = nbformat.read(EXAMPLES / "article.ipynb", as_version=4)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert not any(cell.outputs or cell.execution_count for cell in cells)
    nbclient.NotebookClient(notebook, timeout=120, kernel_name="python3").execute(cwd=tmp_path)
    reported = "".join(output.get("text", "") for cell in cells for output in cell.outputs)
    for text in ("show a patient that the training has seen", "STOPPED", "448.00 USD"):
        assert text in reported
    shown = [output["data"] for cell in cells for output in cell.outputs if "data" in output]
    assert sum(data.get("text/html", "").count("<figure") for data in shown) == 6
    assert any("## The service's own figures" in data.get("text/markdown", "") for data in shown)
    assert not any(output.get("name") == "stderr" for cell in cells for output in cell.outputs)


def assert_leak_is_reported(reported: str, images: str) -> None:
    assert f"of {images} images for the test" in reported
    assert int(reported.splitlines()[1].split(" of ")[0]) > 0
    assert "Over 100 such splits" in reported
    assert ": 0 of " in reported


@pytest.mark.heavy
def test_the_leak_of_a_random_split_is_shown_of_phantoms() -> None:
    assert_leak_is_reported(run("leakage.py"), "95")


def test_the_leak_of_a_random_split_is_shown_of_the_images_in_a_folder(xrays: Path) -> None:
    assert_leak_is_reported(run("leakage.py", str(xrays / "chest_xray")), "4,167")


def assert_splits_stand_side_by_side(reported: str) -> float:
    """Gives by how much the random split reads higher."""
    assert "show a patient that the training has seen" in reported
    assert reported.count("fold 5") == 2
    table = reported.split("All images: ")[1].split("\n\n", maxsplit=1)[0]
    assert "random less whole" in table
    interval = r"0\.\d{3} \(0\.\d{3}–[01]\.\d{3}\)"
    change = r"([+-]0\.\d{3}) \(([+-]0\.\d{3}) to ([+-]0\.\d{3})\)"
    (found,) = re.findall(rf"\naccuracy +{interval} +{interval} +{change}", table)
    difference, low, high = map(float, found)
    assert low <= difference <= high
    verdict = "the random split reads too high" if low > 0 else "no difference is shown"
    assert f"- All images: {verdict}" in reported
    assert "never AWS's. Not a medical device." in reported
    return difference


@pytest.mark.heavy
def test_a_random_split_stands_beside_one_by_patients_with_intervals(tmp_path: Path) -> None:
    few = make_phantoms(tmp_path, patients=15, images_per_patient=(2, 3), heights=(80, 100))
    assert_splits_stand_side_by_side(run("leakage_study.py", str(few)))


@pytest.mark.soak
def test_a_random_split_reads_too_high_where_a_patients_images_are_alike() -> None:
    assert assert_splits_stand_side_by_side(run("leakage_study.py")) > 0.05


@pytest.mark.heavy
def test_a_dicom_archive_leaves_its_names_at_home() -> None:
    reported = run("dicom_archive.py")
    assert "12 images of 6 patients" in reported
    assert "11 prepared" in reported
    assert "text burned into its pixels" in reported
    assert "A second run prepares 0 and knows 11." in reported
    assert "found in the files: 60" in reported
    assert reported.rstrip().endswith("found in what was stored: 0")


@pytest.mark.heavy
def test_real_dicom_files_leave_their_names_at_home(xrays: Path, tmp_path: Path) -> None:
    labels = tmp_path / "labels.csv"
    names = [f"{path.name},normal" for path in (xrays / "dicom").iterdir()]
    labels.write_text("\n".join(["image,label", *names]), encoding="utf-8")
    reported = run("dicom_archive.py", str(xrays / "dicom"), str(labels))
    assert "RG3_JPLY_tibia.dcm: held back: it is marked as another body part" in reported
    assert "2 prepared" in reported
    assert reported.rstrip().endswith("found in what was stored: 0")


@pytest.mark.heavy
@pytest.mark.usefixtures("images")
def test_a_folder_of_dicom_files_becomes_a_worklist(tmp_path: Path) -> None:
    reported = run("dicom_report.py", str(tmp_path))
    assert reported.startswith("12 images; the model is STOPPED")
    whole = json.loads((tmp_path / "report.json").read_text("utf-8"))
    first, *others = whole["images"]
    assert "text burned into its pixels" in first["reason"]
    assert not any("error" in image for image in others)
    urgency = [(not image["referred"], image["confidences"]["normal"]) for image in others]
    assert urgency == sorted(urgency)
    with (tmp_path / "report.csv").open(encoding="utf-8", newline="") as stream:
        assert next(csv.DictReader(stream))["finding"] == "no diagnosis"
    page = (tmp_path / "report.html").read_text("utf-8")
    assert page.count("<tr>") == 13
    assert "Not a medical device" in page


@pytest.mark.heavy
@pytest.mark.usefixtures("images")
def test_a_service_diagnoses_uploads_and_its_model_ends_with_it() -> None:
    reported = run("fastapi_service.py")
    assert "'model': 'RUNNING', 'price': '4.00 USD per hour'" in reported
    assert reported.count(": 200 {'finding'") == 3
    assert reported.count("Not a medical device") == 3
    assert (
        "no image: 422 {'detail': 'no image of a format that is read: the content is text'"
        in reported
    )
    assert "too much: 413" in reported
    stopped = reported.split("the model was stopped by hand: ")[1]
    assert stopped.startswith("503 {'detail': 'The model is not available now.'}\n")
    assert reported.endswith("the service has ended; models still running: 0\n")


@pytest.mark.heavy
@pytest.mark.usefixtures("images")
def test_a_function_answers_for_images_that_arrive_in_s3_once() -> None:
    reported = run("lambda_s3_events.py")
    assert "before the model runs: NotReadyError" in reported
    first, again = reported.split("once it runs: ")[1].split("the same event again: ")
    for image, outcome, known in (
        ("inbox/first image.jpeg", "normal", "known"),
        ("inbox/notes.txt", "unusable", "known"),
        ("diagnoses/inbox/old.json", "refused", "refused"),
    ):
        assert f"'s3://clinic-xrays/{image}': '{outcome}'" in first
        assert f"'s3://clinic-xrays/{image}': '{known}'" in again
    assert reported.count("Not a medical device") == 2


@pytest.mark.heavy
@pytest.mark.usefixtures("images")
def test_a_diagnosis_becomes_a_preliminary_report_in_fhir() -> None:
    from fhir.resources.R4B.diagnosticreport import DiagnosticReport

    reported = run("fhir_report.py")
    report = DiagnosticReport.model_validate_json(reported)
    device, observation = report.contained
    assert (report.status, observation.status) == ("preliminary", "preliminary")
    assert [result.reference for result in report.result] == [f"#{observation.id}"]
    assert observation.device.reference == f"#{device.id}"
    assert ":project/chest/version/v1/" in device.identifier[0].value
    assert sum(part.valueQuantity.value for part in observation.component) == pytest.approx(
        1, abs=0.001
    )
    assert re.fullmatch("[0-9a-f]{24}", report.subject.identifier.value)
    assert report.subject.reference is None
    assert "person" not in re.sub("A person|a person", "", reported)  # no name of a file
    assert "Not a medical device" in report.conclusion


@pytest.mark.heavy
def test_a_better_version_is_promoted_and_rolled_back() -> None:
    reported = run("compare_and_promote.py")
    assert "Verdict: better, by balanced accuracy +" in reported
    assert "Not a medical device" in reported
    assert reported.index("in use: all-images") < reported.index("rolled back to: few-images")
    assert "few-images: TRAINING_COMPLETED" in reported


@pytest.mark.heavy
def test_wrong_labels_are_found_corrected_and_a_version_without_them_is_promoted() -> None:
    reported = run("correct_labels.py")
    found, by_chance = map(
        float, re.search(r"(\d+) of 20 images to read .* by chance (\S+)\.\n", reported).groups()
    )
    assert found > 2 * by_chance
    assert f"{found:.0f} changed" in reported
    assert "1 held" in reported
    assert "0 images sent again." in reported
    assert "Non-inferiority with a margin of 0.05: shown." in reported
    assert reported.endswith("in use: corrected-labels\n")


@pytest.mark.heavy
def test_one_image_is_explained_by_a_map_and_by_its_like(tmp_path: Path) -> None:
    reported = run("explain_one.py", str(tmp_path))
    assert reported.startswith("65 calls for a grid of 8 x 8, about 23 s")
    assert "0.03 USD" in reported.splitlines()[1]
    assert "not where disease is" in reported
    assert "  5. " in reported.split("most similar")[1]
    for name in ("overlay.png", "cases.png"):
        with Image.open(tmp_path / name) as picture:
            assert min(picture.size) > 300


def test_the_least_permissions_are_reported_by_purpose_and_one_alone_as_json() -> None:
    reported = run_apart("least_permissions.py")
    for text in ("prepare: ", "meter: ", "rekognition:StopProjectVersion", "OnlyOverTls"):
        assert text in reported
    policy = json.loads(run_apart("least_permissions.py", "inference"))
    assert policy["Version"] == "2012-10-17"


@pytest.mark.heavy
def test_a_month_is_planned_and_a_run_of_one_day_is_billed_as_planned() -> None:
    reported = run("plan_the_month.py")
    for text in ("2688.00 USD", "448.00 USD", "3.51 USD", "25.91 USD", "does not document"):
        assert text in reported
    off = reported.split("the plan is ")[1].split("%")[0]
    assert abs(float(off)) < 5


@pytest.mark.heavy
def test_no_model_is_forgotten() -> None:
    reported = run("never_forget.py")
    assert "4.00 USD per hour, known before the start" in reported
    for line in (
        "the block is left: STOPPED",
        "upside-down.png cannot be read: STOPPED",
        "the first of two users has left: RUNNING",
        "the last of two users has left: STOPPED",
        "no call for a while: STOPPED",
        "its process was killed: RUNNING",
        "at once  left: chest/v1 (needed by",
        "18 min later  stopped: chest/v1 (all its leases have expired)",
        "the model is STOPPED",
    ):
        assert line in reported
    assert reported.endswith("still running: 0\n")


@pytest.mark.usefixtures("local_cloud")
def test_the_scheduled_function_finds_nothing_to_stop() -> None:
    assert run("lambda_stop_expired.py") == "{'models': []}\n"


@pytest.mark.heavy
def test_an_archive_is_interrupted_and_continued_on_dask_and_nothing_is_asked_twice(
    tmp_path: Path,
) -> None:
    images = make_phantoms(
        tmp_path / "images", patients=30, images_per_patient=(1, 1), heights=(120, 200), seed=8
    )
    (images / "letter.jpeg").write_text("Dear colleague", encoding="utf-8")
    reported = run_apart("bulk_archive.py", str(images), str(tmp_path / "journal.jsonl"))
    before, _, after = reported.partition("Continued on Dask:")
    kept = int(before.split("the journal has ")[1].split()[0])
    assert 15 <= kept <= 31  # what is under way when the loop is left is kept, too
    assert "31 images: 30 diagnosed, 1 failed" in after
    assert "images a second" in after
    assert "4.00 USD/h" in after
    assert "letter.jpeg: no diagnosis" in after
    assert "Once more: 0 calls; the journal has 31 lines." in after
    lines = (tmp_path / "journal.jsonl").read_text("utf-8").splitlines()
    assert len({json.loads(line)["source"] for line in lines}) == 31
