"""Where images are prepared: threads, processes, Dask; and DICOM."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context

import pytest

import rekognition_xray as rx
from rekognition_xray.data.dataset.prepared import PrepareProgress
from rekognition_xray.data.images import ImageOptions
from rekognition_xray.data.preparing import LEDGER, read_ledger
from rekognition_xray.errors import AuditError, DataError, MissingExtraError, PreparedFolderError

from .conftest import read, results

ALLOWED = ImageOptions(allow_burned_in=True)


@contextmanager
def threads() -> Iterator[Executor]:
    with ThreadPoolExecutor(3) as pool:
        yield pool


@contextmanager
def processes() -> Iterator[Executor]:
    with ProcessPoolExecutor(2, get_context("spawn")) as pool:
        yield pool


@contextmanager
def cluster() -> Iterator[Executor]:
    distributed = pytest.importorskip("distributed", reason="needs the extra scale")
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
        ) as two,
        distributed.Client(two) as client,
    ):
        yield client.get_executor()


EXECUTORS = [
    threads,
    pytest.param(processes, marks=pytest.mark.heavy),
    pytest.param(cluster, marks=pytest.mark.heavy),
]


@pytest.mark.parametrize("workers", EXECUTORS)
def test_every_executor_gives_the_same_tells_of_bad_images_and_knows_what_is_done(
    workers, dataset, folder, tmp_path, write
):
    expected = dataset.prepare(tmp_path / "expected")
    bad = write("NORMAL/IM-0999-0001.jpeg", b"just text")
    with workers() as executor:
        with pytest.raises(AuditError) as caught:
            read(write).prepare(folder, executor=executor)
        bad.unlink()
        again = dataset.prepare(folder, executor=executor)
        (folder / LEDGER).unlink()
        anew = dataset.prepare(folder, executor=executor)
        assert executor.submit(int, "1").result() == 1  # it is the caller's, and still open
    assert caught.value.paths == (bad,)
    assert results(folder) == results(expected.folder)
    assert (again.cached, anew.made) == (12, 12)
    assert [item.sha256 for item in anew] == [item.sha256 for item in expected]


@pytest.mark.heavy
def test_a_full_disk_in_a_process_is_reported_as_here(dataset, folder):
    folder.mkdir()
    rx.XrayDataset(()).prepare(folder)
    with processes() as executor:
        for number in range(256):
            (folder / f"{number:02x}").write_bytes(b"a file where a folder should be")
        with pytest.raises(PreparedFolderError, match="0 of 12 images"):
            dataset.prepare(folder, executor=executor)


@pytest.mark.heavy
def test_workers_that_die_are_reported_with_what_is_left_to_do(dataset, folder):
    rx.XrayDataset(dataset.images[:3]).prepare(folder)
    dying = ProcessPoolExecutor(1, get_context("spawn"), initializer=os._exit, initargs=(3,))
    with dying as executor, pytest.raises(DataError, match="3 of 12 images are done") as caught:
        dataset.prepare(folder, executor=executor)
    assert caught.value.paths == tuple(image.path for image in dataset.images[3:])
    assert dataset.prepare(folder).cached == 3


def test_progress_is_reported_from_nothing_to_all(dataset, folder, write):
    write("NORMAL/IM-0999-0001.jpeg", b"just text")
    rx.XrayDataset(dataset.images[:3]).prepare(folder)
    output: list[PrepareProgress] = []
    with pytest.raises(AuditError):
        read(write).prepare(folder, progress=output.append)
    assert output[0] == PrepareProgress(done=3, total=13, cached=3, bad=0)
    assert output[-1] == PrepareProgress(done=13, total=13, cached=3, bad=1)
    assert [record.done for record in output] == sorted(record.done for record in output)


def test_a_bar_can_be_asked_for(dataset, folder, capsys):
    dataset.prepare(folder, progress=True)
    assert "12/12" in capsys.readouterr().err


def test_nothing_is_printed_unless_asked_for(dataset, folder, capsys):
    dataset.prepare(folder)
    assert capsys.readouterr() == ("", "")


def dicom(number: int, **tags: str) -> bytes:
    pydicom = pytest.importorskip("pydicom", reason="needs the extra dicom")
    made = pydicom.Dataset()
    made.file_meta = pydicom.dataset.FileMetaDataset()
    made.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    made.SOPClassUID = pydicom.uid.ComputedRadiographyImageStorage
    made.SOPInstanceUID = f"1.2.3.{number + 1}"
    made.Modality, made.PhotometricInterpretation = "CR", "MONOCHROME2"
    made.SamplesPerPixel, made.PixelRepresentation = 1, 0
    made.BitsAllocated, made.BitsStored, made.HighBit = 8, 8, 7
    made.Rows, made.Columns = 70, 80
    for keyword, value in tags.items():
        setattr(made, keyword, value)
    made.PixelData = bytes((number + at) % 251 for at in range(70 * 80))
    buffer = io.BytesIO()
    made.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


@pytest.fixture
def dicoms(write) -> rx.XrayDataset:
    """Two plain images, one that says it shows text, and one that does not say that it does not."""
    for number, tags in enumerate(
        ({}, {}, {"BurnedInAnnotation": "YES"}, {"ConversionType": "WSD"})
    ):
        write(f"NORMAL/IM-{number:04}-0001.dcm", dicom(number, **tags))
    return read(write)


def test_dicom_becomes_png_and_its_ledger_tells_what_read_it(write, folder):
    write("NORMAL/IM-0001-0001.dcm", dicom(1))
    write("NORMAL/IM-0002-0001.jpeg")
    image, picture = read(write).prepare(folder)
    assert (image.extension, picture.extension) == ("png", "jpg")
    entries = {entry.image: entry for entry in read_ledger(folder)}
    by = {name: [part.split()[0] for part in entry.software] for name, entry in entries.items()}
    assert "pydicom" in by["NORMAL/IM-0001-0001.dcm"]
    assert "pydicom" not in by["NORMAL/IM-0002-0001.jpeg"]
    assert read(write).prepare(folder).cached == 2


def test_images_that_may_show_a_name_are_bad_images_and_the_way_out_is_reported(dicoms, folder):
    with pytest.raises(AuditError) as caught:
        dicoms.prepare(folder)
    assert caught.value.paths == (dicoms.images[2].path, dicoms.images[3].path)
    assert caught.value.message.count("[burned-in]") == 2
    assert "allow_burned_in=True" in caught.value.hint
    assert "held='leave-out'" in caught.value.hint
    assert len(results(folder)) == 2


def test_images_that_may_show_a_name_can_be_left_out_and_are_named(dicoms, folder):
    prepared = dicoms.prepare(folder, held="leave-out")
    assert [item.image for item in prepared.held] == list(dicoms.images[2:])
    assert all("burned in" in item.reason for item in prepared.held)
    assert prepared.dataset.images == dicoms.images[:2] == tuple(item.image for item in prepared)
    assert (prepared.made, len(results(folder))) == (2, 2)
    assert repr(prepared).endswith("2 made, 2 held back>")


def test_leaving_images_out_does_not_hide_other_bad_images(dicoms, folder, write):
    bad = write("NORMAL/IM-0999-0001.jpeg", b"just text")
    with pytest.raises(AuditError) as caught:
        read(write).prepare(folder, held="leave-out")
    assert caught.value.paths == (bad,)
    assert "leave-out" not in caught.value.hint


def test_images_that_may_show_a_name_can_be_allowed_and_the_ledger_tells(dicoms, folder):
    assert dicoms.with_options(ALLOWED).prepare(folder).made == 4
    assert {entry.options for entry in read_ledger(folder)} == {ALLOWED}
    assert dicoms.with_options(ALLOWED).prepare(folder).cached == 4


def test_what_was_allowed_once_is_not_allowed_for_ever(dicoms, folder):
    dicoms.with_options(ALLOWED).prepare(folder)
    with pytest.raises(AuditError, match="2 of 4"):
        dicoms.prepare(folder)
    assert dicoms.prepare(folder, held="leave-out").cached == 2
    assert dicoms.with_options(ALLOWED).prepare(folder).cached == 4


def test_dicom_without_its_extra_is_reported_once(dicoms, folder, monkeypatch):
    for name in [name for name in sys.modules if name.startswith("rekognition_xray.data.images.d")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "pydicom", None)
    with pytest.raises(MissingExtraError, match="'dicom'"):
        dicoms.prepare(folder)
