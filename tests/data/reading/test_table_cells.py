"""Tables as public sets write them: numbers for labels, lists in a cell, names without endings."""

from __future__ import annotations

from pathlib import Path

import pytest

import rekognition_xray as rx
from rekognition_xray.errors import DataError


def dataset(
    folder: Path, table: str, *names: str, file: str = "file", label: str = "label", **options
) -> rx.XrayDataset:
    """The images of a folder by a table without patients."""
    for name in names:
        (folder / "images" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "images" / name).write_bytes(b"x")
    (folder / "labels.csv").write_text(table, encoding="utf-8")
    rule = rx.TableNames.from_csv(
        folder / "labels.csv", file=file, label=label, patient=None, **options
    )
    return rx.XrayDataset.from_folder(folder / "images", names=rule)


def labels(read: rx.XrayDataset) -> dict[str, str]:
    return {image.name: image.label for image in read}


def reasons(read: rx.XrayDataset) -> str:
    return " ".join(item.reason for item in read.rejected)


@pytest.mark.parametrize("one", ["1", "1.0", "1.00"])
def test_numbers_become_labels_however_they_are_written(tmp_path: Path, one: str) -> None:
    table = f"file,label\na.png,{one}\nb.png,0.0\nc.png,-1.0\n"
    read = dataset(tmp_path, table, "a.png", "b.png", "c.png", labels={1: "sick", "0": "well"})
    assert labels(read) == {"a.png": "sick", "b.png": "well"}
    assert "labels= names no label for '-1'" in reasons(read)


def test_several_labels_in_a_cell_are_rejected_unless_it_is_said_what_becomes_of_them(
    tmp_path: Path,
) -> None:
    table = "file,label\na.png,Effusion|Pneumonia\nb.png,No Finding\n"
    names = ("a.png", "b.png")
    read = dataset(tmp_path, table, *names, separator="|")
    assert labels(read) == {"b.png": "No Finding"}
    assert "it gives 2 labels (Effusion, Pneumonia)" in reasons(read)
    assert labels(dataset(tmp_path, table, *names, separator="|", several="first")) == {
        "a.png": "Effusion",
        "b.png": "No Finding",
    }

    def pneumonia_first(found) -> str:
        return "Pneumonia" if "Pneumonia" in found else found[0]

    chosen = dataset(tmp_path, table, *names, separator="|", several=pneumonia_first)
    assert labels(chosen)["a.png"] == "Pneumonia"


def test_a_quoted_list_in_a_cell_is_read(tmp_path: Path) -> None:
    table = "file,label\na.png,\"['pneumonia', 'nodule']\"\nb.png,['normal']\n"
    read = dataset(tmp_path, table, "a.png", "b.png", separator=",", several="first")
    assert labels(read) == {"a.png": "pneumonia", "b.png": "normal"}


def test_names_without_their_extension_are_found_where_one_file_fits(tmp_path: Path) -> None:
    table = "file,label\n0004cfab,sick\n000924cf,well\ntwice,well\n"
    names = ("0004cfab.dcm", "train/000924cf.png", "twice.png", "twice.jpeg")
    read = dataset(tmp_path, table, *names)
    assert labels(read) == {"0004cfab.dcm": "sick", "train/000924cf.png": "well"}
    assert "may mean any of 2 files" in reasons(read)


def test_a_folder_that_all_rows_lead_with_may_be_the_one_that_is_read(tmp_path: Path) -> None:
    table = "file,label\nset-1.0/train/a.png,sick\nset-1.0/test/a.png,well\n"
    read = dataset(tmp_path, table, "train/a.png", "test/a.png")
    assert labels(read) == {"train/a.png": "sick", "test/a.png": "well"}


def test_a_folder_that_only_some_rows_lead_with_is_no_common_one(tmp_path: Path) -> None:
    table = "file,label\nx/a.png,sick\nb.png,well\n"
    read = dataset(tmp_path, table, "a.png", "b.png")
    assert labels(read) == {"b.png": "well"}
    assert len(read.rejected) == 2


def test_a_broken_byte_in_a_column_that_is_not_read_harms_nothing(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "a.png").write_bytes(b"x")
    (tmp_path / "labels.csv").write_bytes(b"file,label,note\na.png,sick,caf\xe9\n")
    rule = rx.TableNames.from_csv(tmp_path / "labels.csv", patient=None)
    assert labels(rx.XrayDataset.from_folder(tmp_path / "images", names=rule)) == {"a.png": "sick"}


@pytest.mark.parametrize("encoding", ["cp1252", "utf-16"])
def test_another_encoding_can_be_said(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "a.png").write_bytes(b"x")
    (tmp_path / "labels.csv").write_bytes("file,label\na.png,fièvre\n".encode(encoding))
    rule = rx.TableNames.from_csv(tmp_path / "labels.csv", patient=None, encoding=encoding)
    read = rx.XrayDataset.from_folder(tmp_path / "images", names=rule)
    assert labels(read) == {"a.png": "fièvre"}


@pytest.mark.parametrize("encoding", ["no-such-code", "ascii"])
def test_an_encoding_that_does_not_fit_is_an_error_of_ours(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "labels.csv").write_bytes("file,label\na.png,fièvre\n".encode())
    with pytest.raises(DataError, match=f"cannot be read as '{encoding}'"):
        rx.TableNames.from_csv(tmp_path / "labels.csv", patient=None, encoding=encoding)


@pytest.mark.parametrize(
    ("columns", "file", "label"),
    [(["ImageId", " EncodedPixels"], "ImageId", "EncodedPixels"), ([0, 1], "0", "1")],
    ids=["a blank before a name", "numbers"],
)
def test_columns_of_a_frame_are_found_by_the_names_that_one_sees(
    tmp_path: Path, columns: list[object], file: str, label: str
) -> None:
    pandas = pytest.importorskip("pandas")
    (tmp_path / "a.dcm").write_bytes(bytes(128) + b"DICM")
    frame = pandas.DataFrame([["a", -1.0]], columns=columns)
    rule = rx.TableNames.from_frame(
        frame, file=file, label=label, patient=None, labels={-1: "no pneumothorax"}
    )
    read = rx.XrayDataset.from_folder(tmp_path, names=rule)
    assert labels(read) == {"a.dcm": "no pneumothorax"}
