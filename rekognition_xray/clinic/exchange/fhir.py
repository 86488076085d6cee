"""A diagnosis as FHIR R4: a DiagnosticReport, or its Observation alone, as plain data.

Labels have no codes here: a coded finding would claim more than a model's confidence does.
"""

from __future__ import annotations

import datetime as dt
import html
import re
from collections.abc import Mapping
from typing import Final, TypeAlias

from rekognition_xray.clinic.diagnosis import Diagnosis
from rekognition_xray.clinic.exchange.codes import CHEST_XRAY, Code
from rekognition_xray.clinic.exchange.content import check_content
from rekognition_xray.clinic.notices import NOTICE, TYPE_NOTICE
from rekognition_xray.clinic.policy import REFERRED
from rekognition_xray.errors import InvalidRequestError
from rekognition_xray.labels import in_order

Resource: TypeAlias = dict[str, object]

_SYSTEMS: Final[Mapping[str, str]] = {"LN": "http://loinc.org"}
_HL7: Final = "http://terminology.hl7.org/CodeSystem"
_RADIOLOGY: Final = (f"{_HL7}/v2-0074", "RAD", "Radiology")
_IMAGING: Final = (f"{_HL7}/observation-category", "imaging", "Imaging")
_URI: Final = "urn:ietf:rfc:3986"
_MINUTE: Final = dt.timedelta(minutes=1)
_UID: Final = re.compile(r"(0|[1-9]\d*)(\.(0|[1-9]\d*))+", re.ASCII)
_UUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def to_fhir_report(
    diagnosis: Diagnosis,
    *,
    patient: str,
    patient_system: str,
    issued: dt.datetime,
    study: str | None = None,
) -> Resource:
    """A preliminary DiagnosticReport that contains the Observation and the Device (the version).

    A person who reads the image makes it final. Ready for ``json.dumps``.

    Args:
        diagnosis: what the model found.
        patient: the patient's identifier in the system; take the pseudonym
            (``PseudonymKey.pseudonym``) unless it stays inside.
        patient_system: URI of the system that the identifier is of.
        issued: when this is written, with its time zone.
        study: the DICOM Study Instance UID, if it may be known where this goes.

    Raises:
        InvalidRequestError: no patient or system, a time without zone, or a study that is no UID;
            all together. Or a diagnosis with an empty finding, label or version ARN, or with a
            confidence that is not from 0 to 1.
    """
    check_content(diagnosis)
    _check(patient, patient_system, issued, study)
    subject = _subject(patient, patient_system)
    conclusion = _conclusion(diagnosis)
    report: Resource = {
        "resourceType": "DiagnosticReport",
        "text": {
            "status": "generated",
            "div": f'<div xmlns="http://www.w3.org/1999/xhtml">{html.escape(conclusion)}</div>',
        },
        "contained": [
            {**_device(diagnosis.version_arn), "id": "model"},
            {
                **_observation(diagnosis, subject, issued),
                "id": "finding",
                "device": {"reference": "#model"},
            },
        ],
        **_identifier(diagnosis.request_id),
        "status": "preliminary",
        "category": [_concept(*_RADIOLOGY)],
        "code": _coded(CHEST_XRAY),
        "subject": subject,
        "issued": _instant(issued),
        "result": [{"reference": "#finding"}],
        "conclusion": conclusion,
    }
    if study:
        uid = {"system": "urn:dicom:uid", "value": f"urn:oid:{study}"}
        report["imagingStudy"] = [{"type": "ImagingStudy", "identifier": uid}]
    return report


