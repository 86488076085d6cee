"""Structured report and secondary capture: sound DICOM, in the study, and nobody's name."""

from __future__ import annotations

import datetime as dt
import io
import logging
import shutil
import subprocess
from pathlib import Path

import attrs
import numpy as np
import pytest
from highdicom.sr import srread
from pydicom.dataset import Dataset

from rekognition_xray.clinic.exchange import (
    check_source,
    code_of,
    to_dicom_sr,
    to_secondary_capture,
)
from rekognition_xray.clinic.explanation import Explanation, plan_explanation
from rekognition_xray.clinic.policy import REFERRED, TYPE_UNCERTAIN
from rekognition_xray.data.images import prepare_image
from rekognition_xray.data.pseudonyms import PseudonymKey
from rekognition_xray.errors import DataError, ImageError, InvalidRequestError

from ...support.journals import diagnose
from .conftest import (
    CONFIDENCES,
    EVERYTHING,
    INSTANCE,
    SERIES,
    SOURCES,
    STUDY,
    Check,
    diagnosed,
    source,
)

WRITE = (to_dicom_sr, to_secondary_capture)
TIME = dt.datetime(2026, 11, 29, 9, 30, tzinfo=dt.UTC)


def texts(dataset: Dataset) -> list[str]:
    return [str(element.value) for element in dataset.iterall() if element.VR != "SQ"]


def reread(report: Dataset):
    """The report as highdicom reads it from a file."""
    stream = io.BytesIO()
    report.save_as(stream, enforce_file_format=True)
    stream.seek(0)
    return srread(stream)


def groups(report: Dataset):
    return reread(report).content.get_image_measurement_groups()


@pytest.mark.heavy
@pytest.mark.parametrize("tags", SOURCES, ids=lambda tags: " ".join(map(str, tags.values()))[:40])
@pytest.mark.parametrize("write", WRITE)
@pytest.mark.parametrize("identified", [True, False])
def test_checkers_find_no_error_whatever_the_source(
    check: Check, key: PseudonymKey, write, tags: dict[str, object], identified: bool
) -> None:
    data = source(**tags)
    made = write(
        diagnosed(data),
        data,
        identified=identified,
        key=None if identified else key,
        options=EVERYTHING,
    )
    read = check(made)
    assert read.StudyInstanceUID == STUDY
    assert read.SeriesInstanceUID not in {SERIES, STUDY}


@pytest.mark.parametrize("write", WRITE)
def test_checkers_find_no_error_on_real_radiographs(
    check: Check, key: PseudonymKey, xrays: Path, write
) -> None:
    checked = 0
    for path in sorted((xrays / "dicom").iterdir()):
        try:
            sha256 = prepare_image(path, options=EVERYTHING).sha256
        except ImageError:  # a transfer syntax that nothing here reads
            continue
        found = attrs.evolve(diagnose(path, CONFIDENCES), image_sha256=sha256)
        check(write(found, path, key=key, options=EVERYTHING))
        checked += 1
    assert checked >= 5


@pytest.mark.parametrize("write", WRITE)
def test_nothing_of_the_patient_is_in_it_unless_it_stays_inside(key: PseudonymKey, write) -> None:
    data = source()
    hidden = " ".join(texts(write(diagnosed(data), data, key=key)))
    for secret in ("Muster", "4711", "20190401", "S1\n", "20261128", "A99", "Berta"):
        assert secret not in hidden
    pseudonym = key.pseudonym("4711")
    made = write(diagnosed(data), data, key=key)
    assert (made.PatientID, made.PatientName) == (pseudonym, f"{pseudonym}^")
    assert made.PatientIdentityRemoved == "YES"
    inside = write(diagnosed(data), data, identified=True)
    assert (inside.PatientName, inside.PatientID) == ("Muster^Anna", "4711")
    assert (inside.StudyDate, inside.AccessionNumber) == ("20261128", "A99")
    assert "PatientIdentityRemoved" not in inside


def test_a_patient_without_a_number_gets_a_pseudonym_by_the_study(key: PseudonymKey) -> None:
    data = source(PatientID=None)
    made = to_dicom_sr(diagnosed(data), data, key=key)
    assert made.PatientID == key.pseudonym(f"study:{STUDY}")


