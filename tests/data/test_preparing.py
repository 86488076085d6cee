from __future__ import annotations

import errno
import hashlib
import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path

import attrs
import pytest

import rekognition_xray as rx
from rekognition_xray.data import developing, images, prepare_run
from rekognition_xray.data.ledger import LEDGER, Ledger, LedgerEntry, read_ledger
from rekognition_xray.data.preparing import PrepareProgress, prepare
from rekognition_xray.errors import AuditError, DataError, MissingExtraError, PreparedFolderError

Opened = list[str]


@pytest.fixture
def dataset(write) -> rx.XrayDataset:
    """Twelve films: eleven of them differ, two show the same picture."""
    for number in range(11):
        write(f"NORMAL/IM-{number:04}-0001.jpeg")
    copied = write("NORMAL/IM-0000-0001.jpeg").read_bytes()
    write("NORMAL/IM-0000-0002.jpeg", copied)
    return read(write)


@pytest.fixture
def folder(tmp_path) -> Path:
    return tmp_path / "prepared"


@pytest.fixture
def opened(monkeypatch) -> Opened:
    """Names of the source files that were read, as they are read."""
    names: Opened = []
    read_file = developing.read_file

    def note(path: Path) -> bytes:
        names.append(path.name)
        return read_file(path)

    monkeypatch.setattr(developing, "read_file", note)
    return names


def read(write) -> rx.XrayDataset:
    return rx.XrayDataset.from_folder(write("a.txt", b"no film").parent)


def results(folder: Path) -> dict[str, bytes]:
    found = (path for path in folder.rglob("*") if path.is_file() and path.name != LEDGER)
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


# -- what it gives -------------------------------------------------------------------------------


def test_every_film_lies_under_its_content_as_the_one_function_makes_it(dataset, folder):
    for item in prepare(dataset, folder):
        made = images.prepare(item.film.path)
        assert item.file == folder / made.sha256[:2] / f"{made.sha256}.{made.extension}"
        assert item.file.read_bytes() == made.data
        assert (item.sha256, item.extension, item.size) == (made.sha256, "jpg", len(made.data))
        assert (item.width, item.height) == (made.width, made.height)


def test_the_files_come_in_the_order_of_the_films(dataset, folder):
    prepared = prepare(dataset, folder)
    assert tuple(item.film for item in prepared.files) == dataset.films
    assert tuple(prepared) == prepared.files
    assert len(prepared) == 12


def test_films_with_equal_pixels_are_written_once(dataset, folder):
    prepared = prepare(dataset, folder)
    assert len(results(folder)) == 11
    assert prepared.bytes == sum(map(len, results(folder).values()))


def test_the_datasets_method_is_the_same(dataset, folder):
    assert dataset.prepare(folder) == attrs.evolve(prepare(dataset, folder), made=12, cached=0)


