from __future__ import annotations

import datetime
import logging
import os
import re
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path, PurePath

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rekognition_xray.data.dataset import Labelling, Part, Xray, XrayDataset
from rekognition_xray.data.manifest import Entry, Manifest
from rekognition_xray.data.names import FOLDERS, KERMANY, FilmName
from rekognition_xray.data.pseudonyms import PseudonymKey, object_key
from rekognition_xray.errors import (
    EmptyDatasetError,
    FolderNotFoundError,
    LabelsError,
    ManifestError,
    NoLabelError,
)

Write = Callable[..., Path]
Listed = Callable[[dict[str, str]], Path]


@attrs.frozen
class ByFolder:
    """A rule of a user's own: the folder is the label, nobody knows the patient."""

    labelling: Labelling = attrs.field(default=Labelling("by-folder"))

    def read(self, path: PurePath) -> FilmName | None:
        return FilmName(path.parent.name)


@pytest.fixture
def folder(write: Write, tmp_path: Path) -> Path:
    for name in (
        "train/NORMAL/IM-0115-0001.jpeg",
        "train/NORMAL/IM-0115-0002.jpeg",
        "train/PNEUMONIA/person1_bacteria_1.jpeg",
        "train/PNEUMONIA/person1_virus_2.jpeg",
        "val/PNEUMONIA/person2_bacteria_3.jpeg",
    ):
        write(name, b"not looked at")
    return tmp_path / "films"


def test_a_folder_gives_labels_patients_and_official_splits(folder: Path) -> None:
    films = XrayDataset.from_folder(folder).films
    assert [(film.name, film.label, film.patient, film.split) for film in films] == [
        ("train/NORMAL/IM-0115-0001.jpeg", "normal", "IM-0115", "train"),
        ("train/NORMAL/IM-0115-0002.jpeg", "normal", "IM-0115", "train"),
        ("train/PNEUMONIA/person1_bacteria_1.jpeg", "bacterial", "person1", "train"),
        ("train/PNEUMONIA/person1_virus_2.jpeg", "viral", "person1", "train"),
        ("val/PNEUMONIA/person2_bacteria_3.jpeg", "bacterial", "person2", "val"),
    ]
    assert [film.path for film in films] == [folder / film.name for film in films]


def test_counts_follow_the_order_of_the_labels(folder: Path) -> None:
    dataset = XrayDataset.from_folder(str(folder))
    assert dataset.labels == ("normal", "bacterial", "viral")
    assert list(dataset.counts.items()) == [("normal", 2), ("bacterial", 2), ("viral", 1)]


def test_patients_are_counted_for_each_label_and_once_in_all(folder: Path) -> None:
    dataset = XrayDataset.from_folder(folder)
    assert list(dataset.patients.items()) == [("normal", 1), ("bacterial", 2), ("viral", 1)]
    assert dataset.patient_count == 3


def test_the_dataset_says_which_rule_and_date_its_labels_have(folder: Path) -> None:
    dataset = XrayDataset.from_folder(folder, names=KERMANY.by_type())
    assert dataset.labelling.rule == "kermany-by-type"
    assert dataset.labelling.on == datetime.date(2018, 6, 2)


def test_hidden_files_and_other_extensions_are_no_concern(folder: Path, write: Write) -> None:
    for name in (
        "train/NORMAL/.DS_Store",
        "__MACOSX/train/NORMAL/._IM-0115-0001.jpeg",
        ".cache/IM-0001-0001.jpeg",
        "labels.csv",
        "README.txt",
    ):
        write(name, b"x")
    dataset = XrayDataset.from_folder(folder)
    assert (len(dataset), dataset.rejected) == (5, ())


def test_an_image_that_fits_no_pattern_is_rejected_with_its_path(
    folder: Path, write: Write
) -> None:
    path = write("train/NORMAL/holiday.png", b"x")
    (rejected,) = XrayDataset.from_folder(folder).rejected
    assert (rejected.path, rejected.code) == (path, "no-label")
    assert "kermany" in rejected.reason


