"""A table tells label and patient."""

from __future__ import annotations

import csv
import io
import logging
import re
import tempfile
from pathlib import Path, PurePath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rekognition_xray.data.dataset import XrayDataset
from rekognition_xray.data.reading import ImageName, TableNames
from rekognition_xray.errors import DataError, LabelsError, NoLabelError

from .conftest import ALL, SOUND, Save, read

names = st.text("ab", min_size=1, max_size=2).map(lambda stem: f"{stem}.png")


cells = st.sampled_from(["normal", "viral", "", "é"])


def test_a_table_gives_label_and_patient(folder: Path, save: Save) -> None:
    dataset = XrayDataset.from_folder(folder, names=TableNames.from_csv(save(SOUND)))
    assert [(image.name, image.label, image.patient, image.split) for image in dataset] == [
        ("a.png", "normal", "1", None),
        ("b.png", "viral", "2", None),
        ("deep/c.png", "viral", "2", None),
    ]
    assert (dataset.rejected, dataset.labelling.rule) == ((), "table")


def test_columns_may_have_any_name_and_others_do_not_matter(folder: Path, save: Save) -> None:
    path = save("weight;Befund;Datei;part\n70;normal;a.png;Train\n;viral;b.png;\n")
    table = TableNames.from_csv(
        path, file="Datei", label="Befund", patient=None, split="part", delimiter=";"
    )
    images = XrayDataset.from_folder(folder, names=table).images
    assert [(image.name, image.label, image.patient, image.split) for image in images] == [
        ("a.png", "normal", None, "train"),
        ("b.png", "viral", None, None),
    ]


@pytest.mark.parametrize(
    "text",
    [
        SOUND.replace("\n", "\r\n"),
        SOUND.replace("\n", "\r"),
        SOUND.rstrip(),
        f"\ufeff{SOUND}",
        "\ufeff" + SOUND.replace("file", '"file"'),
        SOUND.replace("\n", "\n\n"),
        f"{SOUND},,\n",
        SOUND.replace("normal", '"normal"').replace("label", " label "),
        SOUND.replace("normal", " normal "),
        SOUND.replace("deep/", "deep\\"),
        SOUND.replace("deep/", "./deep//"),
        SOUND.replace("deep/", ""),
        SOUND.replace("\n", ",,\n"),
    ],
    ids=[
        "CRLF",
        "CR",
        "no last line end",
        "BOM",
        "BOM and quotes",
        "blank lines",
        "empty row",
        "quotes",
        "blanks",
        "backslashes",
        "dots",
        "bare name",
        "empty columns at the end",
    ],
)
def test_a_table_is_read_as_people_and_programs_write_it(
    folder: Path, save: Save, text: str
) -> None:
    assert read(folder, TableNames.from_csv(save(text))) == (ALL, {})


@pytest.mark.parametrize("delimiter", [";", "\t", "|"])
def test_another_delimiter_is_named_and_a_wrong_one_is_answered_with_the_right_one(
    folder: Path, save: Save, delimiter: str
) -> None:
    path = save(SOUND.replace(",", delimiter))
    assert read(folder, TableNames.from_csv(path, delimiter=delimiter)) == (ALL, {})
    with pytest.raises(DataError, match=re.escape(f"pass delimiter={delimiter!r}")):
        TableNames.from_csv(path)


def test_a_quoted_cell_may_hold_delimiters_quotes_and_line_ends(folder: Path, save: Save) -> None:
    text = 'file,label,patient\na.png,"normal, ""quite""\nreally",1\nb.png,,2\n'
    labels, rejected = read(folder, TableNames.from_csv(save(text)))
    assert labels == {"a.png": 'normal, "quite"\nreally'}
    assert rejected["b.png"] == "row 3 of labels.csv: it gives no label"


def test_rows_are_counted_as_a_spreadsheet_counts_them(folder: Path, save: Save) -> None:
    _, rejected = read(folder, TableNames.from_csv(save(f"{SOUND}\nz.png,normal,1\n")))
    assert rejected == {"z.png": "row 6 of labels.csv: no such image is in the folder"}


def test_rows_that_lead_to_no_image_are_a_finding_of_their_own(folder: Path, save: Save) -> None:
    table = TableNames.from_csv(save(f"{SOUND}z.png,normal,1\n"))
    dataset = XrayDataset.from_folder(folder, names=table)
    assert [item.code for item in dataset.rejected] == ["no-image"]
    (finding,) = [one for one in dataset.audit().errors if one.code == "no-image"]
    assert finding.message == "1 file named by a row that leads to no image."
    assert "no such image is in the folder" in finding.lines[0]


def test_an_image_that_no_row_names_is_rejected(folder: Path, save: Save) -> None:
    labels, rejected = read(folder, TableNames.from_csv(save("file,label,patient\na.png,x,1\n")))
    assert labels == {"a.png": "x"}
    assert set(rejected) == {"b.png", "deep/c.png"}
    assert rejected["b.png"] == "labels.csv does not name it"


