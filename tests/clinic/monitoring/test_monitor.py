from __future__ import annotations

import json

import pytest

import rekognition_xray as rx
from rekognition_xray.clinic.diagnosis.journal import Journal
from rekognition_xray.clinic.monitoring import Monitor
from rekognition_xray.errors import EvaluationError, JournalError

from ...support.drifting import ARN, append, confidences, failure, line, quiet

OTHER = ARN.replace("/v1/", "/v2/")


@pytest.fixture
def reference(tmp_path):
    return quiet(tmp_path / "reference.jsonl", 400, seed=1)


@pytest.fixture
def journal(tmp_path):
    return tmp_path / "journal.jsonl"


def _watched(report, name):
    (found,) = [value for value in report.watched if value.name.startswith(name)]
    return found


def test_images_like_those_of_the_reference_raise_no_alarm(reference, journal) -> None:
    report = Monitor(reference).update(quiet(journal, 400, seed=2))
    assert (report.alarm, report.images, report.failed) == (False, 400, 0)
    assert report.version_arn == ARN
    assert "No alarm" in str(report)
    for value in report.watched:
        assert value.compared_with == "the reference"
        assert (value.images, value.reason, value.alarm_image) == (400, "", None)
        for before, now in value.figures.values():
            assert before.low <= before.value <= before.high
            assert now.low <= before.high
            assert before.low <= now.high


def test_a_change_raises_the_alarm_soon_after_it_and_for_good(reference, journal) -> None:
    monitor = Monitor(reference)
    assert not monitor.update(quiet(journal, 200, seed=2)).alarm
    report = monitor.update(quiet(journal, 300, ill=0.7, seed=3))
    at = _watched(report, "confidence").alarm_image
    assert 200 < at < 350
    assert f"ALARM: the images have changed (confidence of pneumonia, at image {at})" in str(report)
    later = monitor.update(quiet(journal, 600, seed=4))
    assert later.alarm
    assert _watched(later, "confidence").alarm_image == at


def test_referrals_without_confidences_count_as_referrals(reference, journal) -> None:
    refused = {"confidences": {}, "referred": True, "gate_score": 9.0}
    append(journal, (line(f"{number}.png", 0.0, **refused) for number in range(40)))
    report = Monitor(reference).update(journal)
    assert report.without_confidence == 40
    assert _watched(report, "confidence").reason == "no image of the journal has a confidence"
    assert _watched(report, "referred").alarm
    assert _watched(report, "gate score").alarm
    assert report.prevalence.value is None


def test_only_new_lines_are_read_and_how_they_are_grouped_changes_nothing(
    reference, journal
) -> None:
    quiet(journal, 300, seed=2)
    at_once = Monitor(reference).update(journal)
    lines = journal.read_bytes().splitlines(keepends=True)
    monitor, growing = Monitor(reference), journal.with_name("growing.jsonl")
    for start in range(0, 300, 70):
        with growing.open("ab") as stream:
            stream.writelines(lines[start : start + 70])
        report = monitor.update(growing)
    assert report == at_once == monitor.update(growing)


def test_a_line_that_is_being_written_is_read_when_it_is_whole(reference, journal) -> None:
    quiet(journal, 20, seed=2)
    content = journal.read_bytes()
    journal.write_bytes(content[:-30])
    monitor = Monitor(reference)
    assert monitor.update(journal).images == 19
    journal.write_bytes(content)
    assert monitor.update(journal).images == 20


def test_journals_of_several_days_are_followed_in_turn(reference, tmp_path) -> None:
    monitor = Monitor(reference)
    monitor.update(quiet(tmp_path / "monday.jsonl", 30, seed=2))
    assert monitor.update(quiet(tmp_path / "tuesday.jsonl", 30, seed=3)).images == 60


def test_the_same_image_again_counts_once_and_a_failure_apart(reference, journal) -> None:
    append(journal, [line("a.png", 0.2), line("a.png", 0.2), line("b.png", 0.2), failure("c.png")])
    report = Monitor(reference).update(journal)
    assert (report.images, report.failed) == (2, 1)


def test_of_a_patient_the_first_image_counts(reference, journal) -> None:
    names = [f"patient{number // 3}/{number}.png" for number in range(60)]
    append(journal, (line(name, 0.2) for name in names))
    report = Monitor(reference, patient=lambda path: path.split("/")[0]).update(journal)
    assert report.images == 20


