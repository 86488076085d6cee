"""Custom Labels manifests: entries, their lines, and every fault of a file."""

from __future__ import annotations

from rekognition_xray.data.manifests.checks import MAX_ENTRIES, MAX_LABELS
from rekognition_xray.data.manifests.lines import is_unicode
from rekognition_xray.data.manifests.manifest import Entry, Manifest, validate
from rekognition_xray.data.manifests.reading import file_lines

__all__ = [
    "MAX_ENTRIES",
    "MAX_LABELS",
    "Entry",
    "Manifest",
    "file_lines",
    "is_unicode",
    "validate",
]
