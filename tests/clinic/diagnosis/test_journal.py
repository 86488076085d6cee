from __future__ import annotations

import json

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rekognition_xray.clinic.diagnosis import (
    Diagnosis,
    FailedDiagnosis,
    follow_journal,
    read_journal,
)
from rekognition_xray.clinic.diagnosis.journal import Journal
from rekognition_xray.clinic.diagnosis.journal_lines import decode_line
from rekognition_xray.errors import JournalError

_ARN = "arn:aws:rekognition:us-east-1:111122223333:project/chest/version/v1/1690556751958"


def _diagnosis(number, **changes):
    return attrs.evolve(
        Diagnosis(
            source=f"images/{number}.jpeg",
            finding="viral",
            confidences={"normal": 0.1, "bacterial": 0.2, "viral": 0.7},
            referred=False,
            reason="highest confidence",
            policy=None,
            threshold=None,
            version_arn=_ARN,
            image_sha256=f"{number:064x}",
            request_id="6b1d",
            seconds=0.1 / 3,
        ),
        **changes,
    )


@pytest.fixture
def path(tmp_path):
    """A journal of three diagnoses."""
    path = tmp_path / "journal.jsonl"
    journal = Journal(path, version_arn=_ARN)
    with journal.writing():
        for number in range(3):
            journal.add(_diagnosis(number))
    return path


def _open(path):
    return Journal(path, version_arn=_ARN)


def _knows(journal):
    return [journal.known(f"images/{n}.jpeg", f"{n:064x}") is not None for n in range(3)]


def test_what_was_written_is_known_afterwards_unchanged(path):
    assert _open(path).known("images/1.jpeg", f"{1:064x}") == _diagnosis(1)


def test_path_and_pixels_must_both_match(path):
    assert _open(path).known("images/1.jpeg", f"{2:064x}") is None
    assert _open(path).known("images/9.jpeg", f"{1:064x}") is None


def test_reading_changes_nothing_on_disk(path, tmp_path):
    path.write_bytes(path.read_bytes()[:-10])
    before = path.read_bytes()
    _open(path)
    _open(tmp_path / "new" / "none.jsonl")
    assert path.read_bytes() == before
    assert not (tmp_path / "new").exists()


def test_the_same_answer_is_written_once(path):
    journal, before = _open(path), path.read_bytes()
    with journal.writing():
        journal.add(_diagnosis(1))
    assert path.read_bytes() == before


