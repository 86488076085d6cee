"""FHIR R4 resources: valid by the schema of fhir.resources and by what it does not check."""

from __future__ import annotations

import datetime as dt
import json
import re
from decimal import Decimal

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rekognition_xray.clinic.diagnosis import Diagnosis
from rekognition_xray.clinic.exchange import to_fhir_observation, to_fhir_report
from rekognition_xray.clinic.policy import REFERRED
from rekognition_xray.errors import InvalidRequestError

from ...support.journals import diagnose

NOW = dt.datetime(2026, 11, 29, 12, tzinfo=dt.timezone(dt.timedelta(hours=1)))
FOUND = attrs.evolve(
    diagnose("/ward/Anna Muster.dcm", {"normal": 0.1, "bacterial": 0.65, "viral": 0.25}),
    request_id="2f1c5d39-0f4a-4d77-9c1e-0d2f6c9a5b11",
    reason="pneumonia 0.90 > 0.40 & <b>",
)
TO = {"patient": "5919a8fcb01e2ef49a589ebf", "patient_system": "https://clinic.example/pseudonyms"}

shares = st.floats(0, 1)
labels = st.text(min_size=1, max_size=30).filter(str.strip)


def report(diagnosis: Diagnosis = FOUND, **more: object) -> dict:
    return to_fhir_report(diagnosis, **(TO | {"issued": NOW} | more))


def test_the_schema_takes_the_report_and_what_it_contains() -> None:
    pytest.importorskip("fhir.resources")
    from fhir.resources.R4B.diagnosticreport import DiagnosticReport

    made = DiagnosticReport.model_validate_json(json.dumps(report(study="1.2.840.99")))
    device, observation = made.contained
    assert (made.status, observation.status) == ("preliminary", "preliminary")
    assert [each.reference for each in made.result] == [f"#{observation.id}"]
    assert observation.device.reference == f"#{device.id}"
    assert made.imagingStudy[0].identifier.value == "urn:oid:1.2.840.99"
    assert made.identifier[0].value == f"urn:uuid:{FOUND.request_id}"


def test_the_schema_takes_the_observation_alone() -> None:
    pytest.importorskip("fhir.resources")
    from fhir.resources.R4B.observation import Observation

    made = Observation.model_validate_json(json.dumps(to_fhir_observation(FOUND, **TO, issued=NOW)))
    assert made.valueCodeableConcept.text == "bacterial"
    assert made.device.reference == f"#{made.contained[0].id}"
    assert [part.code.text.split()[-1] for part in made.component] == [
        "normal",
        "bacterial",
        "viral",
    ]


@given(st.dictionaries(labels, shares, min_size=1, max_size=4))
def test_confidences_are_decimals_as_fhir_writes_them(confidences: dict[str, float]) -> None:
    """The schema of fhir.resources sends decimals through floats, so the text is looked at."""
    made = report(attrs.evolve(FOUND, confidences=confidences, finding=max(confidences)))
    read = json.loads(json.dumps(made), parse_float=lambda text: text)
    parts = read["contained"][1]["component"]
    for part in parts:
        text = str(part["valueQuantity"]["value"])
        assert re.fullmatch(r"(0|1)(\.\d{1,4})?", text), text
        assert 0 <= Decimal(text) <= 1
    assert len(parts) == len(confidences)


def test_words_of_the_model_are_text_in_the_narrative() -> None:
    made = report(attrs.evolve(FOUND, finding="<script>alert(1)</script>"))
    assert "<script>" not in made["text"]["div"]
    assert "&lt;script&gt;" in made["text"]["div"]


def test_no_path_of_a_file_is_in_it() -> None:
    assert "Muster" not in json.dumps(report())


@pytest.mark.parametrize("write", [to_fhir_report, to_fhir_observation])
def test_every_resource_says_that_it_is_no_medical_device(write) -> None:
    text = json.dumps(write(FOUND, **TO, issued=NOW))
    assert "Not a medical device" in text
    assert "not a medical device" in text


def test_a_referred_image_has_no_finding_and_is_left_to_a_person() -> None:
    made = report(attrs.evolve(FOUND, finding=REFERRED, referred=True))
    assert made["conclusion"].startswith("No finding by the model. A person must read this image: ")


def test_a_request_without_a_uuid_is_an_identifier_all_the_same() -> None:
    assert report(attrs.evolve(FOUND, request_id="r1"))["identifier"] == [{"value": "r1"}]


def test_an_image_that_a_gate_refused_gives_a_valid_report_without_confidences() -> None:
    pytest.importorskip("fhir.resources")
    from fhir.resources.R4B.diagnosticreport import DiagnosticReport

    refused = attrs.evolve(FOUND, finding=REFERRED, referred=True, confidences={}, request_id="")
    made = DiagnosticReport.model_validate_json(json.dumps(report(refused)))
    assert made.identifier is None
    assert made.contained[1].component is None


def test_all_arguments_that_give_no_resource_are_named() -> None:
    with pytest.raises(InvalidRequestError) as caught:
        report(patient=" ", patient_system="", issued=NOW.replace(tzinfo=None), study="1.02")
    for fault in ("no identifier", "no system", "no time zone", "no UID"):
        assert fault in caught.value.message


def test_an_offset_with_seconds_becomes_utc() -> None:
    local_mean_time = dt.timezone(dt.timedelta(minutes=53, seconds=28))
    assert report(issued=NOW.astimezone(local_mean_time))["issued"] == "2026-11-29T11:00:00+00:00"


@pytest.mark.parametrize("write", [to_fhir_report, to_fhir_observation])
def test_all_that_makes_a_diagnosis_unfit_is_named(write) -> None:
    unfit = attrs.evolve(
        FOUND, finding="", version_arn=" ", confidences={"": 0.5, "normal": float("nan")}
    )
    with pytest.raises(InvalidRequestError) as caught:
        write(unfit, **TO, issued=NOW)
    for fault in ("finding is empty", "version ARN is empty", "label is empty", "'normal' is nan"):
        assert fault in caught.value.message
