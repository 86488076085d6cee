from __future__ import annotations

import csv
import io
import logging
import re
import tempfile
from collections.abc import Callable
from pathlib import Path, PurePath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rekognition_xray.data.dataset import XrayDataset
from rekognition_xray.data.names import FilmName
from rekognition_xray.data.tables import TableNames
from rekognition_xray.errors import DataError, EmptyDatasetError, LabelsError, NoLabelError

Save = Callable[..., Path]


@pytest.fixture
def save(tmp_path: Path) -> Save:
    def save(text: str | bytes, encoding: str = "utf-8") -> Path:
        path = tmp_path / "labels.csv"
        path.write_bytes(text if isinstance(text, bytes) else text.encode(encoding))
        return path

    return save


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Films a.png, b.png and deep/c.png."""
    root = tmp_path / "films"
    (root / "deep").mkdir(parents=True)
    for name in ("a.png", "b.png", "deep/c.png"):
        (root / name).write_bytes(b"x")
    return root


def read(folder: Path, table: TableNames) -> tuple[dict[str, str], dict[str, str]]:
    """Label by film, and reason by rejected path, both relative to the folder."""
    dataset = XrayDataset.from_folder(folder, names=table)
    rejected = {str(item.path).removeprefix(f"{folder}/"): item.reason for item in dataset.rejected}
    assert len(rejected) == len(dataset.rejected)
    return {film.name: film.label for film in dataset}, rejected


SOUND = "file,label,patient\na.png,normal,1\nb.png,viral,2\ndeep/c.png,viral,2\n"
ALL = {"a.png": "normal", "b.png": "viral", "deep/c.png": "viral"}


def test_a_table_gives_label_and_patient(folder: Path, save: Save) -> None:
    dataset = XrayDataset.from_folder(folder, names=TableNames.from_csv(save(SOUND)))
    assert [(film.name, film.label, film.patient, film.split) for film in dataset] == [
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
    films = XrayDataset.from_folder(folder, names=table).films
    assert [(film.name, film.label, film.patient, film.split) for film in films] == [
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
    assert rejected == {"z.png": "row 6 of labels.csv: no such film is in the folder"}


def test_rows_that_lead_to_no_film_are_a_finding_of_their_own(folder: Path, save: Save) -> None:
    table = TableNames.from_csv(save(f"{SOUND}z.png,normal,1\n"))
    dataset = XrayDataset.from_folder(folder, names=table)
    assert [item.code for item in dataset.rejected] == ["no-film"]
    (finding,) = [one for one in dataset.audit().errors if one.code == "no-film"]
    assert finding.message == "1 file named by a row that leads to no film."
    assert "no such film is in the folder" in finding.lines[0]


def test_a_film_that_no_row_names_is_rejected(folder: Path, save: Save) -> None:
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
def test_rows_that_contradict_each_other_reject_their_film_and_are_both_named(
    folder: Path, save: Save, row: str
) -> None:
    dataset = XrayDataset.from_folder(folder, names=TableNames.from_csv(save(f"{SOUND}{row}\n")))
    (rejected,) = dataset.rejected
    assert (rejected.path, rejected.code) == (folder / "a.png", "contradictory-labels")
    assert "rows 2 and 5 of labels.csv contradict each other: 'normal'" in rejected.reason
    assert len(dataset) == 2


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("/etc/a.png,normal,1", "absolute"),
        ("C:\\films\\a.png,normal,1", "absolute"),
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


def test_a_split_that_is_none_rejects_its_film(folder: Path, save: Save) -> None:
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


def test_films_without_a_patient_are_groups_of_their_own(folder: Path, save: Save) -> None:
    text = "file,label,patient\na.png,normal,\nb.png,normal,  \ndeep/c.png,normal,7\n"
    dataset = XrayDataset.from_folder(folder, names=TableNames.from_csv(save(text)))
    assert (len(dataset), dataset.patient_count) == (3, 3)


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"nowhere\.csv cannot be read"):
        TableNames.from_csv(tmp_path / "nowhere.csv")


def test_a_bare_name_is_found_in_any_folder_where_it_is_unique(folder: Path, save: Save) -> None:
    table = TableNames.from_csv(save("file,label,patient\nc.png,viral,1\nb.png,viral,1\n"))
    assert read(folder, table)[0] == {"deep/c.png": "viral", "b.png": "viral"}


def test_a_bare_name_that_several_films_bear_rejects_them_all(folder: Path, save: Save) -> None:
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


def test_case_tells_films_apart(folder: Path, save: Save) -> None:
    labels, rejected = read(folder, TableNames.from_csv(save(SOUND.replace("a.png", "A.png"))))
    assert "a.png" not in labels
    assert set(rejected) == {"A.png", "a.png"}


@pytest.mark.parametrize(
    ("on_disk", "in_table"), [("e\u0301", "\u00e9"), ("\u00e9", "e\u0301"), ("胸部", "胸部")]
)
def test_a_table_made_on_a_mac_finds_its_films(
    folder: Path, save: Save, on_disk: str, in_table: str
) -> None:
    (folder / f"{on_disk}.png").write_bytes(b"x")
    table = TableNames.from_csv(save(f"file,label,patient\n{in_table}.png,normal,1\n"))
    assert read(folder, table)[0] == {f"{on_disk}.png": "normal"}


def test_films_whose_names_differ_in_composition_only_are_not_guessed(
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


def test_a_table_of_which_nothing_is_found_names_rows_and_films(folder: Path, save: Save) -> None:
    with pytest.raises(EmptyDatasetError, match=r"x\.png: row 2 of labels\.csv") as caught:
        XrayDataset.from_folder(
            folder, names=TableNames.from_csv(save("file,label,patient\nx.png,normal,1\n"))
        )
    assert len(caught.value.paths) == 4


def test_a_table_is_a_frozen_value_that_reads_single_paths_too(save: Save) -> None:
    table = TableNames.from_csv(save(f"{SOUND}a.png,viral,1\n"))
    assert table == TableNames.from_csv(save(f"{SOUND}a.png,viral,1\n"))
    assert table.read(PurePath("any/where/b.png")) == FilmName("viral", "2")
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
    assert [(film.name, film.label, film.patient, film.split) for film in dataset] == [
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


names = st.text("ab", min_size=1, max_size=2).map(lambda stem: f"{stem}.png")
places = st.tuples(st.sampled_from(["", "x/", "y/"]), names).map("".join)
cells = st.sampled_from(["normal", "viral", "", "é"])
odd = st.sampled_from(["/a.png", "../a.png", "", "nothing.png"])


@given(
    st.sets(places, min_size=1, max_size=8),
    st.lists(st.tuples(places | names | odd, cells, cells), max_size=8),
)
def test_films_and_rejected_are_the_films_on_disk_and_the_rows_without_one(
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
    assert len({film.name for film in dataset}) == len(dataset)
    assert {film.group for film in dataset if film.patient is None} == {
        f"film:{film.name}" for film in dataset if film.patient is None
    }


def unnamed(bare: list[str], files: set[str], rows: list[tuple[str, str, str]]) -> set[str]:
    """Bare names of the films that no row names by path."""
    named = {name for name, *_ in rows}
    return {name.rpartition("/")[2] for name in files if name not in named}


def test_an_audit_reports_films_and_rows_that_found_no_partner(folder: Path, save: Save) -> None:
    text = "file,label,patient\na.png,normal,1\nz.png,normal,1\n"
    dataset = XrayDataset.from_folder(folder, names=TableNames.from_csv(save(text)))
    told = {path for finding in dataset.audit().findings for path in finding.paths}
    assert {item.path for item in dataset.rejected} == {
        folder / "b.png",
        folder / "deep" / "c.png",
        folder / "z.png",
    }
    assert {item.path for item in dataset.rejected} <= told