@given(st.data())
def test_wherever_the_last_line_is_cut_the_others_stay(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("cut") / "journal.jsonl"
    journal = _open(path)
    with journal.writing():
        for number in range(3):
            journal.add(_diagnosis(number))
    whole = path.read_bytes()
    start = whole.rstrip(b"\n").rindex(b"\n") + 1
    cut = data.draw(st.integers(start, len(whole) - 2))
    tail = data.draw(st.sampled_from([b"", b"\0\0\0"]))
    path.write_bytes(whole[:cut] + tail)
    journal = _open(path)
    assert _knows(journal) == [True, True, False]
    with journal.writing():
        journal.add(_diagnosis(2))
    entries = [json.loads(line) for line in path.read_bytes().splitlines() if line]
    assert [entry["source"] for entry in entries] == [f"images/{n}.jpeg" for n in range(3)]


def test_a_last_line_that_lacks_only_its_end_is_kept(path):
    path.write_bytes(path.read_bytes().rstrip(b"\n"))
    journal = _open(path)
    assert _knows(journal) == [True, True, True]
    with journal.writing():
        journal.add(_diagnosis(3))
    assert len([json.loads(line) for line in path.read_text().splitlines()]) == 4


def test_damage_before_the_end_is_refused_with_its_line(path):
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(lines[0] + lines[1][:50] + b"\n" + lines[2])
    with pytest.raises(JournalError, match="line 2"):
        _open(path)


def test_a_last_line_with_its_end_is_damaged_and_not_cut_off(path):
    whole = path.read_bytes()
    path.write_bytes(whole[:-20] + b"\n")
    for read in (read_journal, lambda path: list(follow_journal(path))):
        with pytest.raises(JournalError, match="line 3: damaged"):
            read(path)


@pytest.mark.parametrize("end", [b"", b"\n"])
def test_json_that_is_nested_too_deeply_is_refused_with_its_line(path, end):
    deep = b'{"rxray_journal": 1, "kind": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    path.write_bytes(path.read_bytes() + deep + end)
    for read in (read_journal, lambda path: list(follow_journal(path))):
        with pytest.raises(JournalError, match="line 4: JSON nested too deeply"):
            read(path)


@pytest.mark.parametrize(
    "content",
    [
        b"name,label\n",
        b"hello",
        b"[1, 2]\n",
        b'{"source-ref": "s3://b/k"}\n',
        b'{"rxray_journal": 2, "kind": "diagnosis"}\n',
        b'{"rxray_journal": 1, "kind": "diagnosis"}\n',
        b"\x89PNG\r\n",
    ],
)
def test_a_file_that_is_no_journal_is_refused_and_left_alone(tmp_path, content):
    path = tmp_path / "labels.csv"
    path.write_bytes(content)
    with pytest.raises(JournalError, match=r"labels\.csv.* line 1"):
        _open(path)
    assert path.read_bytes() == content


def test_a_journal_of_another_version_names_both(path):
    with pytest.raises(JournalError, match="arn:other") as raised:
        Journal(path, version_arn="arn:other")
    assert _ARN in str(raised.value)


def test_a_failure_of_another_version_is_refused_too(tmp_path):
    path = tmp_path / "journal.jsonl"
    journal = _open(path)
    with journal.writing():
        journal.add(FailedDiagnosis("a.jpeg", "broken", "ImageError", False, _ARN))
    with pytest.raises(JournalError, match="another version"):
        Journal(path, version_arn="arn:other")


def test_a_journal_that_another_run_has_grown_meanwhile_is_left_alone(path):
    journal, other = _open(path), _open(path)
    with other.writing():
        other.add(_diagnosis(3))
    grown = path.read_bytes()
    with pytest.raises(JournalError, match="changed"), journal.writing():
        pass
    assert path.read_bytes() == grown


@pytest.mark.parametrize("place", [".", "file/journal.jsonl"])
def test_a_place_that_cannot_hold_a_journal_is_an_error_of_ours(tmp_path, place):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(JournalError), _open(tmp_path / place).writing():
        pass


def test_names_that_are_no_utf_8_are_kept(tmp_path):
    path = tmp_path / "journal.jsonl"
    odd = _diagnosis(0, source="images/\udcff.jpeg")
    journal = _open(path)
    with journal.writing():
        journal.add(odd)
    assert _open(path).known(odd.source, odd.image_sha256) == odd


_FAILURE = FailedDiagnosis("a.jpeg", "broken", "ImageError", False, _ARN)
_REFUSED = {"gate": "0123", "gate_score": 7.5, "gate_reason": "unlike the training images"}


@pytest.mark.parametrize("answer", [_diagnosis(0), _diagnosis(0, **_REFUSED), _FAILURE])
def test_every_field_that_is_written_is_one_that_is_read_fast(tmp_path, answer):
    journal = _open(tmp_path / "journal.jsonl")
    with journal.writing():
        journal.add(answer, (5, 7))
    line = decode_line(journal.path.read_bytes())
    assert (line.answer(), line.file) == (answer, (5, 7))


def _rewritten(path, number, **changes):
    """Writes a line of the journal with other values, as another program could."""
    lines = path.read_text().splitlines()
    lines[number] = json.dumps({**json.loads(lines[number]), **changes})
    path.write_text("\n".join(lines) + "\n")


@pytest.mark.parametrize(
    "changes",
    [
        {"unknown": [1, {"key": "value"}]},
        {"seconds": 1},
        {"confidences": {"normal": 1, "viral": 0}},
        {"confidences": {"viral": float("nan")}},
        {"reason": "Grund \N{LATIN SMALL LETTER U WITH DIAERESIS} \ud800"},
        {"policy": "screening", "threshold": 0.25},
        {"file": [5, 7]},
    ],
)
def test_a_line_that_others_write_is_read_as_one_of_ours(path, changes):
    _rewritten(path, 1, **changes)
    written = json.loads(path.read_text().splitlines()[1])
    entry = _open(path).last("images/1.jpeg")
    assert repr(entry.answer) == repr(Diagnosis.from_dict(written))
    assert entry.file == (None if written["file"] is None else tuple(written["file"]))


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"source": 5}, "source"),
        ({"referred": "no"}, "referred"),
        ({"confidences": {"viral": "0.7"}}, "viral"),
        ({"threshold": True}, "threshold"),
        ({"file": [1, 2, 3]}, "file"),
        ({"kind": "guess"}, "guess"),
        ({"kind": None}, "kind"),
        ({"seconds": 10**400}, "seconds"),
        ({"confidences": {"viral": 10**400}}, "viral"),
        ({"confidences": {"viral": 1.5}}, "viral"),
        ({"confidences": {"viral": -0.1}}, "viral"),
        ({"confidences": {"viral": float("inf")}}, "viral"),
        ({"written_at": "yesterday"}, "written_at"),
        ({"written_at": "2026-11-29T08:00:00"}, "written_at"),
        ({"written_at": "0001-01-01T00:00:00+14:00"}, "written_at"),
        ({"written_at": 7}, "written_at"),
        ({"rxray_journal": 2}, "format 1"),
    ],
)
def test_a_wrong_field_is_refused_with_its_line_and_name(path, changes, field):
    _rewritten(path, 1, **changes)
    with pytest.raises(JournalError, match=rf"line 2: .*{field}"):
        _open(path)
    with pytest.raises(JournalError, match=rf"line 2: .*{field}"):
        list(follow_journal(path))


def test_a_journal_is_read_as_the_last_answer_for_each_image_in_the_order_of_lines(path):
    journal = _open(path)
    with journal.writing():
        journal.add(_diagnosis(0, finding="normal"))
        journal.add(FailedDiagnosis("images/9.jpeg", "cut off", "ImageError", False, _ARN))
    found = read_journal(path)
    assert [answer.source[7] for answer in found] == ["1", "2", "0", "9"]
    assert found[2] == _diagnosis(0, finding="normal")


def test_a_journal_of_two_versions_is_not_read(path):
    other = path.read_text("utf-8").splitlines()[0].replace("/v1/", "/v2/")
    path.write_text(f"{path.read_text('utf-8')}{other}\n", "utf-8")
    with pytest.raises(JournalError, match="another version"):
        read_journal(path)