def test_images_of_a_patient_in_a_row_raise_false_alarms_unless_the_patient_is_told(
    tmp_path,
) -> None:
    def rows(name, seed):
        drawn = enumerate(confidences(60, seed=seed))
        images = (
            (f"{name}{one}/{number}.png", value) for one, value in drawn for number in range(20)
        )
        return append(tmp_path / name, (line(source, value) for source, value in images))

    reference, journal = rows("before", 1), rows("after", 2)
    assert Monitor(reference).update(journal).alarm
    told = Monitor(reference, patient=lambda path: path.split("/")[0]).update(journal)
    assert (told.alarm, told.images) == (False, 60)


def test_answers_a_day_are_counted_by_when_lines_were_written(reference, journal) -> None:
    times = ["2026-11-28T23:59:59+00:00", "2026-11-29T01:30:00+02:00", "2026-11-29T08:00:00+00:00"]
    append(journal, (line(f"{one}.png", 0.1, written_at=one) for one in times))
    append(journal, (line(f"{one}.png", 0.1, written_at=None) for one in range(9)))
    report = Monitor(reference).update(journal)
    assert report.calls_by_day == {"2026-11-28": 2, "2026-11-29": 1}


def test_a_journal_says_when_its_lines_were_written(reference, journal) -> None:
    written = Journal(journal, version_arn=ARN)
    with written.writing():
        written.add(rx.Diagnosis.from_dict(line("a.png", 0.2)))
    assert sum(Monitor(reference).update(journal).calls_by_day.values()) == 1


# -- an evaluation as reference --------------------------------------------------------------------


@pytest.fixture(scope="module")
def evaluation(draw, write):
    return write(draw(patients=150, images=(1, 2))).evaluation(resamples=100)


def _lines_of(images, *, start=0):
    return (
        line(f"{start + number}.png", 0.0, confidences=dict(image.confidences))
        for number, image in enumerate(images)
    )


def test_an_evaluation_is_a_reference_for_confidences_and_prevalence(
    evaluation, draw, journal
) -> None:
    append(journal, _lines_of(draw(patients=150, images=(1, 2), seed=5)))
    report = Monitor(evaluation).update(journal)
    assert not report.alarm
    assert _watched(report, "confidence").compared_with == "the reference"
    assert _watched(report, "referred").compared_with == "the journal's own beginning"
    assert report.prevalence.low < 2 / 3 < report.prevalence.high
    assert "test images" in report.reference


def test_the_first_image_of_each_patient_of_an_evaluation_counts(evaluation, journal) -> None:
    append(journal, _lines_of(evaluation.images[:20]))
    report = Monitor(evaluation, patient=lambda path: path).update(journal)
    assert f"the {evaluation.patients} test images" in report.reference


def test_labels_that_do_not_distinguish_pneumonia_are_watched_by_the_likeliest(
    draw, write, journal
) -> None:
    labels = ("fracture", "nodule")
    drawn = draw(patients=20, labels=labels)
    evaluation = write(drawn, labels=labels).evaluation(resamples=100)
    report = Monitor(evaluation).update(append(journal, _lines_of(drawn)))
    assert _watched(report, "confidence of the likeliest label").images == len(drawn)
    assert "do not distinguish" in report.prevalence.reason


# -- bad input -------------------------------------------------------------------------------------


def test_without_gate_scores_nothing_is_estimated_of_them(tmp_path, journal) -> None:
    reference = quiet(tmp_path / "reference.jsonl", 100, seed=1, gate=False)
    report = Monitor(reference).update(quiet(journal, 100, seed=2, gate=False))
    found = _watched(report, "gate score")
    assert (found.images, found.alarm) == (0, False)
    assert found.reason == "no image of the journal has a gate score"
    assert {str(figure) for pair in found.figures.values() for figure in pair} == {"not estimable"}
    assert "no image of the journal has a gate score" in str(report)


def test_a_gate_score_that_is_no_number_is_none(reference, journal) -> None:
    append(
        journal, [line("a.png", 0.1, gate_score=float("nan")), line("b.png", 0.1, gate_score=1.0)]
    )
    assert _watched(Monitor(reference).update(journal), "gate score").images == 1


def test_a_reference_journal_has_no_labels_for_a_prevalence(reference, journal) -> None:
    report = Monitor(reference).update(quiet(journal, 50))
    assert (report.prevalence.value, report.prevalence.n) == (None, 50)
    assert "use an evaluation" in str(report)


def test_an_empty_journal_is_no_alarm(reference, journal) -> None:
    journal.touch()
    report = Monitor(reference).update(journal)
    assert (report.images, report.alarm, report.recent) == (0, False, 0)
    assert "answers a day: not estimable" in str(report)