def test_a_folder_may_be_named_by_text_and_relatively(dataset, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert prepare(dataset, "here").files[0].file.parents[1] == tmp_path / "here"


def test_a_folder_of_prepared_films_looks_empty_of_anything_else(dataset, folder):
    prepare(dataset, folder)
    assert list((folder / developing.UNFINISHED).iterdir()) == []
    assert {path.suffix for path in folder.rglob("*.*") if path.is_file()} == {".jpg", ".jsonl"}


def test_a_dataset_of_nothing_is_prepared(folder):
    assert prepare(rx.XrayDataset(()), folder).files == ()


def test_printed_it_tells_counts(dataset, folder):
    prepared = prepare(dataset, folder)
    assert repr(prepared) == f"<Prepared of 12 films in {folder}: 12 made>"
    assert str(prepared).startswith(f"12 films lie prepared in {folder}, ")
    assert "12 made, 0 known" in str(prepared)


def test_as_plain_data_it_tells_films_and_bytes(dataset, folder):
    prepared = prepare(dataset, folder)
    told = prepared.to_dict()
    assert told == json.loads(json.dumps(told))
    assert told == {
        **dataset.tally(),
        "folder": str(folder),
        "made": 12,
        "cached": 0,
        "bytes": prepared.bytes,
        "held": [],
    }


# -- the ledger ----------------------------------------------------------------------------------


def test_the_ledger_tells_of_each_film_where_it_comes_from_and_what_was_made(dataset, folder):
    prepared = {item.film.name: item for item in prepare(dataset, folder)}
    ledger = read_ledger(folder)
    assert sorted(entry.film for entry in ledger) == sorted(prepared)
    for entry in ledger:
        item = prepared[entry.film]
        source = item.film.path.read_bytes()
        assert entry.source_sha256 == hashlib.sha256(source).hexdigest()
        assert (entry.source_size, entry.path) == (len(source), str(item.film.path))
        assert (entry.sha256, entry.size) == (item.sha256, item.size)
        assert entry.steps == images.prepare(item.film.path).steps
        assert [name.split()[0] for name in entry.software] == ["rekognition-xray", "Pillow"]


def test_a_repeat_adds_nothing_to_the_ledger(dataset, folder):
    prepare(dataset, folder)
    before = (folder / LEDGER).read_bytes()
    prepare(dataset, folder)
    assert (folder / LEDGER).read_bytes() == before


def test_a_damaged_ledger_is_told_and_nothing_is_changed(dataset, folder):
    prepare(dataset, folder)
    (folder / LEDGER).write_text("damaged\n")
    with pytest.raises(DataError, match="line 1"):
        prepare(dataset, folder)
    assert (folder / LEDGER).read_text() == "damaged\n"


# -- repeats -------------------------------------------------------------------------------------


def test_a_repeat_opens_no_film(dataset, folder, opened):
    first = prepare(dataset, folder)
    assert len(opened) == 12
    again = prepare(dataset, folder)
    assert len(opened) == 12
    assert (first.made, first.cached, again.made, again.cached) == (12, 0, 0, 12)
    assert again.files == first.files


def test_a_repeat_reads_no_pixels_even_where_they_are_gone(dataset, folder):
    first = prepare(dataset, folder)
    for film in dataset:
        was = film.path.stat()
        film.path.write_bytes(bytes(was.st_size))
        os.utime(film.path, ns=(was.st_atime_ns, was.st_mtime_ns))
    assert prepare(dataset, folder).files == first.files


@pytest.mark.parametrize(
    "change",
    [
        lambda path: path.write_bytes(path.read_bytes() + b"more"),
        lambda path: os.utime(path, ns=(0, 10**18)),
    ],
    ids=["another size", "another time"],
)
def test_a_film_that_changed_is_prepared_again(dataset, folder, opened, change):
    prepare(dataset, folder)
    opened.clear()
    change(dataset.films[3].path)
    again = prepare(dataset, folder)
    assert opened == [dataset.films[3].path.name]
    assert (again.made, again.cached) == (1, 11)


@pytest.mark.parametrize("harm", [Path.unlink, lambda file: file.write_bytes(b"")])
def test_a_result_that_is_gone_or_cut_is_made_again(dataset, folder, opened, harm):
    file = prepare(dataset, folder).files[5].file
    before = file.read_bytes()
    opened.clear()
    harm(file)
    prepare(dataset, folder)
    assert opened == [dataset.films[5].path.name]
    assert file.read_bytes() == before


def test_another_software_prepares_everything_again(dataset, folder, opened, monkeypatch):
    prepare(dataset, folder)
    opened.clear()
    for module in (developing, prepare_run):
        monkeypatch.setattr(module, "software", lambda *, dicom: ("rekognition-xray 99",))
    assert prepare(dataset, folder).made == 12
    assert prepare(dataset, folder).cached == 12
    assert len(opened) == 12


def test_without_its_ledger_a_folder_is_filled_anew(dataset, folder):
    first = prepare(dataset, folder)
    (folder / LEDGER).unlink()
    again = prepare(dataset, folder)
    assert (again.made, again.files) == (12, first.files)


def test_the_same_film_by_another_name_of_its_folder_is_known(dataset, folder, monkeypatch):
    prepare(dataset, folder)
    monkeypatch.chdir(dataset.films[0].path.parents[1])
    assert prepare(rx.XrayDataset.from_folder("."), folder).cached == 12


def test_half_written_files_of_a_killed_run_are_swept_away(dataset, folder):
    unfinished = folder / developing.UNFINISHED
    unfinished.mkdir(parents=True)
    (unfinished / "old").write_bytes(b"half")
    os.utime(unfinished / "old", (0, time.time() - 4000))
    (unfinished / "of a run beside this one").write_bytes(b"half")
    prepare(dataset, folder)
    assert [path.name for path in unfinished.iterdir()] == ["of a run beside this one"]


# -- what goes wrong -----------------------------------------------------------------------------


def test_all_bad_films_are_told_together_and_the_others_are_kept(dataset, folder, write, opened):
    bad = {
        write("NORMAL/IM-0101-0001.jpeg", b"just text"): "not-an-image",
        write("NORMAL/IM-0102-0001.jpeg", b""): "zero-bytes",
        write("NORMAL/IM-0103-0001.jpeg", dataset.films[0].path.read_bytes()[:400]): "truncated",
    }
    dataset = read(write)
    missing = write("NORMAL/IM-0104-0001.jpeg", b"soon gone")
    films = [*dataset.films, rx.Xray(missing, "normal")]
    missing.unlink()
    with pytest.raises(AuditError, match="4 of 16 films") as caught:
        prepare(rx.XrayDataset(films), folder)
    assert set(caught.value.paths) == {*bad, missing}
    for path, code in [*bad.items(), (missing, "missing")]:
        assert f"[{code}] {path}" in caught.value.message
    opened.clear()
    kept = [film for film in dataset if film.path not in bad]
    assert prepare(rx.XrayDataset(kept), folder).cached == 12
    assert opened == []


def test_a_film_in_s3_is_told_with_the_others(dataset, folder):
    films = (*dataset.films, rx.Xray("s3://bucket/a.jpg", "normal"))
    with pytest.raises(AuditError, match=r"s3://bucket/a\.jpg: it lies in S3"):
        prepare(rx.XrayDataset(films), folder)


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


def test_a_full_disk_is_told_and_leaves_nothing_half_and_a_second_run_completes(
    dataset, folder, full_after, monkeypatch, opened
):
    full_after(5)
    with ThreadPoolExecutor(1) as one, pytest.raises(PreparedFolderError) as caught:
        prepare(dataset, folder, executor=one)
    assert "No space left on device. 6 of 12 films are prepared" in caught.value.message
    assert caught.value.paths == (folder,)
    assert isinstance(caught.value, OSError)
    assert len(results(folder)) == 5
    monkeypatch.undo()
    again = prepare(dataset, folder)
    assert (again.made, again.cached) == (6, 6)
    for item in again:
        assert hashlib.sha256(item.file.read_bytes()).hexdigest() == item.sha256


def test_a_disk_too_full_for_the_ledger_is_told_and_a_second_run_completes(
    dataset, folder, monkeypatch
):
    whole = Ledger.append

    def half(ledger: Ledger, entries: Iterable[LedgerEntry]) -> None:
        whole(ledger, entries)
        size = ledger.path.stat().st_size
        os.truncate(ledger.path, size - 100)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Ledger, "append", half)
    with pytest.raises(PreparedFolderError, match=r"No space left.*\. 0 of 12 films"):
        prepare(dataset, folder)
    monkeypatch.undo()
    again = prepare(dataset, folder)
    assert again.cached > 0
    assert again.made + again.cached == 12
    assert {entry.film for entry in read_ledger(folder)} == {film.name for film in dataset}


