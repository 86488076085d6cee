"""Readings: values that make sense, and a file of them that loses none."""

from __future__ import annotations

import datetime as dt
import errno
import os
import string
import subprocess
import sys
import threading
import tracemalloc
from collections import Counter
from pathlib import Path

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rekognition_xray.data.correcting import Reading, append_readings, parse_reading, read_readings
from rekognition_xray.data.correcting import readings as readings_module
from rekognition_xray.errors import ReadingsError

from ...support.readings import START, read_as

words = st.text(string.ascii_letters + "äπ🫁 /-", min_size=1)
times = st.datetimes(timezones=st.sampled_from([dt.UTC, dt.timezone(dt.timedelta(hours=-5))]))


@st.composite
def readings(draw: st.DrawFn) -> Reading:
    label, finding = draw(st.none() | words), draw(st.none() | words)
    verdicts = ["unsure", "unreadable"]
    if label is not None:
        verdicts = ["agree" if label == finding else "correct"]
    return Reading(
        source=draw(words),
        verdict=draw(st.sampled_from(verdicts)),
        label=label,
        reader=draw(words.filter(str.strip)),
        time=draw(times),
        finding=finding,
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
        ({"reader": " \t"}, "reader"),
        ({"verdict": "agree", "finding": "normal"}, "'agree' does not fit .* Use .*'correct'"),
        ({"finding": "viral"}, "'correct' does not fit .* Use .*'agree'"),
        ({"time": "2026-11-29T08:00:00"}, "time zone"),
        ({"time": "yesterday"}, "yesterday"),
        ({"time": 7}, "datetime"),
        ({"blind": "yes"}, "blind"),
        ({"rxray_reading": 2}, "format 1"),
    ],
)
def test_a_reading_that_makes_no_sense_is_refused(change: dict[str, object], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        parse_reading(read_as("a.png", "viral").to_dict() | change)


@pytest.mark.parametrize("time", [dt.date(2026, 11, 29), 7, "yesterday"])
def test_a_time_that_is_none_is_an_error_of_ours(time: object) -> None:
    with pytest.raises(ReadingsError) as caught:
        attrs.evolve(read_as("a.png", "viral"), time=time)
    assert "time zone" in caught.value.hint


def test_space_around_a_reader_is_no_other_reader() -> None:
    assert read_as("a.png", "viral", reader=" r1 ") == read_as("a.png", "viral", reader="r1")


def test_what_is_no_reading_is_not_appended(tmp_path: Path) -> None:
    with pytest.raises(ReadingsError, match="type dict"):
        append_readings(tmp_path / "readings.jsonl", [read_as("a.png", "viral").to_dict()])  # type: ignore[list-item]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "content",
    [
        b"Dear colleague",
        b"Dear colleague,\nthe image shows",
        b"\xff\xd8\xff\xe0\x00\x10JFIF\x00",
        b"\xff\xd8\n\xff\n{",
        b"{}\n",
        b"{}",
        b"[" * 100_000 + b"\n",
        b'{"rxray_reading":' + b"[" * 100_000,
        b'{"rxray_journal": 1, "kind": "diagn',
    ],
)
def test_a_file_that_holds_no_readings_is_refused_and_left_alone(
    tmp_path: Path, content: bytes
) -> None:
    path = tmp_path / "letter.txt"
    path.write_bytes(content)
    for use in (read_readings, lambda path: append_readings(path, [read_as("a.png", "viral")])):
        with pytest.raises(ReadingsError, match="bad lines"):
            use(path)
    assert path.read_bytes() == content


@pytest.mark.parametrize("end", [b"Dear colleague", b"Dear colleague\n", b"{}\n\n", b"{}\n  "])
def test_readings_that_end_otherwise_are_left_alone(tmp_path: Path, end: bytes) -> None:
    path = tmp_path / "readings.jsonl"
    append_readings(path, [read_as("a.png", "viral")])
    with path.open("ab") as stream:
        stream.write(end)
    before = path.read_bytes()
    with pytest.raises(ReadingsError, match="last line"):
        append_readings(path, [read_as("b.png", "viral")])
    assert path.read_bytes() == before


@given(st.data())
def test_wherever_the_last_line_is_cut_the_readings_before_it_stay(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("cut") / "readings.jsonl"
    first, second = read_as("a.png", "viral"), read_as("b.png", "viral")
    append_readings(path, [first])
    start = path.stat().st_size
    append_readings(path, [second])
    whole = path.read_bytes()
    cut = data.draw(st.integers(start, len(whole) - 2))
    path.write_bytes(whole[:cut] + data.draw(st.sampled_from([b"", b"\0\0"])))
    assert read_readings(path) == (first,)
    append_readings(path, [second])
    assert path.read_bytes() == whole


_APPEND = """
import sys
from rekognition_xray.data.correcting import append_readings, parse_reading
for number in range(30):
    append_readings(sys.argv[1], [parse_reading({
        "source": f"{number}.png" * 50, "verdict": "unsure", "label": None,
        "reader": sys.argv[2], "time": "2026-11-29T08:00:00+00:00",
    })])
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no lock there")
def test_several_processes_append_to_one_file_and_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / "readings.jsonl"
    command = [sys.executable, "-c", _APPEND, str(path)]
    processes = [subprocess.Popen([*command, f"r{number}"]) for number in range(3)]
    assert [one.wait(60) for one in processes] == [0, 0, 0]
    assert Counter(one.reader for one in read_readings(path)) == {"r0": 30, "r1": 30, "r2": 30}


def test_who_appends_waits_until_another_has_ended(tmp_path: Path) -> None:
    fcntl = pytest.importorskip("fcntl")
    path = tmp_path / "readings.jsonl"
    append_readings(path, [read_as("a.png", "viral")])
    with path.open("ab") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        thread = threading.Thread(target=append_readings, args=(path, [read_as("b.png", "viral")]))
        thread.start()
        thread.join(0.2)
        assert len(read_readings(path)) == 1
    thread.join()
    assert len(read_readings(path)) == 2


def test_a_long_file_is_not_read_whole_to_append(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "readings.jsonl"
    append_readings(path, [read_as(f"{number}.png", "viral") for number in range(50)])
    monkeypatch.setattr(readings_module, "_BLOCK", 100)
    with path.open("rb") as stream:
        last = readings_module._last_line(stream)  # longer than a block
    assert last == path.read_bytes().splitlines(keepends=True)[-1]
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([lines[0], b"\xff" * 10_000_000 + b"\n", *lines[2:]]))
    tracemalloc.start()
    append_readings(path, [read_as("a.png", "viral")])
    assert tracemalloc.get_traced_memory()[1] < 1_000_000
    tracemalloc.stop()


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