def test_a_name_that_contradicts_its_folder_is_rejected(folder: Path, write: Write) -> None:
    path = write("train/NORMAL/person9_virus_1.jpeg", b"x")
    (rejected,) = XrayDataset.from_folder(folder).rejected
    assert (rejected.path, rejected.code) == (path, "contradictory-labels")


def test_an_image_format_that_the_service_does_not_take_is_not_dropped(
    folder: Path, write: Write
) -> None:
    path = write("train/NORMAL/IM-0200-0001.dcm", b"x")
    assert path in [film.path for film in XrayDataset.from_folder(folder)]


def test_every_image_ends_as_a_film_or_as_rejected(folder: Path, write: Write) -> None:
    for name in ("a.JPG", "b.png", "NORMAL/person9_virus_1.jpeg", "NORMAL/IM-0116-0001.png"):
        write(name, b"x")
    dataset = XrayDataset.from_folder(folder)
    images = {path for path in folder.rglob("*") if path.is_file()}
    found = [film.path for film in dataset] + [item.path for item in dataset.rejected]
    assert Counter(found) == Counter(images)


def test_films_without_a_patient_are_groups_of_their_own(folder: Path) -> None:
    dataset = XrayDataset.from_folder(folder, names=ByFolder())
    assert len(dataset) == 5
    assert len({film.group for film in dataset}) == 5
    assert dataset.patient_count == 5


def test_a_group_does_not_depend_on_where_the_folder_lies(folder: Path, tmp_path: Path) -> None:
    before = [film.group for film in XrayDataset.from_folder(folder, names=ByFolder())]
    folder.rename(tmp_path / "moved")
    after = [film.group for film in XrayDataset.from_folder(tmp_path / "moved", names=ByFolder())]
    assert before == after


def test_a_rule_that_gives_an_empty_label_gives_no_film(write: Write, tmp_path: Path) -> None:
    write("normal/a.png", b"x")
    write("b.png", b"x")
    dataset = XrayDataset.from_folder(tmp_path / "films", names=ByFolder())
    assert [item.path.name for item in dataset.rejected] == ["b.png"]


def test_films_stand_in_the_order_of_their_names_however_they_are_given() -> None:
    films = [Xray(Path(f"{letter}.png"), "normal") for letter in "cab"]
    assert [film.name for film in XrayDataset(films)] == ["a.png", "b.png", "c.png"]
    assert XrayDataset(films) == XrayDataset(reversed(films))


def test_a_dataset_cannot_be_changed(folder: Path) -> None:
    dataset = XrayDataset.from_folder(folder)
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        dataset.films = ()  # type: ignore[misc]


def test_its_repr_is_short_and_says_what_is_in_it(folder: Path, write: Write) -> None:
    write("odd.png", b"x")
    dataset = attrs.evolve(XrayDataset.from_folder(folder), part=Part("train", "abc"))
    assert repr(dataset) == (
        "<XrayDataset of 5 films (normal 2, bacterial 2, viral 1), part='train', rejected=1>"
    )


def test_a_missing_folder_is_an_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(FolderNotFoundError, match=r"nowhere does not exist") as caught:
        XrayDataset.from_folder(tmp_path / "nowhere")
    assert caught.value.paths == (tmp_path / "nowhere",)
    assert isinstance(caught.value, FileNotFoundError)


def test_a_file_in_place_of_a_folder_is_an_error(write: Write) -> None:
    with pytest.raises(FolderNotFoundError, match="is not a folder"):
        XrayDataset.from_folder(write("a.png", b"x"))


def test_a_folder_without_images_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(EmptyDatasetError, match="holds no image"):
        XrayDataset.from_folder(tmp_path)


def test_a_folder_in_which_nothing_fits_lists_every_file(write: Write, tmp_path: Path) -> None:
    paths = {write("x/a.png", b"x"), write("x/b.jpg", b"x")}
    with pytest.raises(EmptyDatasetError) as caught:
        XrayDataset.from_folder(tmp_path)
    assert set(caught.value.paths) == paths
    assert all(str(path) in str(caught.value) for path in paths)


