"""The index beside a long journal: it makes opening fast, and changes nothing else."""

from __future__ import annotations

import hashlib
import json
import signal
import subprocess
import sys
import time
from functools import partial

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rekognition_xray.clinic.diagnosis import journal as journals
from rekognition_xray.clinic.diagnosis.journal import Journal
from rekognition_xray.clinic.diagnosis.journal_index import JournalIndex, index_path
from rekognition_xray.errors import JournalError

from ...support.journals import ARN, diagnose, write_journal

_SOURCES = [f"Doe, Jane/{number}.jpeg" for number in range(6)]


@pytest.fixture(autouse=True)
def _short(monkeypatch):
    """An index from the first line on, not only from 20,000."""
    monkeypatch.setattr(journals, "UNINDEXED", 1)


@pytest.fixture
def path(tmp_path):
    """A journal of six diagnoses, with its index."""
    return write_journal(tmp_path / "journal.jsonl", map(_diagnosis, _SOURCES))


def _diagnosis(source, confidence=0.7):
    return diagnose(source, {"normal": 1 - confidence, "viral": confidence})


def _content(path, *, indexed):
    """All that a journal says: how much it holds, its answers, and how a run would go on."""
    try:
        journal = Journal(path, version_arn=ARN, indexed=indexed)
    except JournalError as error:
        return str(error)
    entries = [journal.last(source) for source in _SOURCES]
    return len(journal), entries, journal._size, journal._sound, journal._open_end


def _same_as_without(path):
    return _content(path, indexed=True) == _content(path, indexed=False)


def test_a_short_journal_has_none(tmp_path, monkeypatch):
    monkeypatch.setattr(journals, "UNINDEXED", 7)
    path = write_journal(tmp_path / "journal.jsonl", map(_diagnosis, _SOURCES))
    assert not index_path(path).exists()


def test_it_is_written_when_writing_begins_and_when_it_ends(path):
    index_path(path).unlink()
    with Journal(path, version_arn=ARN).writing():
        assert JournalIndex.read(path).answers == 6
    journal = Journal(path, version_arn=ARN)
    with journal.writing():
        journal.add(_diagnosis(_SOURCES[0], 0.8))
        assert JournalIndex.read(path) is None or JournalIndex.read(path).answers == 6
    assert JournalIndex.read(path).answers == 7


def test_reading_alone_writes_none(path):
    index_path(path).unlink()
    Journal(path, version_arn=ARN)
    assert not index_path(path).exists()


def test_lines_that_it_covers_are_not_read_on_opening(path, monkeypatch):
    def refuse(*_):
        raise AssertionError("a line was read")

    monkeypatch.setattr(Journal, "_source_in", refuse)
    assert len(Journal(path, version_arn=ARN)) == 6


def test_it_holds_no_paths(path):
    content = index_path(path).read_bytes()
    assert b"Doe" not in content
    assert len(content.partition(b"\n")[2]) == 24 * len(_SOURCES)


def test_an_error_behind_it_names_the_line_by_its_number_in_the_file(path):
    with path.open("ab") as file:
        file.write(b"no line of ours\n")
    with pytest.raises(JournalError, match="line 7"):
        Journal(path, version_arn=ARN)


def test_a_journal_of_another_version_is_refused_all_the_same(path):
    with pytest.raises(JournalError, match=r"another version \(line 1\)"):
        Journal(path, version_arn=f"{ARN}0")


def test_where_it_cannot_be_written_the_run_goes_on(path):
    index_path(path).unlink()
    index_path(path).mkdir()
    write_journal(path, [_diagnosis("another.jpeg")])
    assert _same_as_without(path)


def test_a_journal_whose_name_leaves_no_room_for_its_indexs_has_none(tmp_path):
    path = write_journal(tmp_path / ("j" * 255), [_diagnosis("an image.jpeg")])
    assert _same_as_without(path)
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_a_name_that_no_file_can_have_is_an_error_of_ours(tmp_path):
    with (
        pytest.raises(JournalError, match="cannot be"),
        Journal(tmp_path / ("j" * 256), version_arn=ARN).writing(),
    ):
        pass


def _append(path, content):
    with path.open("ab") as file:
        file.write(content)


def _cut(path, data):
    if path.exists():
        content = path.read_bytes()
        path.write_bytes(content[: data.draw(st.integers(0, len(content)))])


def _change_a_byte(path, data):
    if path.exists() and (content := bytearray(path.read_bytes())):
        place = data.draw(st.integers(0, len(content) - 1))
        content[place] = data.draw(st.integers(0, 255))
        path.write_bytes(content)


