"""Preparing: what it gives, its ledger, and repeats."""

from __future__ import annotations

import hashlib
import json
import os
import time
from pathlib import Path

import attrs
import pytest

import rekognition_xray as rx
from rekognition_xray.data.images import prepare_image
from rekognition_xray.data.preparing import LEDGER, read_ledger
from rekognition_xray.data.preparing import run as prepare_run
from rekognition_xray.data.preparing import worker as prepare_worker
from rekognition_xray.errors import DataError

from .conftest import results


def test_every_image_lies_under_its_content_as_the_one_function_makes_it(dataset, folder):
    for item in dataset.prepare(folder):
        made = prepare_image(item.image.path)
        assert item.file == folder / made.sha256[:2] / f"{made.sha256}.{made.extension}"
        assert item.file.read_bytes() == made.data
        assert (item.sha256, item.extension, item.size) == (made.sha256, "jpg", len(made.data))
        assert (item.width, item.height) == (made.width, made.height)


def test_the_files_come_in_the_order_of_the_images(dataset, folder):
    prepared = dataset.prepare(folder)
    assert tuple(item.image for item in prepared.files) == dataset.images
    assert tuple(prepared) == prepared.files
    assert len(prepared) == 12


def test_images_with_equal_pixels_are_written_once(dataset, folder):
    prepared = dataset.prepare(folder)
    assert len(results(folder)) == 11
    assert prepared.bytes == sum(map(len, results(folder).values()))


def test_the_datasets_method_is_the_same(dataset, folder):
    assert dataset.prepare(folder) == attrs.evolve(dataset.prepare(folder), made=12, cached=0)


def test_a_folder_may_be_named_by_text_and_relatively(dataset, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert dataset.prepare("here").files[0].file.parents[1] == tmp_path / "here"


def test_a_folder_of_prepared_images_looks_empty_of_anything_else(dataset, folder):
    dataset.prepare(folder)
    assert list((folder / prepare_worker.UNFINISHED).iterdir()) == []
    assert {path.suffix for path in folder.rglob("*.*") if path.is_file()} == {".jpg", ".jsonl"}


def test_a_dataset_of_nothing_is_prepared(folder):
    assert rx.XrayDataset(()).prepare(folder).files == ()


def test_printed_it_tells_counts(dataset, folder):
    prepared = dataset.prepare(folder)
    assert repr(prepared) == f"<Prepared of 12 images in {folder}: 12 made>"
    assert str(prepared).startswith(f"12 images lie prepared in {folder}, ")
    assert "12 made, 0 known" in str(prepared)


def test_as_plain_data_it_tells_images_and_bytes(dataset, folder):
    prepared = dataset.prepare(folder)
    output = prepared.to_dict()
    assert output == json.loads(json.dumps(output))
    assert output == {
        **dataset.tally(),
        "folder": str(folder),
        "made": 12,
        "cached": 0,
        "bytes": prepared.bytes,
        "held": [],
    }


def test_the_ledger_tells_of_each_image_where_it_comes_from_and_what_was_made(dataset, folder):
    prepared = {item.image.name: item for item in dataset.prepare(folder)}
    ledger = read_ledger(folder)
    assert sorted(entry.image for entry in ledger) == sorted(prepared)
    for entry in ledger:
        item = prepared[entry.image]
        source = item.image.path.read_bytes()
        assert entry.source_sha256 == hashlib.sha256(source).hexdigest()
        assert (entry.source_size, entry.path) == (len(source), str(item.image.path))
        assert (entry.sha256, entry.size) == (item.sha256, item.size)
        assert entry.steps == prepare_image(item.image.path).steps
        assert [name.split()[0] for name in entry.software] == ["rekognition-xray", "Pillow"]


def test_a_repeat_adds_nothing_to_the_ledger(dataset, folder):
    dataset.prepare(folder)
    before = (folder / LEDGER).read_bytes()
    dataset.prepare(folder)
    assert (folder / LEDGER).read_bytes() == before


def test_a_damaged_ledger_is_reported_and_nothing_is_changed(dataset, folder):
    dataset.prepare(folder)
    (folder / LEDGER).write_text("damaged\n")
    with pytest.raises(DataError, match="line 1"):
        dataset.prepare(folder)
    assert (folder / LEDGER).read_text() == "damaged\n"


def test_a_repeat_opens_no_image(dataset, folder, opened):
    first = dataset.prepare(folder)
    assert len(opened) == 12
    again = dataset.prepare(folder)
    assert len(opened) == 12
    assert (first.made, first.cached, again.made, again.cached) == (12, 0, 0, 12)
    assert again.files == first.files


def test_a_repeat_reads_no_pixels_even_where_they_are_gone(dataset, folder):
    first = dataset.prepare(folder)
    for image in dataset:
        was = image.path.stat()
        image.path.write_bytes(bytes(was.st_size))
        os.utime(image.path, ns=(was.st_atime_ns, was.st_mtime_ns))
    assert dataset.prepare(folder).files == first.files


@pytest.mark.parametrize(
    "change",
    [
        lambda path: path.write_bytes(path.read_bytes() + b"more"),
        lambda path: os.utime(path, ns=(0, 10**18)),
    ],
    ids=["another size", "another time"],
)
def test_an_image_that_changed_is_prepared_again(dataset, folder, opened, change):
    dataset.prepare(folder)
    opened.clear()
    change(dataset.images[3].path)
    again = dataset.prepare(folder)
    assert opened == [dataset.images[3].path.name]
    assert (again.made, again.cached) == (1, 11)


@pytest.mark.parametrize("harm", [Path.unlink, lambda file: file.write_bytes(b"")])
def test_a_result_that_is_gone_or_cut_is_made_again(dataset, folder, opened, harm):
    file = dataset.prepare(folder).files[5].file
    before = file.read_bytes()
    opened.clear()
    harm(file)
    dataset.prepare(folder)
    assert opened == [dataset.images[5].path.name]
    assert file.read_bytes() == before


def test_another_software_prepares_everything_again(dataset, folder, opened, monkeypatch):
    dataset.prepare(folder)
    opened.clear()
    for module in (prepare_worker, prepare_run):
        monkeypatch.setattr(module, "software", lambda *, dicom: ("rekognition-xray 99",))
    assert dataset.prepare(folder).made == 12
    assert dataset.prepare(folder).cached == 12
    assert len(opened) == 12


def test_without_its_ledger_a_folder_is_filled_anew(dataset, folder):
    first = dataset.prepare(folder)
    (folder / LEDGER).unlink()
    again = dataset.prepare(folder)
    assert (again.made, again.files) == (12, first.files)


def test_the_same_image_by_another_name_of_its_folder_is_known(dataset, folder, monkeypatch):
    dataset.prepare(folder)
    monkeypatch.chdir(dataset.images[0].path.parents[1])
    assert rx.XrayDataset.from_folder(".").prepare(folder).cached == 12


def test_half_written_files_of_a_killed_run_are_swept_away(dataset, folder):
    unfinished = folder / prepare_worker.UNFINISHED
    unfinished.mkdir(parents=True)
    (unfinished / "old").write_bytes(b"half")
    os.utime(unfinished / "old", (0, time.time() - 4000))
    (unfinished / "of a run beside this one").write_bytes(b"half")
    dataset.prepare(folder)
    assert [path.name for path in unfinished.iterdir()] == ["of a run beside this one"]