def test_a_link_in_a_circle_ends_and_is_reported(folder: Path) -> None:
    (folder / "train" / "again").symlink_to(folder)
    dataset = XrayDataset.from_folder(folder)
    assert len(dataset) == 5
    assert [(item.path, item.code) for item in dataset.rejected] == [
        (folder / "train" / "again", "unreadable")
    ]


@pytest.mark.parametrize("target", ["nothing.png", "IM-0300-0001.png"])
def test_a_link_to_nothing_or_to_itself_is_reported(folder: Path, target: str) -> None:
    link = folder / "train" / "NORMAL" / "IM-0300-0001.png"
    link.symlink_to(target)
    dataset = XrayDataset.from_folder(folder)
    assert [(item.path, item.code) for item in dataset.rejected] == [(link, "unreadable")]


def test_a_linked_folder_is_read(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "entry").mkdir()
    (tmp_path / "entry" / "chest_xray").symlink_to(folder)
    assert len(XrayDataset.from_folder(tmp_path / "entry")) == 5


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may read everything")
def test_a_folder_that_may_not_be_read_is_reported(folder: Path) -> None:
    (folder / "val").chmod(0)
    try:
        dataset = XrayDataset.from_folder(folder)
    finally:
        (folder / "val").chmod(0o700)
    assert [item.path for item in dataset.rejected] == [folder / "val"]


@pytest.mark.skipif(os.name != "posix", reason="file names are bytes on POSIX only")
def test_names_in_any_script_and_even_broken_ones_are_reported(folder: Path) -> None:
    (folder / "рентген-胸部.png").write_bytes(b"x")
    Path(os.fsdecode(os.fsencode(folder) + b"/IM-\xff.png")).write_bytes(b"x")
    assert len(XrayDataset.from_folder(folder).rejected) == 2


posix = pytest.mark.skipif(os.name != "posix", reason="links, pipes and bytes of POSIX")