def test_a_folder_that_cannot_be_made_is_told(dataset, tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(PreparedFolderError, match="file"):
        prepare(dataset, tmp_path / "file" / "folder")


def test_a_second_run_after_sigkill_prepares_only_what_is_left(dataset, folder, write):
    program = f"""
import os, signal
import rekognition_xray as rx
def kill(progress):
    if progress.done:
        os.kill(os.getpid(), signal.SIGKILL)
rx.XrayDataset.from_folder({str(dataset.films[0].path.parents[1])!r}).prepare(
    {str(folder)!r}, progress=kill
)
"""
    done = subprocess.run([sys.executable, "-c", program], check=False)
    assert done.returncode == -signal.SIGKILL
    again = prepare(dataset, folder)
    assert again.cached == 4  # what one worker gets at a time
    assert again.made + again.cached == 12
    for item in again:
        assert hashlib.sha256(item.file.read_bytes()).hexdigest() == item.sha256


def _prepared_by_a_process(folder: str, source: str, gate: str) -> tuple[int, int]:
    dataset = rx.XrayDataset.from_folder(source)
    Path(gate, str(os.getpid())).touch()
    while len(list(Path(gate).iterdir())) < 2:  # both begin at the same moment
        time.sleep(0.001)
    prepared = prepare(dataset, folder)
    return len(prepared.files), prepared.made + prepared.cached


@pytest.mark.heavy
@pytest.mark.parametrize("cut", [False, True])
def test_two_processes_at_once_leave_a_right_folder_and_a_whole_ledger(
    dataset, folder, write, tmp_path, cut
):
    source = write("a.txt", b"no film").parent
    for number in range(11, 60):
        write(f"NORMAL/IM-{number:04}-0001.jpeg")
    if cut:  # of a third one, which was killed
        prepare(dataset, folder)
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
    films = rx.XrayDataset.from_folder(source)
    assert {entry.path for entry in read_ledger(folder)} == {str(film.path) for film in films}
    for item in prepare(films, folder):
        assert hashlib.sha256(item.file.read_bytes()).hexdigest() == item.sha256
    assert prepare(films, folder).made == 0
    assert not list((folder / ".unfinished").iterdir())


def test_what_is_raised_while_progress_is_told_stops_the_run_and_keeps_what_is_done(
    dataset, folder
):
    def stop(progress: PrepareProgress) -> None:
        if progress.done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        prepare(dataset, folder, progress=stop)
    assert prepare(dataset, folder).cached >= 4


# -- where it is done ----------------------------------------------------------------------------


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
def test_every_executor_gives_the_same_tells_of_bad_films_and_knows_what_is_done(
    workers, dataset, folder, tmp_path, write
):
    expected = prepare(dataset, tmp_path / "expected")
    bad = write("NORMAL/IM-0999-0001.jpeg", b"just text")
    with workers() as executor:
        with pytest.raises(AuditError) as caught:
            prepare(read(write), folder, executor=executor)
        bad.unlink()
        again = prepare(dataset, folder, executor=executor)
        (folder / LEDGER).unlink()
        anew = prepare(dataset, folder, executor=executor)
        assert executor.submit(int, "1").result() == 1  # it is the caller's, and still open
    assert caught.value.paths == (bad,)
    assert results(folder) == results(expected.folder)
    assert (again.cached, anew.made) == (12, 12)
    assert [item.sha256 for item in anew] == [item.sha256 for item in expected]


@pytest.mark.heavy
def test_a_full_disk_in_a_process_is_told_as_here(dataset, folder):
    folder.mkdir()
    prepare(rx.XrayDataset(()), folder)
    with processes() as executor:
        for number in range(256):
            (folder / f"{number:02x}").write_bytes(b"a file where a folder should be")
        with pytest.raises(PreparedFolderError, match="0 of 12 films"):
            prepare(dataset, folder, executor=executor)


@pytest.mark.heavy
def test_workers_that_die_are_told_with_what_is_left_to_do(dataset, folder):
    prepare(rx.XrayDataset(dataset.films[:3]), folder)
    dying = ProcessPoolExecutor(1, get_context("spawn"), initializer=os._exit, initargs=(3,))
    with dying as executor, pytest.raises(DataError, match="3 of 12 films are done") as caught:
        prepare(dataset, folder, executor=executor)
    assert caught.value.paths == tuple(film.path for film in dataset.films[3:])
    assert prepare(dataset, folder).cached == 3


def test_progress_is_told_from_nothing_to_all(dataset, folder, write):
    write("NORMAL/IM-0999-0001.jpeg", b"just text")
    prepare(rx.XrayDataset(dataset.films[:3]), folder)
    told: list[PrepareProgress] = []
    with pytest.raises(AuditError):
        prepare(read(write), folder, progress=told.append)
    assert told[0] == PrepareProgress(done=3, total=13, cached=3, bad=0)
    assert told[-1] == PrepareProgress(done=13, total=13, cached=3, bad=1)
    assert [record.done for record in told] == sorted(record.done for record in told)


def test_a_bar_can_be_asked_for(dataset, folder, capsys):
    prepare(dataset, folder, progress=True)
    assert "12/12" in capsys.readouterr().err


def test_nothing_is_printed_unless_asked_for(dataset, folder, capsys):
    prepare(dataset, folder)
    assert capsys.readouterr() == ("", "")


# -- DICOM ---------------------------------------------------------------------------------------


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
    """Two plain films, one that says it shows text, and one that does not say that it does not."""
    for number, tags in enumerate(
        ({}, {}, {"BurnedInAnnotation": "YES"}, {"ConversionType": "WSD"})
    ):
        write(f"NORMAL/IM-{number:04}-0001.dcm", dicom(number, **tags))
    return read(write)


def test_dicom_becomes_png_and_its_ledger_tells_what_read_it(write, folder):
    write("NORMAL/IM-0001-0001.dcm", dicom(1))
    write("NORMAL/IM-0002-0001.jpeg")
    film, picture = prepare(read(write), folder)
    assert (film.extension, picture.extension) == ("png", "jpg")
    entries = {entry.film: entry for entry in read_ledger(folder)}
    by = {name: [part.split()[0] for part in entry.software] for name, entry in entries.items()}
    assert "pydicom" in by["NORMAL/IM-0001-0001.dcm"]
    assert "pydicom" not in by["NORMAL/IM-0002-0001.jpeg"]
    assert prepare(read(write), folder).cached == 2


def test_films_that_may_show_a_name_are_bad_films_and_the_way_out_is_told(dicoms, folder):
    with pytest.raises(AuditError) as caught:
        prepare(dicoms, folder)
    assert caught.value.paths == (dicoms.films[2].path, dicoms.films[3].path)
    assert caught.value.message.count("[burned-in]") == 2
    assert "allow_burned_in=True" in caught.value.hint
    assert "held='leave-out'" in caught.value.hint
    assert len(results(folder)) == 2


def test_films_that_may_show_a_name_can_be_left_out_and_are_named(dicoms, folder):
    prepared = prepare(dicoms, folder, held="leave-out")
    assert [item.film for item in prepared.held] == list(dicoms.films[2:])
    assert all("burned in" in item.reason for item in prepared.held)
    assert prepared.dataset.films == dicoms.films[:2] == tuple(item.film for item in prepared)
    assert (prepared.made, len(results(folder))) == (2, 2)
    assert repr(prepared).endswith("2 made, 2 held back>")


def test_leaving_films_out_does_not_hide_other_bad_films(dicoms, folder, write):
    bad = write("NORMAL/IM-0999-0001.jpeg", b"just text")
    with pytest.raises(AuditError) as caught:
        prepare(read(write), folder, held="leave-out")
    assert caught.value.paths == (bad,)
    assert "leave-out" not in caught.value.hint


def test_films_that_may_show_a_name_can_be_allowed_and_the_ledger_tells(dicoms, folder):
    assert prepare(dicoms, folder, allow_burned_in=True).made == 4
    assert {entry.allow_burned_in for entry in read_ledger(folder)} == {True}
    assert prepare(dicoms, folder, allow_burned_in=True).cached == 4


def test_what_was_allowed_once_is_not_allowed_for_ever(dicoms, folder):
    prepare(dicoms, folder, allow_burned_in=True)
    with pytest.raises(AuditError, match="2 of 4"):
        prepare(dicoms, folder)
    assert prepare(dicoms, folder, held="leave-out").cached == 2
    assert prepare(dicoms, folder, allow_burned_in=True).cached == 4


def test_dicom_without_its_extra_is_told_once(dicoms, folder, monkeypatch):
    monkeypatch.delitem(sys.modules, "rekognition_xray.data.dicom", raising=False)
    monkeypatch.setitem(sys.modules, "pydicom", None)
    with pytest.raises(MissingExtraError, match="'dicom'"):
        prepare(dicoms, folder)