@pytest.mark.parametrize(
    ("charset", "name"),
    [
        ("ISO_IR 144", "Люкceмбypг^Анна"),
        ("GB18030", "Wang^XiaoDong=王^小东"),
        ("ISO_IR 100", "Müller"),
    ],
)
@pytest.mark.parametrize("write", WRITE)
def test_a_name_in_a_foreign_character_set_is_the_same_name(
    check: Check, write, charset: str, name: str
) -> None:
    data = source(SpecificCharacterSet=charset, PatientName=name)
    read = check(write(diagnosed(data), data, identified=True))
    assert str(read.PatientName) == name
    assert read.SpecificCharacterSet == "ISO_IR 192"


def test_the_report_says_finding_certainties_and_who_made_it(key: PseudonymKey) -> None:
    data = source()
    found = diagnosed(data, policy="ward 2", threshold=0.4)
    report = to_dicom_sr(found, data, key=key)
    finding, *labels = groups(report)
    (evaluation,) = finding.get_qualitative_evaluations()
    assert (evaluation.name.meaning, evaluation.value.value) == ("Single Image Finding", "53084003")
    seen = {group.finding_type.meaning: group.get_measurements()[0].value for group in labels}
    assert seen == {"Normal": 10.0, "Bacterial pneumonia": 65.0, "Viral pneumonia": 25.0}
    said = " ".join(texts(report))
    for text in (found.version_arn, "policy=ward 2", "threshold=0.4", "Not a medical device"):
        assert text in said
    assert "verified by nobody" in said
    assert (report.VerificationFlag, report.CompletionFlag) == ("UNVERIFIED", "COMPLETE")
    assert report.PreliminaryFlag == "PRELIMINARY"


def test_the_report_refers_to_its_image(key: PseudonymKey) -> None:
    data = source()
    report = to_dicom_sr(diagnosed(data), data, key=key)
    (evidence,) = report.CurrentRequestedProcedureEvidenceSequence
    (series,) = evidence.ReferencedSeriesSequence
    assert series.SeriesInstanceUID == SERIES
    assert series.ReferencedSOPSequence[0].ReferencedSOPInstanceUID == INSTANCE
    for group in groups(report):
        (image,) = group.source_images
        assert image.referenced_sop_instance_uid == INSTANCE


def test_dcmtk_reads_the_same_finding(key: PseudonymKey, tmp_path: Path) -> None:
    if shutil.which("dsrdump") is None:
        pytest.skip("no dsrdump: install dcmtk")
    data = source()
    to_dicom_sr(diagnosed(data), data, key=key).save_as(
        tmp_path / "sr.dcm", enforce_file_format=True
    )
    done = subprocess.run(
        ["dsrdump", "+Pc", tmp_path / "sr.dcm"], capture_output=True, text=True, check=True
    )
    assert '(111059,DCM,"Single Image Finding")=(53084003,SCT,"Bacterial pneumonia")' in done.stdout
    assert [line for line in done.stderr.splitlines() if line.startswith(("E:", "F:"))] == []


@pytest.mark.parametrize(
    ("finding", "code"),
    [
        (REFERRED, ("SCT", "373068000")),
        (TYPE_UNCERTAIN, ("SCT", "233604007")),
        ("normal", ("SCT", "17621005")),
    ],
)
def test_findings_have_codes(finding: str, code: tuple[str, str]) -> None:
    assert (code_of(finding).scheme, code_of(finding).value) == code


@pytest.mark.parametrize("write", WRITE)
def test_an_image_that_a_gate_refused_has_sound_objects_of_its_own(
    check: Check, key: PseudonymKey, write
) -> None:
    data = source()
    refused = diagnosed(
        data, finding=REFERRED, referred=True, confidences={}, request_id="", gate="5a1"
    )
    made = check(write(refused, data, key=key))
    other = write(attrs.evolve(refused, gate="5a2"), data, key=key)
    assert made.SOPInstanceUID != other.SOPInstanceUID


def test_a_label_of_your_own_gets_a_private_code(check: Check, key: PseudonymKey) -> None:
    data = source()
    label = "hernia, " * 20
    found = diagnosed(data, confidences={label: 0.9, "normal": 0.1}, finding=label)
    check(to_dicom_sr(found, data, key=key))
    assert code_of(label).scheme == "99RXRAY"
    assert code_of(label) == code_of(label) != code_of("effusion")
    assert len(code_of(label).value) <= 16


