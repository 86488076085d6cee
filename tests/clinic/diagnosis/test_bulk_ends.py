"""What ends a bulk run, and what a killed one has kept; bad images do not."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from rekognition_xray.errors import NotReadyError

from ...support.bulk_runs import entries, kill_and_continue


@pytest.mark.heavy
def test_a_run_killed_three_times_asks_again_only_what_it_had_not_written(
    clinic, tmp_path, monkeypatch
):
    run = kill_and_continue(
        clinic, tmp_path, monkeypatch, images=150, kills=3, dice=lambda kill: 35 * (kill + 1)
    )
    assert run.answered == run.images
    assert run.asked >= len(run.images)
    assert run.asked_in_vain == run.lost == set()


def test_bytes_are_named_by_their_pixels(diagnoser, clinic):
    buffer = io.BytesIO()
    Image.open(clinic.images[0]).save(buffer, "PNG")
    (answer,) = diagnoser.diagnose_many([buffer.getvalue()])
    assert answer.source.startswith("image ")


def test_a_version_that_does_not_run_is_said_so_and_a_journal_stays_empty(
    diagnoser, clinic, tmp_path
):
    with clinic.stopped(), pytest.raises(NotReadyError):
        list(diagnoser.diagnose_many(clinic.images, journal=tmp_path / "journal.jsonl"))
    assert entries(tmp_path / "journal.jsonl") == []


def test_what_is_no_image_is_a_failure_with_its_path_and_reason(diagnoser, clinic, tmp_path):
    pydicom = pytest.importorskip("pydicom")
    Image.new("L", (40, 40)).save(tmp_path / "tiny.png")
    Image.new("L", (3000, 100)).save(tmp_path / "strip.png")
    (tmp_path / "empty.jpeg").touch()
    (tmp_path / "letter.jpeg").write_text("Dear colleague")
    report = pydicom.Dataset()
    report.SOPClassUID, report.SOPInstanceUID = pydicom.uid.BasicTextSRStorage, "1.2.3"
    report.file_meta = pydicom.dataset.FileMetaDataset()
    report.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    report.save_as(tmp_path / "report.dcm", enforce_file_format=True)
    bad = sorted(tmp_path.iterdir())
    journal = tmp_path / "journal.jsonl"
    *failed, answered = diagnoser.diagnose_many([*bad, clinic.images[0]], journal=journal)
    assert [one.source for one in failed] == [str(path) for path in bad]
    assert {(one.error, one.retryable) for one in failed} == {("ImageError", False)}
    assert all(path.name in one.reason for path, one in zip(bad, failed, strict=True))
    assert answered.finding == "normal"
    assert len(clinic.asked) == 1
    assert len(entries(journal)) == len(bad) + 1
