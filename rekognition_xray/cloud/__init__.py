"""What calls AWS: storage, datasets, projects, versions, running models, permissions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rekognition_xray._doors import lazy

_MOVED = {
    "access": "rekognition_xray.cloud.permissions",
    "buckets": "rekognition_xray.cloud.storage",
    "calls": "rekognition_xray.cloud.permissions",
    "copying": "rekognition_xray.cloud.versions",
    "dataset_calls": "rekognition_xray.cloud.datasets",
    "dataset_limits": "rekognition_xray.cloud.datasets",
    "deleting": "rekognition_xray.cloud.projects",
    "films_in_s3": "rekognition_xray.cloud.storage",
    "kept_entries": "rekognition_xray.cloud.datasets",
    "leases": "rekognition_xray.cloud.meter",
    "listing": "rekognition_xray.cloud.datasets",
    "notice": "rekognition_xray.cloud.storage",
    "opening": "rekognition_xray.cloud.storage",
    "orphans": "rekognition_xray.cloud.meter",
    "part_checks": "rekognition_xray.cloud.datasets",
    "planning": "rekognition_xray.cloud.storage",
    "project": "rekognition_xray.cloud.projects",
    "project_datasets": "rekognition_xray.cloud.projects",
    "promotion": "rekognition_xray.cloud.projects",
    "rebuilding": "rekognition_xray.cloud.forgetting",
    "run": "rekognition_xray.cloud.meter",
    "sending": "rekognition_xray.cloud.storage",
    "signalling": "rekognition_xray.cloud.meter",
    "starting": "rekognition_xray.cloud.meter",
    "stopping": "rekognition_xray.cloud.meter",
    "throughput": "rekognition_xray.cloud.meter",
    "traces": "rekognition_xray.cloud.forgetting",
    "training": "rekognition_xray.cloud.versions",
    "training_checks": "rekognition_xray.cloud.versions",
    "training_estimate": "rekognition_xray.cloud.versions",
    "training_progress": "rekognition_xray.cloud.versions",
    "upload": "rekognition_xray.cloud.storage",
    "version": "rekognition_xray.cloud.versions",
}
"""Former modules, to the parts that have their names now."""

if not TYPE_CHECKING:
    __getattr__ = lazy(__name__, {}, _MOVED)