def test_the_capture_shows_the_picture_and_names_its_source(key: PseudonymKey) -> None:
    data = source()
    found = diagnosed(data)
    made = to_secondary_capture(found, data, key=key)
    picture = found.draw(data)
    shown = np.frombuffer(made.PixelData, np.uint8)[: picture.width * picture.height * 3]
    assert np.array_equal(shown.reshape(picture.height, picture.width, 3), np.asarray(picture))
    assert made.SourceImageSequence[0].ReferencedSOPInstanceUID == INSTANCE
    assert (made.BurnedInAnnotation, made.LossyImageCompression) == ("NO", "00")


def test_pixels_that_may_show_a_name_are_only_taken_when_asked_and_said(key: PseudonymKey) -> None:
    data = source(BurnedInAnnotation="YES")
    with pytest.raises(ImageError, match="burned"):
        to_secondary_capture(diagnosed(data), data, key=key)
    made = to_secondary_capture(diagnosed(data), data, key=key, options=EVERYTHING)
    assert made.BurnedInAnnotation == "YES"


@pytest.mark.parametrize("write", WRITE)
def test_the_same_diagnosis_gives_the_same_object_and_another_one_another(
    key: PseudonymKey, write
) -> None:
    data = source()
    found = diagnosed(data)
    first, again = (write(found, data, key=key, time=TIME) for _ in range(2))
    assert first.SOPInstanceUID == again.SOPInstanceUID
    assert (first.ContentDate, first.ContentTime) == ("20261129", "093000.000000")
    other = write(attrs.evolve(found, request_id="another"), data, key=key)
    assert other.SOPInstanceUID != first.SOPInstanceUID
    assert other.SeriesInstanceUID == first.SeriesInstanceUID


@pytest.mark.parametrize("write", WRITE)
def test_all_uids_that_are_missing_are_named(key: PseudonymKey, write) -> None:
    data = source(StudyInstanceUID=None, SeriesInstanceUID="")
    with pytest.raises(DataError, match="StudyInstanceUID, SeriesInstanceUID"):
        write(diagnosed(data), data, key=key)


@pytest.mark.parametrize("write", WRITE)
def test_another_image_and_no_dicom_are_refused(key: PseudonymKey, tmp_path: Path, write) -> None:
    data = source()
    with pytest.raises(DataError, match="not the image that was diagnosed"):
        write(diagnosed(data, image_sha256="0" * 64), data, key=key)
    with pytest.raises(DataError, match="as DICOM"):
        write(diagnosed(data), tmp_path / "gone.dcm", key=key)
    with pytest.raises(DataError, match="no usable SOPClassUID"):
        write(diagnosed(data), b"Dear colleague", key=key)


@pytest.mark.parametrize("write", WRITE)
def test_the_caller_chooses_between_a_pseudonym_and_the_name(key: PseudonymKey, write) -> None:
    data = source()
    for choice in ({}, {"key": key, "identified": True}):
        with pytest.raises(InvalidRequestError, match="pseudonym"):
            write(diagnosed(data), data, **choice)


def test_values_that_are_not_valid_are_left_out_and_named_without_the_value(
    caplog: pytest.LogCaptureFixture,
) -> None:
    data = source(StudyDate="2026-11-28", PatientSex="unknown")
    with caplog.at_level(logging.WARNING):
        made = to_dicom_sr(diagnosed(data), data, identified=True)
    assert (made.StudyDate, made.PatientSex) == ("", "")
    assert "StudyDate" in caplog.text
    assert "2026-11-28" not in caplog.text


@pytest.mark.parametrize("write", WRITE)
def test_answers_that_differ_in_what_they_say_have_uids_of_their_own(
    key: PseudonymKey, write
) -> None:
    data = source()
    found = diagnosed(data)
    made = [
        write(found, data, key=key),
        write(attrs.evolve(found, finding="viral"), data, key=key),
        write(attrs.evolve(found, policy="ward 2", threshold=0.4), data, key=key),
        write(found, data, key=PseudonymKey(b"another key for tests")),
        write(found, data, identified=True),
    ]
    assert len({one.SOPInstanceUID for one in made}) == len(made)
    again = write(attrs.evolve(found, source="copy.dcm", seconds=9.0), data, key=key)
    assert again.SOPInstanceUID == made[0].SOPInstanceUID


