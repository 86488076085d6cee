"""Rows and tables that cannot be used are reported by number; names that find no image."""

from __future__ import annotations

from pathlib import Path

import pytest

from rekognition_xray.data.dataset import XrayDataset
from rekognition_xray.data.reading import TableNames
from rekognition_xray.errors import DataError, EmptyDatasetError

from .conftest import ALL, SOUND, Save, read


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("/etc/a.png,normal,1", "absolute"),
        ("C:\\images\\a.png,normal,1", "absolute"),
        ("\\\\server\\a.png,normal,1", "absolute"),
        ("../a.png,normal,1", "out of the folder"),
        ("deep/../a.png,normal,1", "out of the folder"),
        ("deep\\..\\a.png,normal,1", "out of the folder"),
        (",normal,1", "names no file"),
        ("Doe, Jane.png,normal,1", "it has 4 cells, the header 3"),
        ("a.png", "no label"),
        ("a.png,,1", "no label"),
        ("a.png, ,1", "no label"),
    ],
)
def test_a_row_that_cannot_be_used_is_rejected_by_its_number(
    folder: Path, save: Save, row: str, reason: str
) -> None:
    text = f"file,label,patient\nb.png,viral,2\n{row}\ndeep/c.png,viral,2\n"
    labels, rejected = read(folder, TableNames.from_csv(save(text)))
    assert set(labels) == {"b.png", "deep/c.png"}
    (said,) = [text for text in rejected.values() if "row 3 of labels.csv" in text]
    assert reason in said


def test_a_split_that_is_none_rejects_its_image(folder: Path, save: Save) -> None:
    path = save("file,label,part\na.png,normal,dev\nb.png,normal,VAL\n")
    table = TableNames.from_csv(path, patient=None, split="part")
    labels, rejected = read(folder, table)
    assert set(labels) == {"b.png"}
    assert rejected["a.png"] == "row 2 of labels.csv: 'dev' is none of train, test and val"


def test_rows_that_are_not_utf8_are_rejected_and_never_guessed(folder: Path, save: Save) -> None:
    (folder / "röntgen.png").write_bytes(b"x")
    text = SOUND.encode() + "röntgen.png,gesund,3\n".encode("latin-1")
    labels, rejected = read(folder, TableNames.from_csv(save(text)))
    assert labels == ALL
    assert rejected == {
        r"r\xf6ntgen.png": "row 5 of labels.csv: it is not UTF-8",
        "röntgen.png": "labels.csv does not name it",
    }


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_a_table_in_another_encoding_is_an_error_that_says_so(save: Save, encoding: str) -> None:
    with pytest.raises(DataError, match="UTF-16") as caught:
        TableNames.from_csv(save(SOUND, encoding))
    assert "UTF-8" in caught.value.hint


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "is empty"),
        ("\ufeff", "is empty"),
        ("file,label,patient\n", "holds no row"),
        ("file,label,patient\n,,\n", "holds no row"),
        ("file,label,patient,label\na.png,x,1,y\n", "has 'label' more than once"),
        ('file,label,patient\na.png,"normal,1\nb.png,viral,2\n', "cannot be read behind row 1"),
    ],
)
def test_a_table_that_cannot_be_relied_on_is_an_error(save: Save, text: str, reason: str) -> None:
    path = save(text)
    with pytest.raises(DataError, match=reason) as caught:
        TableNames.from_csv(path)
    assert caught.value.paths == (path,)


def test_wrong_columns_are_one_error_that_lists_those_found_and_wanted(save: Save) -> None:
    with pytest.raises(DataError) as caught:
        TableNames.from_csv(save("image,label,id\na.png,x,1\n"))
    assert "lacks 'file', 'patient'" in caught.value.message
    assert "found: 'image', 'label', 'id'" in caught.value.message
    assert "wanted: 'file', 'label', 'patient'" in caught.value.message


