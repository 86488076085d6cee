"""What an audit finds."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from rekognition_xray.data.auditing import Finding
from rekognition_xray.data.dataset import XrayDataset
from rekognition_xray.data.images import ImageOptions, decode
from rekognition_xray.data.images.image import Decoded

from .conftest import Draw, Write, findings


def only(folder: Path, code: str, severity: str) -> Finding:
    found = findings(folder)
    assert list(found) == [code]
    assert found[code].severity == severity
    assert len(found[code].notes) in (0, len(found[code].paths))
    assert found[code].advice
    return found[code]


def test_a_sound_dataset_has_no_findings(folder: Path) -> None:
    assert findings(folder) == {}
    result = XrayDataset.from_folder(folder).audit()
    assert result.images == 30
    assert (result.errors, result.duplicates, result.unusable) == ((), (), ())
    result.raise_for_errors()


def cut(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()[:-200]


@pytest.mark.parametrize(
    ("code", "content"),
    [
        ("zero-bytes", lambda draw: b""),
        ("not-an-image", lambda draw: b"a text file called .jpeg"),
        ("truncated", lambda draw: cut(draw(1, (200, 200)))),
        ("unreadable", lambda draw: b"\x89PNG\r\n\x1a\n damaged"),
        ("over-limits", lambda draw: draw(1, (63, 200))),
        ("over-limits", lambda draw: draw(1, (100, 2001))),
    ],
)
def test_an_image_that_the_service_would_refuse_is_an_error(
    folder: Path, write: Write, draw: Draw, code: str, content: Callable[[Draw], object]
) -> None:
    path = write("NORMAL/IM-0900-0001.png", content(draw))
    assert only(folder, code, "error").paths == (path,)


def test_an_image_that_preparing_scales_down_is_a_warning(
    folder: Path, write: Write, draw: Draw
) -> None:
    path = write("NORMAL/IM-0900-0001.png", draw(1, (4097, 300)))
    finding = only(folder, "over-limits", "warning")
    assert finding.paths == (path,)
    assert "4096" in finding.notes[0]


def test_a_decompression_bomb_is_refused_unopened(folder: Path, write: Write) -> None:
    bomb = Image.new("1", (20_000, 20_000))
    path = write("NORMAL/IM-0900-0001.png", bomb)
    assert only(folder, "over-limits", "error").paths == (path,)


def test_a_pipe_among_the_images_does_not_hang_the_audit(folder: Path) -> None:
    dataset = XrayDataset.from_folder(folder)
    path = folder / "NORMAL/IM-0003-0001.jpeg"
    path.unlink()
    os.mkfifo(path)
    (finding,) = dataset.audit().errors
    assert (finding.code, finding.paths) == ("unreadable", (path,))


def test_a_file_that_may_not_be_read_is_an_error(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = folder / "NORMAL/IM-0003-0001.jpeg"
    read = Path.read_bytes

    def refuse(path: Path) -> bytes:
        if path == closed:
            raise PermissionError(13, "Permission denied")
        return read(path)

    monkeypatch.setattr(Path, "read_bytes", refuse)
    (finding,) = XrayDataset.from_folder(folder).audit().errors
    assert finding.code == "unreadable"
    assert finding.lines == (f"{closed}: Permission denied",)


@pytest.mark.parametrize("error", [MemoryError(), RecursionError("too deep"), ValueError("odd")])
def test_whatever_a_decoder_raises_is_a_finding_of_that_one_image(
    folder: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    broken = folder / "NORMAL/IM-0003-0001.jpeg"

    def explode(path: Path, *, options: ImageOptions) -> Decoded:
        if path == broken:
            raise error
        return decode(path, options=options)

    monkeypatch.setattr("rekognition_xray.data.auditing.looks.decode", explode)
    (finding,) = XrayDataset.from_folder(folder).audit().errors
    assert (finding.code, finding.paths) == ("unreadable", (broken,))
    assert finding.notes[0]


def test_a_file_that_vanished_is_an_error(folder: Path) -> None:
    dataset = XrayDataset.from_folder(folder)
    (folder / "NORMAL/IM-0003-0001.jpeg").unlink()
    (finding,) = dataset.audit().errors
    assert (finding.code, finding.paths) == ("missing", (folder / "NORMAL/IM-0003-0001.jpeg",))


def test_a_name_that_fits_no_pattern_is_an_error(folder: Path, write: Write) -> None:
    path = write("NORMAL/scan.jpeg")
    assert only(folder, "no-label", "error").paths == (path,)


def test_a_name_that_contradicts_its_folder_is_an_error(folder: Path, write: Write) -> None:
    path = write("NORMAL/person7_virus_3.jpeg")
    assert only(folder, "contradictory-labels", "error").paths == (path,)


def test_the_same_pixels_under_two_labels_are_an_error(
    folder: Path, write: Write, draw: Draw
) -> None:
    paths = (
        write("NORMAL/IM-0900-0001.png", draw(5)),
        write("PNEUMONIA/person900_virus_1.png", draw(5)),
    )
    finding = only(folder, "contradictory-labels", "error")
    assert finding.paths == paths
    assert str(paths[1]) in finding.notes[0]


def test_the_same_pixels_under_one_label_are_a_warning(
    folder: Path, write: Write, draw: Draw
) -> None:
    paths = (
        write("NORMAL/IM-0900-0001.png", draw(5)),
        write("NORMAL/IM-0901-0001.png", draw(5), compress_level=0),
    )
    assert only(folder, "duplicate-pixels", "warning").paths == paths


def test_the_same_file_under_one_label_is_distinguished_from_the_same_pixels(
    folder: Path, write: Write, draw: Draw
) -> None:
    paths = (
        write("NORMAL/IM-0900-0001.png", draw(5)),
        write("NORMAL/IM-0901-0001.png", draw(5)),
    )
    finding = only(folder, "duplicate-files", "warning")
    assert finding.paths == paths
    assert "same file" in finding.notes[0]
    (group,) = XrayDataset.from_folder(folder).audit().duplicates
    assert (group.kind, group.score) == ("file", 1)
    assert tuple(image.path for image in group.images) == paths


def test_of_many_copies_each_note_names_a_few(folder: Path, write: Write, draw: Draw) -> None:
    for number in range(9):
        write(f"NORMAL/IM-09{number:02}-0001.png", draw(5))
    finding = only(folder, "duplicate-files", "warning")
    assert "largest group has 9 images" in finding.message
    assert all(note.endswith("and 5 more") for note in finding.notes)


def test_a_copy_in_two_official_folders_is_a_warning_of_its_own(
    folder: Path, write: Write, draw: Draw
) -> None:
    paths = (
        write("test/NORMAL/IM-0900-0001.png", draw(5)),
        write("train/NORMAL/IM-0901-0001.png", draw(5)),
    )
    found = findings(folder)
    assert list(found) == ["duplicate-files", "duplicates-across-official-splits"]
    assert found["duplicates-across-official-splits"].paths == paths
    assert "in test" in found["duplicates-across-official-splits"].notes[0]


def test_a_grey_image_saved_in_colour_is_still_the_same_image(
    folder: Path, write: Write, draw: Draw
) -> None:
    write("NORMAL/IM-0900-0001.png", draw(5))
    write("NORMAL/IM-0901-0001.png", draw(5, mode="RGB"))
    assert "duplicate-pixels" in findings(folder)


def test_equal_bytes_of_another_shape_are_no_duplicate(folder: Path, write: Write) -> None:
    write("NORMAL/IM-0900-0001.png", Image.new("L", (80, 100), 7))
    write("NORMAL/IM-0901-0001.png", Image.new("L", (100, 80), 7))
    assert findings(folder).keys() == {"poor-contrast"}


def test_a_patient_in_two_official_folders_is_a_warning(folder: Path, write: Write) -> None:
    paths = (
        write("test/PNEUMONIA/person800_virus_2.jpeg"),
        write("train/PNEUMONIA/person800_bacteria_1.jpeg"),
    )
    write("train/PNEUMONIA/person801_bacteria_1.jpeg")
    finding = only(folder, "patients-across-official-splits", "warning")
    assert finding.paths == paths
    assert finding.notes == ("its patient is in test, train",) * 2


def test_one_label_only_is_a_warning(write: Write, tmp_path: Path) -> None:
    write("NORMAL/IM-0001-0001.jpeg")
    assert "normal" in only(tmp_path, "too-few-labels", "warning").message


def test_a_label_of_few_images_is_a_warning(folder: Path) -> None:
    (folder / "NORMAL/IM-0003-0001.jpeg").unlink()
    finding = only(folder, "few-images", "warning")
    assert len(finding.paths) == 9


def test_a_badly_imbalanced_set_is_a_warning(folder: Path, write: Write) -> None:
    for number in range(41):
        write(f"NORMAL/IM-{5000 + number}-0001.jpeg")
    assert "51" in only(folder, "imbalance", "warning").message


def test_colour_among_grey_is_a_warning_that_says_under_which_labels(
    folder: Path, write: Write, draw: Draw
) -> None:
    path = write("PNEUMONIA/person900_virus_1.jpeg", draw(5, mode="RGB"))
    finding = only(folder, "rgb-among-grey", "warning")
    assert finding.paths == (path,)
    assert "viral 1" in finding.message


def test_a_set_all_in_colour_needs_no_warning(write: Write, draw: Draw, tmp_path: Path) -> None:
    for number in range(10):
        write(f"IM-{number:04}-0001.png", draw(number, mode="RGB"))
        write(f"person{number}_virus_1.png", draw(100 + number, mode="RGB"))
    assert findings(tmp_path) == {}


def test_an_exif_orientation_is_a_warning(folder: Path, write: Write, draw: Draw) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    path = write("NORMAL/IM-0900-0001.jpeg", draw(5), exif=exif)
    assert only(folder, "exif-orientation", "warning").paths == (path,)


def test_an_extension_that_does_not_fit_the_content_is_a_warning(
    folder: Path, write: Write, draw: Draw
) -> None:
    path = write("NORMAL/IM-0900-0001.jpeg", draw(5), format="PNG")
    assert only(folder, "wrong-extension", "warning").paths == (path,)
