"""A diagnosis as a FHIR R4 DiagnosticReport, for the software of a clinic.

The report is preliminary: a person who reads the image makes it final. It holds one Observation,
with the finding and the confidence of each label as components, and the Device that made it: the
model version by its ARN. The patient is named by the same pseudonym as the images in S3, so only
those who have the key can identify the patient. Codes are LOINC's and HL7's; the model's labels
have none, since a coded finding would claim more than a model's confidence does.

Usage: python examples/fhir_report.py

Prints the report of an image; a small model is trained on this machine for that. On AWS a diagnosis
has no price of its own; the model costs 4 USD an hour while it runs.
"""

from __future__ import annotations

import datetime as dt
import html
import json

import rekognition_xray as rx
from rekognition_xray.clinic.notices import NOTICE, TYPE_NOTICE
from rekognition_xray.clinic.policy import REFERRED
from rekognition_xray.data.pseudonyms import PseudonymKey

HL7 = "http://terminology.hl7.org/CodeSystem"
# One image. A study of two views is 36643-5, any study 18748-4.
CHEST = ("http://loinc.org", "36554-4", "XR Chest Single view")
RADIOLOGY = (f"{HL7}/v2-0074", "RAD", "Radiology")
IMAGING = (f"{HL7}/observation-category", "imaging", "Imaging")
PATIENTS = "https://clinic.example/pseudonyms"  # an address of your own; it need not exist
URI = "urn:ietf:rfc:3986"


def diagnostic_report(
    diagnosis: rx.Diagnosis, pseudonym: str, *, issued: dt.datetime, study: str | None = None
) -> dict[str, object]:
    """The resource as plain data.

    Args:
        diagnosis: the model's diagnosis.
        pseudonym: the patient's pseudonym.
        issued: when this is written, with its time zone.
        study: the DICOM Study Instance UID, if it may leave the clinic.
    """
    subject = {"type": "Patient", "identifier": {"system": PATIENTS, "value": pseudonym}}
    read_by = "A person must read this image" + (
        ": the model does not decide it." if diagnosis.referred else " before anything is decided."
    )
    finding = f"Model: {diagnosis.finding}."
    if diagnosis.finding == REFERRED:
        finding = "No finding by the model."
    conclusion = f"{finding} {read_by} {NOTICE} {TYPE_NOTICE}"
    report = {
        "resourceType": "DiagnosticReport",
        "text": {
            "status": "generated",
            "div": f'<div xmlns="http://www.w3.org/1999/xhtml">{html.escape(conclusion)}</div>',
        },
        "contained": [device(diagnosis.version_arn), observation(diagnosis, subject, issued)],
        "identifier": [{"system": URI, "value": f"urn:uuid:{diagnosis.request_id}"}],
        "status": "preliminary",
        "category": [concept(*RADIOLOGY)],
        "code": concept(*CHEST),
        "subject": subject,
        "issued": issued.isoformat(timespec="seconds"),
        "result": [{"reference": "#finding"}],
        "conclusion": conclusion,
    }
    if study:
        uid = {"system": "urn:dicom:uid", "value": f"urn:oid:{study}"}
        report["imagingStudy"] = [{"type": "ImagingStudy", "identifier": uid}]
    return report


def observation(diagnosis: rx.Diagnosis, subject: object, issued: dt.datetime) -> dict[str, object]:
    """The finding, the confidence of each label, and the reason for the finding."""
    return {
        "resourceType": "Observation",
        "id": "finding",
        "status": "preliminary",
        "category": [concept(*IMAGING)],
        "code": {"text": "Finding of a machine learning model on a chest image"},
        "subject": subject,
        "issued": issued.isoformat(timespec="seconds"),
        "valueCodeableConcept": {"text": diagnosis.finding},
        "note": [{"text": diagnosis.reason}],
        "device": {"reference": "#model"},
        "component": [
            {
                "code": {"text": f"Confidence of the label {label}"},
                "valueQuantity": {
                    "value": round(value, 4),
                    "unit": "of 1",
                    "system": "http://unitsofmeasure.org",
                    "code": "1",
                },
            }
            for label, value in diagnosis.confidences.items()
        ],
    }


def device(arn: str) -> dict[str, object]:
    """The model version."""
    _, project, _, version, _ = arn.split("/")
    return {
        "resourceType": "Device",
        "id": "model",
        "identifier": [{"system": URI, "value": arn}],
        "deviceName": [{"name": project, "type": "model-name"}],
        "version": [{"value": version}],
        "type": {"text": "Amazon Rekognition Custom Labels model; not a medical device"},
    }


def concept(system: str, code: str, display: str) -> dict[str, object]:
    """A CodeableConcept of one code."""
    return {"coding": [{"system": system, "code": code, "display": display}]}


if __name__ == "__main__":
    import os
    from pathlib import Path

    from _practice import practice

    with practice() as images:
        version = rx.ModelVersion.from_arn(os.environ["RXRAY_VERSION"], aws=rx.Aws())
        policy = rx.Policy.from_json(Path(os.environ["RXRAY_POLICY"]).read_text("utf-8"))
        image = images.images[0]
        with version.running(max_cost="1.00") as model:
            diagnosis = rx.Diagnoser(model, policy=policy).diagnose(image.path)
        key = PseudonymKey.find(None, store="s3://clinic-xrays/images")
        now = dt.datetime.now(dt.UTC)
        report = diagnostic_report(diagnosis, key.pseudonym(image.group), issued=now)
        print(json.dumps(report, indent=2))