def test_a_table_without_patients_has_to_say_so(folder: Path, save: Save) -> None:
    path = save("file,label\na.png,normal\nb.png,normal\n")
    with pytest.raises(DataError, match="patient=None"):
        TableNames.from_csv(path)
    dataset = XrayDataset.from_folder(folder, names=TableNames.from_csv(path, patient=None))
    assert (len(dataset), dataset.patient_count) == (2, 2)


def test_images_without_a_patient_are_groups_of_their_own(folder: Path, save: Save) -> None:
    text = "file,label,patient\na.png,normal,\nb.png,normal,  \ndeep/c.png,normal,7\n"
    dataset = XrayDataset.from_folder(folder, names=TableNames.from_csv(save(text)))
    assert (len(dataset), dataset.patient_count) == (3, 3)


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"nowhere\.csv cannot be read"):
        TableNames.from_csv(tmp_path / "nowhere.csv")


def test_a_bare_name_is_found_in_any_folder_where_it_is_unique(folder: Path, save: Save) -> None:
    table = TableNames.from_csv(save("file,label,patient\nc.png,viral,1\nb.png,viral,1\n"))
    assert read(folder, table)[0] == {"deep/c.png": "viral", "b.png": "viral"}


def test_a_bare_name_that_several_images_bear_rejects_them_all(folder: Path, save: Save) -> None:
    (folder / "other").mkdir()
    (folder / "other" / "c.png").write_bytes(b"x")
    labels, rejected = read(
        folder, TableNames.from_csv(save("file,label,patient\nc.png,viral,1\na.png,viral,1\n"))
    )
    assert labels == {"a.png": "viral"}
    for name in ("deep/c.png", "other/c.png"):
        assert rejected[name] == (
            "the row for 'c.png' may mean any of 2 files: 'deep/c.png', 'other/c.png'"
        )


def test_a_path_wins_over_a_bare_name(folder: Path, save: Save) -> None:
    (folder / "deep" / "a.png").write_bytes(b"x")
    labels, rejected = read(folder, TableNames.from_csv(save(SOUND)))
    assert labels == ALL
    assert rejected == {"deep/a.png": "labels.csv does not name it"}


def test_case_tells_images_apart(folder: Path, save: Save) -> None:
    labels, rejected = read(folder, TableNames.from_csv(save(SOUND.replace("a.png", "A.png"))))
    assert "a.png" not in labels
    assert set(rejected) == {"A.png", "a.png"}


@pytest.mark.parametrize(
    ("on_disk", "in_table"), [("e\u0301", "\u00e9"), ("\u00e9", "e\u0301"), ("胸部", "胸部")]
)
def test_a_table_made_on_a_mac_finds_its_images(
    folder: Path, save: Save, on_disk: str, in_table: str
) -> None:
    (folder / f"{on_disk}.png").write_bytes(b"x")
    table = TableNames.from_csv(save(f"file,label,patient\n{in_table}.png,normal,1\n"))
    assert read(folder, table)[0] == {f"{on_disk}.png": "normal"}


def test_images_whose_names_differ_in_composition_only_are_not_guessed(
    folder: Path, save: Save
) -> None:
    for name in ("e\u0301.png", "\u00e9.png"):
        (folder / name).write_bytes(b"x")
    if len(list(folder.iterdir())) < 5:
        pytest.skip("this file system does not tell the two forms apart")
    table = TableNames.from_csv(save(f"{SOUND}\u00e9.png,normal,1\n"))
    labels, rejected = read(folder, table)
    assert labels == ALL
    assert all("may mean any of 2 files" in reason for reason in rejected.values())


def test_a_table_of_which_nothing_is_found_names_rows_and_images(folder: Path, save: Save) -> None:
    with pytest.raises(EmptyDatasetError, match=r"x\.png: row 2 of labels\.csv") as caught:
        XrayDataset.from_folder(
            folder, names=TableNames.from_csv(save("file,label,patient\nx.png,normal,1\n"))
        )
    assert len(caught.value.paths) == 4
