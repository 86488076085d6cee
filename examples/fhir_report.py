"""A diagnosis as a FHIR R4 DiagnosticReport, for the software of a clinic.

The report is preliminary: a person who reads the image makes it final. The patient is named by the
same pseudonym as the images in S3, so only those who have the key can identify the patient.

Usage: python examples/fhir_report.py

Prints the report of an image; a small model is trained on this machine for that. On AWS a diagnosis
has no price of its own; the model costs 4 USD an hour while it runs.
"""

from __future__ import annotations

import datetime as dt
import json
import os
from pathlib import Path

from _practice import practice

import rekognition_xray as rx
from rekognition_xray.clinic.exchange import to_fhir_report
from rekognition_xray.data.pseudonyms import PseudonymKey

PATIENTS = "https://clinic.example/pseudonyms"  # an address of your own; it need not exist

with practice() as images:
    version = rx.ModelVersion.from_arn(os.environ["RXRAY_VERSION"], aws=rx.Aws())
    policy = rx.Policy.from_json(Path(os.environ["RXRAY_POLICY"]).read_text("utf-8"))
    image = images.images[0]
    with version.running(max_cost="1.00") as model:
        diagnosis = rx.Diagnoser(model, policy=policy).diagnose(image.path)
    key = PseudonymKey.find(None, store="s3://clinic-xrays/images")
    report = to_fhir_report(
        diagnosis,
        patient=key.pseudonym(image.group),
        patient_system=PATIENTS,
        issued=dt.datetime.now(dt.UTC),
    )
    print(json.dumps(report, indent=2))
