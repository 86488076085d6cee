"""Readings: values that make sense, and a file of them that loses none."""

from __future__ import annotations

import datetime as dt
import errno
import os
import string
from pathlib import Path

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rekognition_xray.data.correcting import Reading, append_readings, parse_reading, read_readings
from rekognition_xray.errors import ReadingsError

from ...support.readings import START, read_as

words = st.text(string.ascii_letters + "äπ🫁 /-", min_size=1)
times = st.datetimes(timezones=st.sampled_from([dt.UTC, dt.timezone(dt.timedelta(hours=-5))]))


@st.composite
def readings(draw: st.DrawFn) -> Reading:
    verdict = draw(st.sampled_from(["agree", "correct", "unsure", "unreadable"]))
    return Reading(
        source=draw(words),
        verdict=verdict,
        label=draw(words) if verdict in {"agree", "correct"} else None,
        reader=draw(words),
        time=draw(times),
        finding=draw(st.none() | words),
        blind=draw(st.booleans()),
    )


@given(st.lists(readings()), st.lists(readings()))
def test_what_is_appended_is_read_back_in_order(
    tmp_path_factory: pytest.TempPathFactory, some: list[Reading], others: list[Reading]
) -> None:
    path = tmp_path_factory.mktemp("readings") / "readings.jsonl"
    append_readings(path, some)
    append_readings(path, others)
    assert read_readings(path) == (*some, *others)


@given(readings())
def test_plain_data_becomes_the_reading_again(reading: Reading) -> None:
    assert parse_reading({**reading.to_dict(), "of a later version": 1}) == reading


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"label": None}, "needs a label"),
        ({"verdict": "unsure"}, "has no label"),
        ({"verdict": "maybe"}, "verdict"),
        ({"reader": ""}, "reader"),
        ({"time": "2026-11-29T08:00:00"}, "time zone"),
        ({"time": "yesterday"}, "yesterday"),
        ({"time": 7}, "datetime|attribute"),
        ({"blind": "yes"}, "blind"),
        ({"rxray_reading": 2}, "format 1"),
    ],
)
def test_a_reading_that_makes_no_sense_is_refused(change: dict[str, object], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        parse_reading(read_as("a.png", "viral").to_dict() | change)


def test_all_bad_lines_of_a_file_are_named_together(tmp_path: Path) -> None:
    path = tmp_path / "readings.jsonl"
    append_readings(path, [read_as("a.png", "viral")])
    with path.open("a", encoding="utf-8") as stream:
        stream.write('\n{"source": "b.png", "verdict": "unsure"}\nDear colleague\n[]\n')
    with pytest.raises(ReadingsError) as caught:
        read_readings(path)
    for line in (
        "line 3: without label, reader, time",
        "line 4: no JSON",
        "line 5: no JSON object",
    ):
        assert line in str(caught.value)


def test_a_last_line_that_was_cut_off_is_left_out_and_then_removed(tmp_path: Path) -> None:
    path = tmp_path / "readings.jsonl"
    first, second = read_as("a.png", "viral"), read_as("b.png", "normal")
    append_readings(path, [first])
    whole = path.read_bytes()
    path.write_bytes(whole + whole[:20])
    assert read_readings(path) == (first,)
    append_readings(path, [second])
    assert read_readings(path) == (first, second)


def test_a_last_line_without_its_end_counts(tmp_path: Path) -> None:
    path = tmp_path / "readings.jsonl"
    first, second = read_as("a.png", "viral"), read_as("b.png", "normal")
    append_readings(path, [first])
    path.write_bytes(path.read_bytes().rstrip())
    assert read_readings(path) == (first,)
    append_readings(path, [second])
    assert read_readings(path) == (first, second)


def test_a_file_that_is_not_there_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ReadingsError, match="No such file"):
        read_readings(tmp_path / "readings.jsonl")


def test_a_full_disk_is_said_and_what_was_written_before_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "readings.jsonl"
    append_readings(path, [read_as("a.png", "viral")])

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(ReadingsError, match="No space left"):
            append_readings(path, [read_as("b.png", "viral")])
    assert read_readings(path)[0] == read_as("a.png", "viral")


def test_a_time_is_text_in_a_file_and_a_time_in_a_value() -> None:
    reading = read_as("a.png", "viral")
    assert reading.time == START
    assert reading.to_dict()["time"] == "2026-11-29T08:00:00+00:00"
    assert attrs.evolve(reading, time="2026-11-29T09:00:00+01:00") == reading
