from __future__ import annotations

import datetime
import json
import logging

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rekognition_xray.data.images import ImageOptions
from rekognition_xray.data.preparing import LEDGER, LedgerEntry, read_ledger
from rekognition_xray.data.preparing.ledger import Ledger
from rekognition_xray.errors import DataError

ENTRY = LedgerEntry(
    time=datetime.datetime(2026, 1, 2, 3, 4, 5, 678, datetime.UTC),
    image="NORMAL/a.jpeg",
    path="/images/NORMAL/a.jpeg",
    source_sha256="a" * 64,
    source_size=1000,
    source_mtime_ns=1_700_000_000_123_456_789,
    sha256="b" * 64,
    extension="jpg",
    size=900,
    width=120,
    height=100,
    steps=("decoded JPEG", "encoded JPEG 95"),
    software=("Pillow 12", "rekognition-xray 1"),
    options=ImageOptions(stretch=True, window=(0.0, 1.0)),
)
OTHER = attrs.evolve(ENTRY, image="NORMAL/b.jpeg", path="/images/NORMAL/b.jpeg")


@pytest.fixture
def ledger(tmp_path):
    ledger = Ledger.open(tmp_path / LEDGER)
    ledger.append([ENTRY, OTHER])
    return ledger.path


def test_what_was_appended_is_read_back(ledger):
    assert read_ledger(ledger) == (ENTRY, OTHER)


def test_the_folder_may_be_named_instead_of_the_file(ledger):
    assert read_ledger(str(ledger.parent)) == (ENTRY, OTHER)


def test_no_file_is_an_empty_ledger(tmp_path):
    assert read_ledger(tmp_path / "none.jsonl") == ()


def test_it_is_one_json_object_to_a_line(ledger):
    first, second = (json.loads(line) for line in ledger.read_text("ascii").splitlines())
    assert first["source_sha256"] == "a" * 64
    assert first["steps"] == ["decoded JPEG", "encoded JPEG 95"]
    assert first["time"] == "2026-01-02T03:04:05.000678+00:00"
    assert second["image"] == "NORMAL/b.jpeg"


def test_a_ledger_of_the_first_format_is_read(ledger):
    fields = json.loads(ledger.read_text("ascii").splitlines()[0])
    del fields["options"]
    fields |= {"rxray_ledger": 1, "allow_burned_in": True}
    ledger.write_text(json.dumps(fields) + "\n", "ascii")
    (entry,) = read_ledger(ledger)
    assert entry == attrs.evolve(ENTRY, options=ImageOptions(allow_burned_in=True))


def test_a_later_entry_for_the_same_path_is_the_latest(ledger):
    again = attrs.evolve(ENTRY, sha256="c" * 64)
    Ledger.open(ledger).append([again])
    assert Ledger.open(ledger).latest() == {ENTRY.path: again, OTHER.path: OTHER}


@given(st.integers(min_value=1))
def test_wherever_a_kill_cuts_it_the_whole_lines_stay_and_more_can_follow(tmp_path_factory, cut):
    path = tmp_path_factory.mktemp("cut") / LEDGER
    Ledger.open(path).append([ENTRY, OTHER])
    whole = path.read_bytes()
    path.write_bytes(whole[: cut % len(whole)])
    left = read_ledger(path)
    assert left == (ENTRY, OTHER)[: whole[: cut % len(whole)].count(b"\n")]
    Ledger.open(path).append([OTHER])
    assert read_ledger(path) == (*left, OTHER)


def test_a_line_that_was_cut_off_is_reported(ledger, caplog):
    ledger.write_bytes(ledger.read_bytes()[:-5])
    with caplog.at_level(logging.WARNING):
        Ledger.open(ledger).append([])
    assert "cut off" in caplog.text


def test_reading_changes_nothing(ledger):
    ledger.write_bytes(ledger.read_bytes()[:-5])
    before = ledger.read_bytes()
    read_ledger(ledger)
    assert ledger.read_bytes() == before


def test_lines_of_another_run_are_not_taken_for_a_cut(ledger):
    ledger.write_bytes(ledger.read_bytes()[:-5])
    mine = Ledger.open(ledger)
    Ledger.open(ledger).append([ENTRY, ENTRY])  # another run mends and goes on
    mine.append([OTHER])
    assert read_ledger(ledger) == (ENTRY, ENTRY, ENTRY, OTHER)


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"{}",
        b"no json",
        b"[1, 2]",
        b"\0\0\0",
        b'{"rxray_ledger": 3}',
        json.dumps({"rxray_ledger": 1, "time": "yesterday"}).encode(),
    ],
)
def test_damage_before_the_end_is_named_by_its_line(ledger, line):
    first, second = ledger.read_bytes().splitlines(keepends=True)
    ledger.write_bytes(first + line + b"\n" + second)
    with pytest.raises(DataError, match="line 2") as caught:
        read_ledger(ledger)
    assert caught.value.paths == (ledger,)


@pytest.mark.parametrize(
    ("field", "value"),
    [("sha256", "short"), ("extension", "exe"), ("size", "9"), ("path", None), ("steps", 5)],
)
def test_a_field_that_cannot_be_is_damage(ledger, field, value):
    output = json.loads(ledger.read_text().splitlines()[0]) | {field: value}
    ledger.write_text(json.dumps(output) + "\n")
    with pytest.raises(DataError, match="line 1"):
        read_ledger(ledger)


def test_a_ledger_that_cannot_be_read_is_named(tmp_path):
    (tmp_path / LEDGER).mkdir()
    with pytest.raises(DataError, match=LEDGER):
        read_ledger(tmp_path)


def test_paths_that_are_no_text_survive(tmp_path):
    odd = attrs.evolve(ENTRY, path="/images/\udcff\udc00.jpeg", image="Müller.jpeg")
    Ledger.open(tmp_path / LEDGER).append([odd])
    assert read_ledger(tmp_path) == (odd,)