@pytest.mark.parametrize(
    ("time", "written"),
    [
        (TIME, ("20261129", "093000.000000", "+0000")),
        (
            TIME.astimezone(dt.timezone(dt.timedelta(hours=-5))),
            ("20261129", "043000.000000", "-0500"),
        ),
        (
            TIME.astimezone(dt.timezone(dt.timedelta(seconds=1))),
            ("20261129", "093000.000000", "+0000"),
        ),
        (TIME.replace(year=987), ("09871129", "093000.000000", "+0000")),
    ],
)
@pytest.mark.parametrize("write", WRITE)
def test_every_time_is_the_same_moment(
    key: PseudonymKey, write, time: dt.datetime, written: tuple[str, str, str]
) -> None:
    data = source()
    made = write(diagnosed(data), data, key=key, time=time)
    assert (made.ContentDate, made.ContentTime, made.TimezoneOffsetFromUTC) == written
    contributed = [str(one.value) for one in made.iterall() if one.VR == "DT"]
    assert contributed == ["".join(written)] * len(contributed)


def test_times_are_in_the_zone_of_the_study_that_stays_with_them() -> None:
    data = source(TimezoneOffsetFromUTC="+0530")
    made = to_dicom_sr(diagnosed(data), data, identified=True, time=TIME)
    assert (made.StudyTime, made.ContentTime) == ("101500", "150000.000000")
    assert made.TimezoneOffsetFromUTC == "+0530"


def test_a_time_that_has_no_utc_is_refused(key: PseudonymKey) -> None:
    early = dt.datetime(1, 1, 1, tzinfo=dt.timezone(dt.timedelta(seconds=1)))
    with pytest.raises(InvalidRequestError, match="cannot be written"):
        to_dicom_sr(diagnosed(source()), source(), key=key, time=early)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"confidences": {"normal": float("nan")}}, "'normal' is nan"),
        ({"confidences": {"normal": float("inf")}}, "'normal' is inf"),
        ({"confidences": {"normal": 1.5}}, "not from 0 to 1"),
        ({"threshold": float("nan")}, "threshold is nan"),
        ({"confidences": {" ": 0.5}}, "a label is empty"),
        ({"finding": ""}, "the finding is empty"),
        ({"version_arn": ""}, "version ARN is empty"),
        ({"finding": "a\\b"}, "backslash"),
        ({"confidences": {"a\nb": 0.5}}, "control character"),
    ],
)
@pytest.mark.parametrize("write", WRITE)
def test_a_diagnosis_that_no_object_can_say_is_refused(
    key: PseudonymKey, write, changes: dict[str, object], why: str
) -> None:
    data = source()
    with pytest.raises(InvalidRequestError, match=why):
        write(diagnosed(data, **changes), data, key=key)


def test_a_name_with_a_line_end_is_left_out() -> None:
    data = source(PatientName="Muster\n^Anna")
    assert to_dicom_sr(diagnosed(data), data, identified=True).PatientName == ""


def test_a_class_that_the_standard_does_not_know_is_refused(key: PseudonymKey) -> None:
    data = source(SOPClassUID="1.2.3")
    with pytest.raises(DataError, match="no usable SOPClassUID"):
        to_dicom_sr(diagnosed(data), data, key=key)
    with pytest.raises(DataError, match="no usable SOPClassUID"):
        check_source(data)


def test_the_occlusion_map_stands_below_the_picture(check: Check, key: PseudonymKey) -> None:
    data = source()
    found = diagnosed(data)
    explanation = Explanation(
        label="pneumonia",
        base=0.9,
        drops=np.array([[0.1, -0.1], [0.4, 0.0]]),
        fill="mean",
        calls=5,
        missing=(),
        version_arn=found.version_arn,
        image_sha256=found.image_sha256,
        plan=plan_explanation(grid=2),
    )
    alone = to_secondary_capture(found, data, key=key)
    both = check(to_secondary_capture(found, data, key=key, explanation=explanation))
    assert both.Rows == alone.Rows + explanation.overlay(data).height
    assert both.SOPInstanceUID != alone.SOPInstanceUID
