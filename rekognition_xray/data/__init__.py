"""Images, names, datasets, audits, splits and manifests. No AWS here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rekognition_xray._doors import lazy

_MOVED = {
    "aligning": "rekognition_xray.data.auditing",
    "audit": "rekognition_xray.data.dataset",
    "checks": "rekognition_xray.data.auditing",
    "cleaning": "rekognition_xray.data.dataset",
    "copies": "rekognition_xray.data.auditing",
    "dicom": "rekognition_xray.data.images",
    "dicom_frames": "rekognition_xray.data.images",
    "dicom_grey": "rekognition_xray.data.images",
    "dicom_pixels": "rekognition_xray.data.images",
    "dicom_tags": "rekognition_xray.data.images",
    "duplicates": "rekognition_xray.data.auditing",
    "evidence": "rekognition_xray.data.auditing",
    "film_file": "rekognition_xray.data.images",
    "films": "rekognition_xray.data.xrays",
    "findings": "rekognition_xray.data.auditing",
    "fitting": "rekognition_xray.data.images",
    "folders": "rekognition_xray.data.reading",
    "folds": "rekognition_xray.data.dataset",
    "greys": "rekognition_xray.data.images",
    "hashing": "rekognition_xray.data.auditing",
    "kaggle": "rekognition_xray.data.reading",
    "leakage": "rekognition_xray.data.splitting",
    "ledger": "rekognition_xray.data.preparing",
    "limits": "rekognition_xray.data.images",
    "looks": "rekognition_xray.data.auditing",
    "manifest": "rekognition_xray.data.manifests",
    "manifest_checks": "rekognition_xray.data.manifests",
    "manifest_lines": "rekognition_xray.data.manifests",
    "manifest_notes": "rekognition_xray.data.manifests",
    "manifest_reading": "rekognition_xray.data.manifests",
    "names": "rekognition_xray.data.reading",
    "names_to_films": "rekognition_xray.data.reading",
    "near": "rekognition_xray.data.auditing",
    "overlap": "rekognition_xray.data.splitting",
    "phantom_film": "rekognition_xray.data.phantoms",
    "prepare_run": "rekognition_xray.data.preparing",
    "prepare_worker": "rekognition_xray.data.preparing",
    "prepared": "rekognition_xray.data.dataset",
    "shortcuts": "rekognition_xray.data.auditing",
    "split": "rekognition_xray.data.dataset",
    "split_drawing": "rekognition_xray.data.splitting",
    "table_rows": "rekognition_xray.data.reading",
    "tables": "rekognition_xray.data.reading",
}
"""Former modules, to the parts that have their names now."""

if not TYPE_CHECKING:
    __getattr__ = lazy(__name__, {}, _MOVED)