def to_fhir_observation(
    diagnosis: Diagnosis, *, patient: str, patient_system: str, issued: dt.datetime
) -> Resource:
    """A preliminary Observation: the finding, and the confidence (0 to 1) of each label.

    It contains the Device, and notes with the reason and that it is not a medical device. See
    ``to_fhir_report`` for the arguments.

    Args:
        diagnosis: what the model found.
        patient: the patient's identifier in the system.
        patient_system: URI of the system.
        issued: when this is written, with its time zone.

    Raises:
        InvalidRequestError: see ``to_fhir_report``.
    """
    check_content(diagnosis)
    _check(patient, patient_system, issued, None)
    return {
        **_observation(diagnosis, _subject(patient, patient_system), issued),
        "contained": [{**_device(diagnosis.version_arn), "id": "model"}],
        **_identifier(diagnosis.request_id),
        "device": {"reference": "#model"},
    }


def _check(patient: str, system: str, issued: dt.datetime, study: str | None) -> None:
    faults = {
        "the patient has no identifier": not patient.strip(),
        "the identifier of the patient has no system": not system.strip(),
        "the time has no time zone": issued.utcoffset() is None,
        "the study is no UID": study is not None and not _UID.fullmatch(study),
    }
    wrong = [fault for fault, found in faults.items() if found]
    if wrong:
        raise InvalidRequestError(
            f"This gives no FHIR resource: {'; '.join(wrong)}.",
            hint="Correct the arguments that are named.",
        )


def _instant(time: dt.datetime) -> str:
    """FHIR's instant, whose offset has hours and minutes only: a finer one becomes UTC."""
    if (time.utcoffset() or _MINUTE) % _MINUTE:
        time = time.astimezone(dt.UTC)
    return time.isoformat(timespec="seconds")


def _conclusion(diagnosis: Diagnosis) -> str:
    finding = f"Model: {diagnosis.finding}."
    if diagnosis.finding == REFERRED:
        finding = "No finding by the model."
    read = ": the model does not decide it." if diagnosis.referred else " before it is used."
    return f"{finding} A person must read this image{read} {NOTICE} {TYPE_NOTICE}"


def _observation(diagnosis: Diagnosis, subject: Resource, issued: dt.datetime) -> Resource:
    observation: Resource = {
        "resourceType": "Observation",
        "status": "preliminary",
        "category": [_concept(*_IMAGING)],
        "code": {"text": "Finding of a machine learning model on a chest image"},
        "subject": subject,
        "issued": _instant(issued),
        "valueCodeableConcept": {"text": diagnosis.finding},
        "note": [{"text": diagnosis.reason}, {"text": f"{NOTICE} {TYPE_NOTICE}"}],
    }
    if diagnosis.confidences:  # FHIR has no empty lists
        observation["component"] = [
            _component(label, diagnosis.confidences[label])
            for label in in_order(diagnosis.confidences)
        ]
    return observation


def _component(label: str, confidence: float) -> Resource:
    return {
        "code": {"text": f"Confidence of the label {label}"},
        "valueQuantity": {
            "value": round(confidence, 4),
            "unit": "of 1",
            "system": "http://unitsofmeasure.org",
            "code": "1",
        },
    }


def _device(arn: str) -> Resource:
    _, project, _, version, *_ = (*arn.split("/"), "", "", "", "")
    return {
        "resourceType": "Device",
        "identifier": [{"system": _URI, "value": arn}],
        "deviceName": [{"name": project or arn, "type": "model-name"}],
        "version": [{"value": version or "unknown"}],
        "type": {"text": "Amazon Rekognition Custom Labels model; not a medical device"},
    }


def _subject(patient: str, system: str) -> Resource:
    return {"type": "Patient", "identifier": {"system": system, "value": patient}}


def _identifier(request_id: str) -> Resource:
    """AWS's id of the request, a UUID, by which the same diagnosis is known again."""
    if not request_id:  # a gate refused the image, and nothing was sent
        return {}
    if _UUID.fullmatch(request_id):
        return {"identifier": [{"system": _URI, "value": f"urn:uuid:{request_id}"}]}
    return {"identifier": [{"value": request_id}]}


def _coded(code: Code) -> Resource:
    return _concept(_SYSTEMS[code.scheme], code.value, code.meaning)


def _concept(system: str, code: str, display: str) -> Resource:
    return {"coding": [{"system": system, "code": code, "display": display}]}