_CHANGES = {
    "append": lambda path, data: write_journal(
        path, [_diagnosis(data.draw(st.sampled_from(_SOURCES)), data.draw(st.floats(0, 1)))]
    ),
    "append a part of a line": lambda path, data: _append(
        path, data.draw(st.sampled_from([b'{"rxray_journal": 1, "ki', b"\n", b"\0\0", b"{}\n"]))
    ),
    "cut": _cut,
    "change a byte": _change_a_byte,
    "put lines in another order": lambda path, data: path.write_bytes(
        b"".join(data.draw(st.permutations(path.read_bytes().splitlines(keepends=True))))
    ),
    "remove": lambda path, _: path.unlink(),
    "remove the index": lambda path, _: index_path(path).unlink(missing_ok=True),
    "cut the index": lambda path, data: _cut(index_path(path), data),
    "change a byte of the index": lambda path, data: _change_a_byte(index_path(path), data),
    "go back to the index of before": lambda path, _: index_path(path).write_bytes(
        path.with_name("before").read_bytes()
    ),
}


@given(st.data())
def test_whatever_happens_to_both_files_the_journal_says_the_same_as_without(
    tmp_path_factory, data
):
    path = tmp_path_factory.mktemp("index") / "journal.jsonl"
    write_journal(path, map(_diagnosis, _SOURCES[:3]))
    path.with_name("before").write_bytes(index_path(path).read_bytes())
    for change in data.draw(st.lists(st.sampled_from(sorted(_CHANGES)), max_size=6)):
        if path.exists():
            try:
                _CHANGES[change](path, data)
            except JournalError:  # the journal itself is damaged by then
                assert _same_as_without(path)
        assert _same_as_without(path)


def _forge(path, change_rows=bytes, **changes):
    """An index whose digests are right, and whose content is not."""
    head, _, rows = index_path(path).read_bytes().partition(b"\n")
    rows = change_rows(rows)
    content = json.loads(head)
    content |= {"rows_sha256": hashlib.sha256(rows).hexdigest(), "images": len(rows) // 24}
    head = json.dumps(content | changes).encode()
    index_path(path).write_bytes(head + b"\n" + rows)


def _at_one_place(rows, place):
    """Each image at one place."""
    keys = [rows[start : start + 16] for start in range(0, len(rows), 24)]
    return b"".join(key + place.to_bytes(8, "big") for key in keys)


def _other_places(rows):
    """Each image at the next one's line."""
    places = [rows[start + 16 : start + 24] for start in range(0, len(rows), 24)]
    keys = [rows[start : start + 16] for start in range(0, len(rows), 24)]
    return b"".join(map(bytes.__add__, keys, places[1:] + places[:1]))


@pytest.mark.parametrize(
    "change",
    [
        {"change_rows": _other_places},
        {"change_rows": partial(_at_one_place, place=5)},
        {"change_rows": partial(_at_one_place, place=2**64 - 1)},
        {"images": 10**15},
        {"images": -1},
        {"size": 10**18},
        {"lines": "6"},
        {"lines": 10**30},
        {"answers": 10**30},
        {"answers": 5},
        {"version_arn": None},
        {"another": 1},
    ],
)
def test_a_forged_one_gives_no_wrong_answer(path, change):
    _forge(path, **change)
    assert _same_as_without(path)


def test_a_place_that_is_wrong_is_put_right_while_a_run_writes(path):
    _forge(path, _other_places)
    journal = Journal(path, version_arn=ARN)
    with journal.writing():
        journal.add(_diagnosis(_SOURCES[0], 0.9))
        answers = [journal.last(source).answer for source in _SOURCES]
    assert [answer.source for answer in answers] == _SOURCES
    assert answers[0].confidences["viral"] == 0.9
    assert JournalIndex.read(path).answers == 7
    assert _same_as_without(path)


_WRITER = """
import sys, time
from pathlib import Path
from rekognition_xray.clinic.diagnosis import journal as journals
journals.UNINDEXED = 1
path = Path(sys.argv[1])
print("ready", flush=True)
while True:
    with journals.Journal(path, version_arn=sys.argv[2]).writing():
        pass
    path.with_name("journal.jsonl.rxray-index").unlink()
"""


@pytest.mark.parametrize("kill", range(3))
def test_a_process_that_is_killed_while_it_writes_one_loses_nothing(tmp_path, kill):
    path = tmp_path / "journal.jsonl"
    first = _diagnosis(_SOURCES[0])
    write_journal(path, (attrs.evolve(first, source=f"{number}.jpeg") for number in range(500)))
    command = [sys.executable, "-c", _WRITER, str(path), ARN]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        process.stdout.readline()
        time.sleep(0.02 + 0.013 * kill)
        process.send_signal(signal.SIGKILL)
    assert len(Journal(path, version_arn=ARN)) == 500
    assert _same_as_without(path)
