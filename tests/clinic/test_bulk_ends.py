"""What ends a bulk run, and what a killed one has kept; bad images do not."""

from __future__ import annotations

import io
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from PIL import Image

from rekognition_xray.errors import (
    NotReadyError,
)

from .bulk_images import entries, many

HERE = Path(__file__).parent


CHILD = """
import os, sys
import rekognition_xray as rx
import local_sessions

aws = rx.Aws(session=local_sessions.local())
calls = os.open(sys.argv[2], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
for client in (aws.rekognition, aws.rekognition_once):
    events = client.meta.events
    detect = "call.rekognition.DetectCustomLabels"
    events.register("before-" + detect, lambda **_: os.write(calls, b"+") and None)
    events.register("after-" + detect, lambda **_: os.write(calls, b"-") and None)
version = rx.ModelVersion.from_arn(sys.argv[1], aws=aws)
paths = open(sys.argv[3], encoding="utf-8").read().split("\\n")
for _ in rx.Diagnoser(version).diagnose_many(paths, journal=sys.argv[4]):
    pass
"""


def kill_and_continue(clinic, folder, monkeypatch, *, images, kills, dice):
    """A run that is killed so often, and then ends: its journal, calls, and calls cut off."""
    monkeypatch.setenv("TEST_LOCAL_CLOUD", clinic.cloud.endpoint_url)
    monkeypatch.setenv("PYTHONPATH", str(HERE))
    paths = many(folder / "images", images)
    (folder / "paths").write_text("\n".join(map(str, paths)), "utf-8")
    calls, journal = folder / "calls", folder / "journal.jsonl"
    command = [sys.executable, "-c", CHILD, clinic.version.arn, calls, folder / "paths", journal]
    cut = 0
    for kill in range(kills + 1):
        with subprocess.Popen(command) as child:
            if kill < kills:
                wanted = dice(kill)
                while (journal.stat().st_size if journal.exists() else 0) < wanted:
                    assert child.poll() is None
                    time.sleep(0.002)
                child.send_signal(signal.SIGKILL)
            child.wait()
        log = calls.read_text()
        if kill < kills:
            cut += log.count("+") - log.count("-") - cut
    assert child.returncode == 0
    asked = calls.read_text().count("+")
    sources = [one["source"] for one in entries(journal)]
    return sorted(map(str, paths)), sorted(sources), asked, cut


@pytest.mark.heavy
def test_a_run_killed_three_times_asks_again_only_what_was_under_way(clinic, tmp_path, monkeypatch):
    images, found, asked, cut = kill_and_continue(
        clinic, tmp_path, monkeypatch, images=150, kills=3, dice=lambda kill: 20_000 * (kill + 1)
    )
    assert found == images
    assert asked - 150 <= cut + 3 * 4  # answered, and killed before the line was written


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