def test_a_folder_that_the_system_refuses_is_reported_and_the_rest_is_read(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scan = os.scandir

    def refuse(path: Path) -> object:
        if Path(path).name == "val":
            raise PermissionError(13, "Permission denied")
        return scan(path)

    monkeypatch.setattr(os, "scandir", refuse)
    dataset = XrayDataset.from_folder(folder)
    (rejected,) = dataset.rejected
    assert len(dataset) == 4
    assert (rejected.path, rejected.code) == (folder / "val", "unreadable")
    assert "Permission denied" in rejected.reason


def test_a_dataset_whose_folder_the_system_refuses_is_an_error(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path) -> object:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(EmptyDatasetError, match="Permission denied"):
        XrayDataset.from_folder(folder)


def test_a_path_that_no_system_takes_is_an_error() -> None:
    for path in ("films\0", "x" * 5000):
        with pytest.raises(FolderNotFoundError):
            XrayDataset.from_folder(path)


@posix
def test_a_folder_is_read_once_however_many_links_lead_to_it(folder: Path) -> None:
    (folder / "a link").symlink_to(folder / "train")
    (folder / "val" / "another").symlink_to(folder / "train" / "NORMAL")
    dataset = XrayDataset.from_folder(folder)
    assert len(dataset) == 5
    assert all(film.name.startswith(("train/", "val/")) for film in dataset)
    assert [item.path for item in dataset.rejected] == [
        folder / "a link",
        folder / "val" / "another",
    ]


@posix
def test_links_that_lead_to_each_other_everywhere_cost_nothing(folder: Path) -> None:
    rooms = [folder / f"room{number}" for number in range(12)]
    for room in rooms:
        room.mkdir()
    for room in rooms:
        for other in rooms:
            (room / f"to {other.name}").symlink_to(other)
    dataset = XrayDataset.from_folder(folder)  # by paths there would be 12! of them
    assert (len(dataset), len(dataset.rejected)) == (5, 144)


@posix
def test_a_linked_folder_elsewhere_is_read_and_its_link_is_part_of_the_names(
    folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "IM-0900-0001.png").write_bytes(b"x")
    (folder / "train" / "more").symlink_to(tmp_path / "elsewhere")
    names = [film.name for film in XrayDataset.from_folder(folder)]
    assert "train/more/IM-0900-0001.png" in names


@posix
def test_a_pipe_is_reported_and_never_opened(folder: Path) -> None:
    os.mkfifo(folder / "IM-0300-0001.png")
    (rejected,) = XrayDataset.from_folder(folder).rejected
    assert (rejected.path.name, rejected.code) == ("IM-0300-0001.png", "unreadable")


@posix
def test_a_link_that_may_not_be_followed_is_reported_whatever_its_name(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "archive").symlink_to("/nobody/may/look")
    scan = os.scandir

    class Closed:
        def __init__(self, entry: os.DirEntry[str]) -> None:
            self.name = entry.name

        def is_dir(self) -> bool:
            raise PermissionError(13, "Permission denied")

    class Scan:
        def __init__(self, path: Path) -> None:
            self._entries = scan(path)

        def __enter__(self) -> list[object]:
            return [Closed(e) if e.name == "archive" else e for e in self._entries]

        def __exit__(self, *_: object) -> None:
            self._entries.close()

    monkeypatch.setattr(os, "scandir", Scan)
    (rejected,) = XrayDataset.from_folder(folder).rejected
    assert (rejected.path, rejected.code) == (folder / "archive", "unreadable")


@posix
def test_a_tree_may_be_deeper_than_the_stack_of_python(folder: Path) -> None:
    here, depth = folder, sys.getrecursionlimit() + 50
    descriptor = os.open(folder, os.O_RDONLY)
    for _ in range(depth):  # by descriptors, since creating by path would take quadratic time
        os.mkdir("d", dir_fd=descriptor)
        below = os.open("d", os.O_RDONLY, dir_fd=descriptor)
        os.close(descriptor)
        descriptor, here = below, here / "d"
    os.close(descriptor)
    film = here / "IM-0900-0001.png"
    film.write_bytes(b"x")
    try:
        dataset = XrayDataset.from_folder(folder)
    finally:  # whoever cleans up after the tests may be recursive
        film.unlink()
        while here != folder:
            here.rmdir()
            here = here.parent
    assert (len(dataset), dataset.rejected) == (6, ())


@posix
def test_what_lies_deeper_than_the_system_takes_paths_is_reported(folder: Path) -> None:
    name, above = "d" * 200, [os.open(folder, os.O_RDONLY)]
    for _ in range(25):
        os.mkdir(name, dir_fd=above[-1])
        above.append(os.open(name, os.O_RDONLY, dir_fd=above[-1]))
    try:
        dataset = XrayDataset.from_folder(folder)
    finally:  # whoever cleans up after the tests may go by paths
        os.close(above.pop())
        while above:
            os.rmdir(name, dir_fd=above[-1])
            os.close(above.pop())
    assert len(dataset) == 5
    assert [item.code for item in dataset.rejected] == ["unreadable"]


@posix
def test_names_that_differ_in_case_only_are_two_films(folder: Path) -> None:
    (folder / "val" / "IM-0900-0001.png").write_bytes(b"x")
    (folder / "val" / "im-0900-0001.PNG").write_bytes(b"x")
    if len(list((folder / "val").iterdir())) < 3:
        pytest.skip("this file system does not tell upper from lower case")
    assert len(XrayDataset.from_folder(folder)) == 7


@posix
def test_a_label_of_broken_bytes_is_rejected(folder: Path) -> None:
    broken = Path(os.fsdecode(os.fsencode(folder) + b"/r\xf6ntgen"))
    broken.mkdir()
    (broken / "a.png").write_bytes(b"x")
    dataset = XrayDataset.from_folder(folder, names=FOLDERS)
    assert len(dataset) == 5
    assert [item.path for item in dataset.rejected] == [broken / "a.png"]


def test_films_are_labelled_by_folder_where_asked(folder: Path, write: Write) -> None:
    root = write("root.png", b"x")
    dataset = XrayDataset.from_folder(folder, names=FOLDERS)
    assert dataset.counts == {"NORMAL": 2, "PNEUMONIA": 3}
    assert dataset.patient_count == 5
    assert [(item.path, item.code) for item in dataset.rejected] == [(root, "no-label")]


def test_a_function_reads_paths_relative_to_the_folder(folder: Path) -> None:
    seen = []

    def by_folder(path: PurePath) -> str:
        seen.append(path.as_posix())
        return path.parent.name.lower()

    dataset = XrayDataset.from_folder(folder, names=by_folder)
    assert sorted(seen) == [film.name for film in dataset]
    assert dataset.labels == ("normal", "pneumonia")
    assert dataset.labelling == Labelling("by_folder")


@pytest.mark.parametrize(
    ("error", "code"), [(LabelsError, "contradictory-labels"), (NoLabelError, "no-label")]
)
def test_a_function_rejects_a_film_by_a_labels_error(
    folder: Path, error: type[LabelsError], code: str
) -> None:
    def unsure(path: PurePath) -> str:
        if "virus" in path.name:
            raise error("two readers disagree")
        return "film"

    (rejected,) = XrayDataset.from_folder(folder, names=unsure).rejected
    assert (rejected.reason, rejected.code) == ("two readers disagree", code)


def test_a_mistake_in_a_function_is_raised_with_the_path_that_met_it(folder: Path) -> None:
    def wrong(path: PurePath) -> str:
        return path.name.split("_")[1]

    with pytest.raises(IndexError) as caught:
        XrayDataset.from_folder(folder, names=wrong)
    (note,) = caught.value.__notes__
    assert "wrong" in note
    assert "IM-0115-0001.jpeg" in note


def test_normal_films_without_a_person_id_are_all_kept_and_never_pooled(
    write: Write, tmp_path: Path
) -> None:
    """A project read patients by ``person(N)`` only, and lost all 1,341 normal films."""
    for number in range(40):
        write(f"NORMAL/IM-{number:04d}-0001.jpeg", b"x")
        write(f"PNEUMONIA/person{number // 2}_virus_{number}.jpeg", b"x")

    def by_person(path: PurePath) -> FilmName:
        person = re.match(r"person(\d+)", path.name)
        return FilmName(path.parent.name, person[1] if person else None)

    dataset = XrayDataset.from_folder(tmp_path / "films", names=by_person)
    assert dataset.counts == {"NORMAL": 40, "PNEUMONIA": 40}
    assert dataset.patients == {"NORMAL": 40, "PNEUMONIA": 20}
    train, test = dataset.split(test=0.25, seed=1)
    assert train.counts["NORMAL"] + test.counts["NORMAL"] == 40
    assert abs(test.counts["NORMAL"] - 10) <= 1


def test_a_user_may_say_who_labelled_and_when(folder: Path) -> None:
    said = Labelling(by="Dr Who", on=datetime.date(2024, 2, 29), human=False)
    dataset = XrayDataset.from_folder(folder, names=FOLDERS, labelling=said)
    assert dataset.labelling == attrs.evolve(said, rule="folders")
    named = XrayDataset.from_folder(folder, labelling=attrs.evolve(said, rule="second look"))
    assert named.labelling.rule == "second look"


def test_the_real_set_has_its_published_counts(xrays: Path) -> None:
    dataset = XrayDataset.from_folder(xrays / "chest_xray")
    by_split = Counter((film.split, film.label) for film in dataset)
    assert by_split == {
        ("train", "normal"): 1142,
        ("train", "bacterial"): 1982,
        ("train", "viral"): 1027,
        ("val", "normal"): 8,
        ("val", "bacterial"): 8,
    }
    assert dataset.rejected == ()


def store_key(patient: str, content: int, prefix: str = "films") -> str:
    pseudonym = PseudonymKey(b"a key for tests only").pseudonym(patient)
    return f"s3://clinic-xrays/{object_key(prefix, pseudonym, f'{content:064x}', 'jpg')}"


labels = st.text(st.characters(codec="utf-8"), min_size=1, max_size=20)
manifests = st.builds(
    Manifest,
    st.dictionaries(
        st.builds(store_key, st.sampled_from("abc"), st.integers(0, 99)), labels, min_size=1
    ).map(lambda found: [Entry(ref, label) for ref, label in found.items()]),
    st.builds(
        Labelling,
        rule=st.text("abc-é &=", max_size=9),
        by=st.text("Dr Who?", max_size=9),
        on=st.none() | st.dates(min_value=datetime.date(1971, 1, 1)),
        human=st.booleans(),
    ),
    st.none() | st.builds(Part, st.sampled_from(["train", "test"]), st.just("0123456789ab")),
)


@given(manifests)
def test_a_manifest_comes_back_as_it_was(
    tmp_path_factory: pytest.TempPathFactory, manifest: Manifest
) -> None:
    path = manifest.write(tmp_path_factory.getbasetemp() / "round.manifest")
    dataset = XrayDataset.from_manifest(path)
    assert Manifest.of(dataset).text() == path.read_text("utf-8")
    assert (dataset.part, dataset.rejected) == (manifest.part, ())


@pytest.fixture
def listed(tmp_path: Path) -> Listed:
    """Writes a manifest of addresses and labels."""

    def write(entries: dict[str, str]) -> Path:
        found = [Entry(ref, label) for ref, label in entries.items()]
        return Manifest(found, Labelling("kermany")).write(tmp_path / "films.manifest")

    return write


def test_the_films_of_a_manifest_lie_in_s3_under_their_patients(listed: Listed) -> None:
    refs = [store_key("a", 1), store_key("a", 2), store_key("b", 3)]
    dataset = XrayDataset.from_manifest(listed(dict.fromkeys(refs, "viral")))
    assert [film.address for film in dataset] == sorted(refs)
    assert dataset.patient_count == 2
    assert not any("film:" in film.group for film in dataset)


def test_films_without_a_pseudonym_are_groups_of_their_own_and_a_warning(
    listed: Listed, caplog: pytest.LogCaptureFixture
) -> None:
    path = listed({"s3://clinic-xrays/a.jpg": "normal", "s3://clinic-xrays/b.jpg": "normal"})
    with caplog.at_level(logging.WARNING):
        assert XrayDataset.from_manifest(path).patient_count == 2
    assert "2 of 2 films bear no pseudonym" in caplog.text


def test_a_rule_reads_patient_and_split_from_the_keys(listed: Listed) -> None:
    path = listed(
        {
            "s3://clinic-xrays/chest/train/PNEUMONIA/person1_virus_2.jpeg": "viral",
            "s3://clinic-xrays/chest/train/PNEUMONIA/person1_bacteria_3.jpeg": "bacterial",
        }
    )
    dataset = XrayDataset.from_manifest(path, names=KERMANY)
    assert {(film.patient, film.split) for film in dataset} == {("person1", "train")}
    assert dataset.labelling.rule == "kermany"
    assert all(film.name == film.source for film in dataset)


def test_an_entry_whose_label_the_rule_contradicts_is_rejected(listed: Listed) -> None:
    sound, wrong, strange = (
        f"s3://clinic-xrays/{name}.jpeg" for name in ("IM-0001-0001", "person1_virus_2", "holiday")
    )
    path = listed({sound: "normal", wrong: "bacterial", strange: "normal"})
    dataset = XrayDataset.from_manifest(path, names=KERMANY)
    assert [film.source for film in dataset] == [sound]
    assert {(item.path, item.code) for item in dataset.rejected} == {
        (wrong, "contradictory-labels"),
        (strange, "no-label"),
    }


def test_a_manifest_of_which_the_rule_confirms_nothing_is_an_error(listed: Listed) -> None:
    path = listed({"s3://clinic-xrays/holiday.jpg": "normal"})
    with pytest.raises(EmptyDatasetError, match="holiday") as caught:
        XrayDataset.from_manifest(path, names=KERMANY)
    assert caught.value.paths == ("s3://clinic-xrays/holiday.jpg",)


@pytest.mark.parametrize("content", [b"", b"{}\n"])
def test_a_manifest_without_a_film_is_an_error(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "films.manifest"
    path.write_bytes(content)
    with pytest.raises((EmptyDatasetError, ManifestError)):
        XrayDataset.from_manifest(path)