def test_equal_rows_count_once_and_are_logged(
    folder: Path, save: Save, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        assert read(folder, TableNames.from_csv(save(f"{SOUND}a.png,normal,1\n"))) == (ALL, {})
    assert "labels.csv: 1 rows name a file that another row named before" in caplog.text


@pytest.mark.parametrize("row", ["a.png,viral,1", "./a.png,normal,2", "a.png,,1", "a.png,normal,"])
def test_rows_that_contradict_each_other_reject_their_image_and_are_both_named(
    folder: Path, save: Save, row: str
) -> None:
    dataset = XrayDataset.from_folder(folder, names=TableNames.from_csv(save(f"{SOUND}{row}\n")))
    (rejected,) = dataset.rejected
    assert (rejected.path, rejected.code) == (folder / "a.png", "contradictory-labels")
    assert "rows 2 and 5 of labels.csv contradict each other: 'normal'" in rejected.reason
    assert len(dataset) == 2


def test_a_table_is_a_frozen_value_that_reads_single_paths_too(save: Save) -> None:
    table = TableNames.from_csv(save(f"{SOUND}a.png,viral,1\n"))
    assert table == TableNames.from_csv(save(f"{SOUND}a.png,viral,1\n"))
    assert table.read(PurePath("any/where/b.png")) == ImageName("viral", "2")
    assert "4 rows" in repr(table)
    with pytest.raises(NoLabelError):
        table.read(PurePath("z.png"))
    with pytest.raises(LabelsError, match="contradict"):
        table.read(PurePath("a.png"))


def test_a_frame_of_pandas_is_read_as_its_csv_would_be(folder: Path) -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(
        {
            "file": [Path("a.png"), "b.png", "deep/c.png"],
            "label": ["normal", "viral", pandas.NA],
            "patient": [17, None, 4],  # which makes them floats
            "part": ["test", float("nan"), pandas.NaT],
        },
        index=[7, 7, 7],
    )
    table = TableNames.from_frame(frame, split="part")
    dataset = XrayDataset.from_folder(folder, names=table)
    assert [(image.name, image.label, image.patient, image.split) for image in dataset] == [
        ("a.png", "normal", "17", "test"),
        ("b.png", "viral", None, None),
    ]
    assert [item.reason for item in dataset.rejected] == [
        "row 3 of the data frame: it gives no label"
    ]


def test_a_frame_with_wrong_columns_or_none_is_an_error() -> None:
    pandas = pytest.importorskip("pandas")
    with pytest.raises(DataError, match="lacks 'file', 'label', 'patient'"):
        TableNames.from_frame(pandas.DataFrame({"x": [1]}))
    with pytest.raises(DataError, match="holds no row"):
        TableNames.from_frame(pandas.DataFrame({"file": [], "label": [], "patient": []}))


places = st.tuples(st.sampled_from(["", "x/", "y/"]), names).map("".join)


odd = st.sampled_from(["/a.png", "../a.png", "", "nothing.png"])


@given(
    st.sets(places, min_size=1, max_size=8),
    st.lists(st.tuples(places | names | odd, cells, cells), max_size=8),
)
def test_images_and_rejected_are_the_images_on_disk_and_the_rows_without_one(
    files: set[str], rows: list[tuple[str, str, str]]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for name in files:
            (Path(folder) / name).parent.mkdir(exist_ok=True)
            (Path(folder) / name).touch()
        text = io.StringIO()
        csv.writer(text).writerows([("file", "label", "patient"), *rows, ("sure.png", "x", "")])
        (Path(folder) / "sure.png").touch()
        (Path(folder) / "labels.csv").write_text(text.getvalue(), "utf-8")
        table = TableNames.from_csv(Path(folder) / "labels.csv")
        dataset = XrayDataset.from_folder(folder, names=table)
    on_disk = [*files, "sure.png"]
    refused = sum(name in {"/a.png", "../a.png", ""} for name, *said in rows if name or any(said))
    bare = [name.rpartition("/")[2] for name in files]
    lost = {
        name
        for name, *_ in rows
        if name not in {"/a.png", "../a.png", ""}
        and name not in files
        and ("/" in name or name not in unnamed(bare, files, rows))
    }
    assert len(dataset) + len(dataset.rejected) == len(on_disk) + refused + len(lost)
    assert len({image.name for image in dataset}) == len(dataset)
    assert {image.group for image in dataset if image.patient is None} == {
        f"image:{image.name}" for image in dataset if image.patient is None
    }


def unnamed(bare: list[str], files: set[str], rows: list[tuple[str, str, str]]) -> set[str]:
    """Bare names of the images that no row names by path."""
    named = {name for name, *_ in rows}
    return {name.rpartition("/")[2] for name in files if name not in named}


def test_an_audit_reports_images_and_rows_that_found_no_partner(folder: Path, save: Save) -> None:
    text = "file,label,patient\na.png,normal,1\nz.png,normal,1\n"
    dataset = XrayDataset.from_folder(folder, names=TableNames.from_csv(save(text)))
    output = {path for finding in dataset.audit().findings for path in finding.paths}
    assert {item.path for item in dataset.rejected} == {
        folder / "b.png",
        folder / "deep" / "c.png",
        folder / "z.png",
    }
    assert {item.path for item in dataset.rejected} <= output
