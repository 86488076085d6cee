"""What a version is worth, and what it finds on an image: evaluation, policy, diagnosis, report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rekognition_xray._doors import lazy

_MOVED = {
    "annotated": "rekognition_xray.clinic.diagnosis",
    "answers": "rekognition_xray.clinic.diagnosis",
    "asking": "rekognition_xray.clinic.diagnosis",
    "bulk": "rekognition_xray.clinic.diagnosis",
    "bulk_films": "rekognition_xray.clinic.diagnosis",
    "bulk_records": "rekognition_xray.clinic.diagnosis",
    "bulk_run": "rekognition_xray.clinic.diagnosis",
    "calibration_figures": "rekognition_xray.clinic.statistics",
    "calibration_fit": "rekognition_xray.clinic.policy",
    "calibration_map": "rekognition_xray.clinic.policy",
    "card_answers": "rekognition_xray.clinic.card",
    "card_checklists": "rekognition_xray.clinic.card",
    "card_facts": "rekognition_xray.clinic.card",
    "card_markdown": "rekognition_xray.clinic.card",
    "card_texts": "rekognition_xray.clinic.card",
    "card_values": "rekognition_xray.clinic.card",
    "case_files": "rekognition_xray.clinic.cases",
    "case_sheet": "rekognition_xray.clinic.cases",
    "charts": "rekognition_xray.clinic.report",
    "comparison": "rekognition_xray.clinic.evaluation",
    "curves": "rekognition_xray.clinic.statistics",
    "describing": "rekognition_xray.clinic.cases",
    "estimates": "rekognition_xray.clinic.statistics",
    "explain_plan": "rekognition_xray.clinic.explanation",
    "explaining": "rekognition_xray.clinic.explanation",
    "exports": "rekognition_xray.clinic.evaluation",
    "fields": "rekognition_xray.clinic.json_fields",
    "figures": "rekognition_xray.clinic.statistics",
    "gallery": "rekognition_xray.clinic.report",
    "heat": "rekognition_xray.clinic.explanation",
    "inputs": "rekognition_xray.clinic.diagnosis",
    "intervals": "rekognition_xray.clinic.statistics",
    "journal": "rekognition_xray.clinic.diagnosis",
    "leaks": "rekognition_xray.clinic.evaluation",
    "occlusion": "rekognition_xray.clinic.explanation",
    "pacing": "rekognition_xray.clinic.diagnosis",
    "page": "rekognition_xray.clinic.report",
    "pairing": "rekognition_xray.clinic.statistics",
    "policy_choice": "rekognition_xray.clinic.policy",
    "policy_films": "rekognition_xray.clinic.policy",
    "predictive": "rekognition_xray.clinic.statistics",
    "referral": "rekognition_xray.clinic.statistics",
    "resampling": "rekognition_xray.clinic.statistics",
    "results": "rekognition_xray.clinic.evaluation",
    "similar": "rekognition_xray.clinic.cases",
    "tables": "rekognition_xray.clinic.evaluation",
    "validation": "rekognition_xray.clinic.diagnosis",
}
"""Former modules, to the parts that have their names now."""

if not TYPE_CHECKING:
    __getattr__ = lazy(__name__, {}, moved=_MOVED)
