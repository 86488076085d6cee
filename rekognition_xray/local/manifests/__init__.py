"""Manifests: the content of a line, its defects, and the defects of whole files."""

from __future__ import annotations

from rekognition_xray.local.manifests.alike import line_in_listing, read_entry
from rekognition_xray.local.manifests.attributes import LineRules
from rekognition_xray.local.manifests.defects import (
    EMPTY_FILE,
    MESSAGES,
    NOT_ENOUGH_TO_DISTRIBUTE,
    OUTPUT_UNWRITABLE,
    TRAINING_FAILURES,
    UNREADABLE_FILE,
    Defect,
    defect,
)
from rekognition_xray.local.manifests.entry import Entry, as_entry
from rekognition_xray.local.manifests.files import ManifestReader, ManifestRefused
from rekognition_xray.local.manifests.lines import Line, read_line, with_reports
from rekognition_xray.local.manifests.verdict import (
    BOXES,
    Verdict,
    judge,
    summary,
    usable_labels,
    validation_manifest,
)

__all__ = [
    "BOXES",
    "EMPTY_FILE",
    "MESSAGES",
    "NOT_ENOUGH_TO_DISTRIBUTE",
    "OUTPUT_UNWRITABLE",
    "TRAINING_FAILURES",
    "UNREADABLE_FILE",
    "Defect",
    "Entry",
    "Line",
    "LineRules",
    "ManifestReader",
    "ManifestRefused",
    "Verdict",
    "as_entry",
    "defect",
    "judge",
    "line_in_listing",
    "read_entry",
    "read_line",
    "summary",
    "usable_labels",
    "validation_manifest",
    "with_reports",
]
