"""What goes wrong in preparing: bad images, full disks, kills, two at once."""

from __future__ import annotations

import errno
import hashlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest

import rekognition_xray as rx
from rekognition_xray.data.dataset.prepared import PrepareProgress
from rekognition_xray.data.preparing import LEDGER, LedgerEntry, read_ledger
from rekognition_xray.data.preparing.ledger import Ledger
from rekognition_xray.errors import AuditError, PreparedFolderError

from .conftest import read, results


def test_all_bad_images_are_reported_together_and_the_others_are_kept(
    dataset, folder, write, opened
):
    bad = {
        write("NORMAL/IM-0101-0001.jpeg", b"just text"): "not-an-image",
        write("NORMAL/IM-0102-0001.jpeg", b""): "zero-bytes",
        write("NORMAL/IM-0103-0001.jpeg", dataset.images[0].path.read_bytes()[:400]): "truncated",
    }
    dataset = read(write)
    missing = write("NORMAL/IM-0104-0001.jpeg", b"soon gone")
    images = [*dataset.images, rx.Xray(missing, "normal")]
    missing.unlink()
    with pytest.raises(AuditError, match="4 of 16 images") as caught:
        rx.XrayDataset(images).prepare(folder)
    assert set(caught.value.paths) == {*bad, missing}
    for path, code in [*bad.items(), (missing, "missing")]:
        assert f"[{code}] {path}" in caught.value.message
    opened.clear()
    kept = [image for image in dataset if image.path not in bad]
    assert rx.XrayDataset(kept).prepare(folder).cached == 12
    assert opened == []


def test_an_image_in_s3_is_reported_with_the_others(dataset, folder):
    images = (*dataset.images, rx.Xray("s3://bucket/a.jpg", "normal"))
    with pytest.raises(AuditError, match=r"s3://bucket/a\.jpg: it lies in S3"):
        rx.XrayDataset(images).prepare(folder)


@pytest.fixture
def full_after(monkeypatch) -> Callable[[int], None]:
    """full_after(n): the disk takes n more files, and half of the next."""

    def fill(room: int) -> None:
        left, write_bytes = [room], Path.write_bytes

        def write(path: Path, data: bytes) -> int:
            left[0] -= 1
            if left[0] >= 0:
                return write_bytes(path, data)
            write_bytes(path, data[: len(data) // 2])
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        monkeypatch.setattr(Path, "write_bytes", write)

    return fill


def test_a_full_disk_is_reported_and_leaves_nothing_half_and_a_second_run_completes(
    dataset, folder, full_after, monkeypatch, opened
):
    full_after(5)
    with ThreadPoolExecutor(1) as one, pytest.raises(PreparedFolderError) as caught:
        dataset.prepare(folder, executor=one)
    assert "No space left on device. 6 of 12 images are prepared" in caught.value.message
    assert caught.value.paths == (folder,)
    assert isinstance(caught.value, OSError)
    assert len(results(folder)) == 5
    monkeypatch.undo()
    again = dataset.prepare(folder)
    assert (again.made, again.cached) == (6, 6)
    for item in again:
        assert hashlib.sha256(item.file.read_bytes()).hexdigest() == item.sha256


def test_a_disk_too_full_for_the_ledger_is_reported_and_a_second_run_completes(
    dataset, folder, monkeypatch
):
    whole = Ledger.append

    def half(ledger: Ledger, entries: Iterable[LedgerEntry]) -> None:
        whole(ledger, entries)
        size = ledger.path.stat().st_size
        os.truncate(ledger.path, size - 100)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Ledger, "append", half)
    with pytest.raises(PreparedFolderError, match=r"No space left.*\. 0 of 12 images"):
        dataset.prepare(folder)
    monkeypatch.undo()
    again = dataset.prepare(folder)
    assert again.cached > 0
    assert again.made + again.cached == 12
    assert {entry.image for entry in read_ledger(folder)} == {image.name for image in dataset}


def test_a_folder_that_cannot_be_made_is_reported(dataset, tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(PreparedFolderError, match="file"):
        dataset.prepare(tmp_path / "file" / "folder")


def test_a_second_run_after_sigkill_prepares_only_what_is_left(dataset, folder, write):
    program = f"""
import os, signal
import rekognition_xray as rx
def kill(progress):
    if progress.done:
        os.kill(os.getpid(), signal.SIGKILL)
rx.XrayDataset.from_folder({str(dataset.images[0].path.parents[1])!r}).prepare(
    {str(folder)!r}, progress=kill
)
"""
    done = subprocess.run([sys.executable, "-c", program], check=False)
    assert done.returncode == -signal.SIGKILL
    again = dataset.prepare(folder)
    assert again.cached == 4  # what one worker gets at a time
    assert again.made + again.cached == 12
    for item in again:
        assert hashlib.sha256(item.file.read_bytes()).hexdigest() == item.sha256


def _prepared_by_a_process(folder: str, source: str, gate: str) -> tuple[int, int]:
    dataset = rx.XrayDataset.from_folder(source)
    Path(gate, str(os.getpid())).touch()
    while len(list(Path(gate).iterdir())) < 2:  # both begin at the same moment
        time.sleep(0.001)
    prepared = dataset.prepare(folder)
    return len(prepared.files), prepared.made + prepared.cached


@pytest.mark.heavy
@pytest.mark.parametrize("cut", [False, True])
def test_two_processes_at_once_leave_a_right_folder_and_a_whole_ledger(
    dataset, folder, write, tmp_path, cut
):
    source = write("a.txt", b"no image").parent
    for number in range(11, 60):
        write(f"NORMAL/IM-{number:04}-0001.jpeg")
    if cut:  # of a third one, which was killed
        dataset.prepare(folder)
        whole = (folder / LEDGER).read_bytes()
        (folder / LEDGER).write_bytes(whole[:-20])
    gate = tmp_path / "gate"
    gate.mkdir()
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        runs = [
            pool.submit(_prepared_by_a_process, str(folder), str(source), str(gate))
            for _ in range(2)
        ]
        assert [run.result() for run in runs] == [(61, 61), (61, 61)]
    images = rx.XrayDataset.from_folder(source)
    assert {entry.path for entry in read_ledger(folder)} == {str(image.path) for image in images}
    for item in images.prepare(folder):
        assert hashlib.sha256(item.file.read_bytes()).hexdigest() == item.sha256
    assert images.prepare(folder).made == 0
    assert not list((folder / ".unfinished").iterdir())


def test_what_is_raised_while_progress_is_reported_stops_the_run_and_keeps_what_is_done(
    dataset, folder
):
    def stop(progress: PrepareProgress) -> None:
        if progress.done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        dataset.prepare(folder, progress=stop)
    assert dataset.prepare(folder).cached >= 4