@pytest.mark.parametrize("kind", ["journal", "evaluation"])
def test_a_reference_of_another_version_is_refused(kind, reference, evaluation, journal) -> None:
    given = reference if kind == "journal" else evaluation
    append(journal, [line("a.png", 0.1), line("b.png", 0.1, version_arn=OTHER)])
    with pytest.raises(JournalError, match=r"answers of .*/v2/.* reference is of .*/v1/"):
        Monitor(given).update(journal)


def test_a_line_that_was_refused_is_refused_again_and_those_before_count_once(
    reference, journal
) -> None:
    monitor = Monitor(reference)
    append(journal, [line("a.png", 0.1), line("b.png", 0.1, version_arn=OTHER)])
    for _ in range(2):
        with pytest.raises(JournalError, match="reference is of"):
            monitor.update(journal)
    assert monitor.update(quiet(journal.with_name("next.jsonl"), 20)).images == 21


def test_a_reference_of_two_versions_is_refused(reference, journal) -> None:
    append(reference, [line("b.png", 0.1, version_arn=OTHER)])
    with pytest.raises(JournalError, match=r"reference\.jsonl"):
        Monitor(reference).update(quiet(journal, 20))


@pytest.mark.parametrize("lines", [[], [failure("a.png")], [line("a.png", 0.0, confidences={})]])
def test_a_reference_without_confidences_is_refused(tmp_path, journal, lines) -> None:
    reference = append(tmp_path / "empty.jsonl", lines)
    with pytest.raises(EvaluationError, match="no image with a confidence"):
        Monitor(reference).update(quiet(journal, 20))


def test_the_reference_itself_is_refused(reference) -> None:
    with pytest.raises(JournalError, match="the reference itself"):
        Monitor(reference).update(reference)


def test_a_journal_that_has_become_shorter_is_refused(reference, journal) -> None:
    monitor = Monitor(reference)
    monitor.update(quiet(journal, 20))
    journal.write_text("")
    with pytest.raises(JournalError, match="shorter"):
        monitor.update(journal)


@pytest.mark.parametrize(
    ("line_of", "message"),
    [
        ("hello", "no line of a journal"),
        (json.dumps({"rxray_journal": 2}), "format 1"),
        (json.dumps(line("a.png", 0.1, kind="guess")), "no kind of line"),
        (json.dumps(line("a.png", 0.1, gate_score="high")), "gate_score"),
        (json.dumps(line("a.png", 0.1, written_at="2026-11-29")), "no time zone"),
        (json.dumps(line("a.png", 0.1, written_at="yesterday")), "ISO 8601"),
        (json.dumps(line("a.png", 0.1))[:50], "damaged"),
    ],
)
def test_a_damaged_line_is_named(reference, journal, line_of, message) -> None:
    good = json.dumps(line("b.png", 0.1))
    journal.write_text(f"{good}\n{line_of}\n{good}\n")
    with pytest.raises(JournalError, match=f"line 2: .*{message}"):
        Monitor(reference).update(journal)


def test_a_journal_that_is_not_there_is_named(reference, journal) -> None:
    with pytest.raises(JournalError, match=r"journal\.jsonl cannot be read"):
        Monitor(reference).update(journal)


@pytest.mark.parametrize(
    "numbers",
    [{"false_alarms": 0}, {"false_alarms": 1}, {"false_alarms": float("nan")}, {"recent": 7}],
)
def test_numbers_out_of_range_are_refused(reference, numbers) -> None:
    with pytest.raises(EvaluationError, match="cannot be used"):
        Monitor(reference, **numbers)


# -- what is reported ------------------------------------------------------------------------------


def test_the_report_is_plain_data(reference, journal) -> None:
    report = Monitor(reference).update(quiet(journal, 300, ill=0.9))
    data = json.loads(json.dumps(report.to_dict(), allow_nan=False))
    assert data["alarm"] is True
    assert data["watched"][0]["alarm_image"] == report.watched[0].alarm_image
    assert data["watched"][0]["figures"]["median"][1]["value"] > 0.5


def test_the_page_shows_the_report_and_escapes_names(tmp_path, journal) -> None:
    reference = quiet(tmp_path / "<b>x.jsonl", 100, seed=1)
    report = Monitor(reference).update(quiet(journal, 300, ill=0.9))
    page = report.to_html(tmp_path / "pages" / "monitor.html").read_text("utf-8")
    assert "ALARM" in page
    assert "&lt;b&gt;x.jsonl" in page
    assert "Not a medical device" in page
    assert "<script" not in page
