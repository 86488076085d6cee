"""How an audit tells what it found: errors, tables, frames, progress."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest

from rekognition_xray.data.dataset import Audit, Xray, XrayDataset
from rekognition_xray.errors import AuditError, DataError

from .conftest import Draw, Write, findings


def test_all_bad_files_are_reported_together(folder: Path, write: Write) -> None:
    bad = {
        write("NORMAL/IM-0900-0001.jpeg", b""),
        write("NORMAL/IM-0901-0001.jpeg", b"text"),
        write("NORMAL/scan.jpeg"),
    }
    result = XrayDataset.from_folder(folder).audit()
    with pytest.raises(AuditError) as caught:
        result.raise_for_errors()
    assert set(caught.value.paths) == bad
    for path in bad:
        assert str(path) in str(caught.value)


def test_warnings_alone_do_not_raise(folder: Path, write: Write, draw: Draw) -> None:
    write("NORMAL/IM-0900-0001.png", draw(5))
    write("NORMAL/IM-0901-0001.png", draw(5))
    result = XrayDataset.from_folder(folder).audit()
    assert "duplicate-files" in [finding.code for finding in result.warnings]
    result.raise_for_errors()


def test_errors_come_before_warnings(folder: Path, write: Write, draw: Draw) -> None:
    write("NORMAL/IM-0900-0001.png", draw(5, mode="RGB"))
    write("NORMAL/IM-0901-0001.jpeg", b"")
    write("NORMAL/scan.jpeg")
    severities = [finding.severity for finding in findings(folder).values()]
    assert severities == ["error", "error", "warning"]


def test_the_table_names_each_finding_its_first_files_and_what_to_do(
    folder: Path, write: Write
) -> None:
    paths = [write(f"NORMAL/IM-09{number:02}-0001.jpeg", b"") for number in range(5)]
    result = XrayDataset.from_folder(folder).audit()
    table = str(result)
    assert table.startswith("Audit of 35 images: 1 error, 0 warnings\n")
    assert "zero-bytes" in table
    assert str(paths[2]) in table
    assert str(paths[3]) not in table
    assert "… and 2 more" in table
    assert result.errors[0].advice in table


def test_progress_counts_up_to_all_images(folder: Path) -> None:
    output: list[tuple[int, int]] = []
    XrayDataset.from_folder(folder).audit(progress=lambda done, total: output.append((done, total)))
    assert output == sorted(output)
    assert output[-1] == (30, 30)


def test_a_bar_shows_on_request(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    XrayDataset.from_folder(folder).audit(progress=True)
    shown = capsys.readouterr()
    assert "30/30" in shown.err
    assert shown.out == ""


@pytest.mark.parametrize(
    "make",
    [
        lambda: ThreadPoolExecutor(1),
        lambda: ProcessPoolExecutor(1, mp_context=get_context("spawn")),
    ],
)
def test_an_executor_of_the_caller_is_used_and_left_open(
    folder: Path, make: Callable[[], Executor], write: Write, draw: Draw
) -> None:
    write("NORMAL/IM-0901-0001.jpeg", b"text")
    write("NORMAL/IM-0902-0001.png", draw(5))
    write("NORMAL/IM-0903-0001.png", draw(5))
    dataset = XrayDataset.from_folder(folder)
    with make() as pool:
        assert dataset.audit(executor=pool) == dataset.audit()
        assert pool.submit(int, "7").result() == 7


def test_images_in_s3_are_refused_all_together() -> None:
    far = [Xray(f"s3://bucket/{name}.png", "normal") for name in "ab"]
    with pytest.raises(DataError, match="2 of 2 images lie in S3") as caught:
        XrayDataset(far).audit()
    assert caught.value.paths == ("s3://bucket/a.png", "s3://bucket/b.png")
    assert "Fetch the images" in caught.value.hint


def test_an_empty_dataset_can_be_audited() -> None:
    result = XrayDataset(()).audit()
    assert str(result).startswith("Audit of 0 images")
    assert result.shortcuts == ()


def test_the_frame_has_a_row_for_each_file_and_finding(
    folder: Path, write: Write, draw: Draw
) -> None:
    pytest.importorskip("pandas", reason="needs the extra frames")
    write("NORMAL/IM-0900-0001.jpeg", b"")
    write("NORMAL/scan.jpeg")
    write("PNEUMONIA/person900_virus_1.jpeg", draw(5, mode="RGB"))
    result = XrayDataset.from_folder(folder).audit()
    frame = result.to_frame()
    assert list(frame) == ["code", "severity", "path", "note", "message", "advice"]
    assert len(frame) == sum(len(found.paths) or 1 for found in result.findings)
    (row,) = frame[frame.code == "zero-bytes"].itertuples(index=False)
    assert row.path == str(folder / "NORMAL/IM-0900-0001.jpeg")
    assert (row.severity, row.note) == ("error", "the file is empty")


def test_a_finding_on_the_whole_dataset_has_one_row_without_a_path(write: Write) -> None:
    pytest.importorskip("pandas", reason="needs the extra frames")
    path = write("NORMAL/IM-0001-0001.jpeg")
    frame = XrayDataset.from_folder(path.parent).audit().to_frame()
    assert frame[frame.code == "too-few-labels"].path.tolist() == [""]


def test_a_sound_audit_has_an_empty_frame() -> None:
    pytest.importorskip("pandas", reason="needs the extra frames")
    frame = Audit((), 0, dataset=XrayDataset(())).to_frame()
    assert len(frame) == 0
    assert "path" in frame


def test_the_real_originals_show_their_known_traps(audited_originals: Audit) -> None:
    assert audited_originals.errors == ()
    files = {finding.code: len(finding.paths) for finding in audited_originals.warnings}
    assert files == {"duplicate-files": 4, "rgb-among-grey": 20, "shortcut": 0}
    output = " ".join(finding.message for finding in audited_originals.warnings)
    for property_ in ("Width and height alone", "The size of the file alone", "The border alone"):
        assert property_ in output


@pytest.mark.parametrize("package", ["numpy", "scipy", "sklearn"])
def test_without_the_science_packages_an_audit_names_the_extra(folder: Path, package: str) -> None:
    code = f"""
import sys
sys.modules[{package!r}] = None
from rekognition_xray.errors import MissingExtraError
from rekognition_xray.data.dataset import XrayDataset
try:
    XrayDataset.from_folder({str(folder)!r}).audit()
except MissingExtraError as error:
    assert error.extra == "science", error
else:
    raise SystemExit("no error")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
