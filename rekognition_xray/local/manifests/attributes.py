"""Label attributes and their metadata: image-level labels and boxes, checked by schema."""

from __future__ import annotations

import datetime
from typing import Any, Final

from rekognition_xray.local.manifests.boxes import check_boxes
from rekognition_xray.local.manifests.faults import Fault, fault
from rekognition_xray.local.manifests.line_rules import LabelFound, LineRules

_IMAGE_LEVEL: Final = "groundtruth/image-classification"
_BOXES: Final = "groundtruth/object-detection"

Checked = tuple[list[LabelFound], list[Fault]]


def check_attribute(name: str, value: Any, metadata: Any, rules: LineRules) -> Checked:
    """The labels that one attribute gives its image, and what is wrong with it."""
    place = f"{name}-metadata"
    if not isinstance(metadata, dict) or not isinstance(metadata.get("type"), str):
        return [], [fault("ERROR_INVALID_LABEL_ATTRIBUTE_METADATA_FORMAT", place)]
    if metadata["type"] not in {_IMAGE_LEVEL, _BOXES}:
        return [], [fault("ERROR_UNSUPPORTED_USE_CASE_TYPE", place, about=name)]
    if not _is_annotated(metadata):
        return [], [fault("ERROR_INVALID_LABEL_ATTRIBUTE_METADATA_FORMAT", place)]
    if metadata["type"] == _BOXES:
        labels, faults = check_boxes(name, value, metadata, rules)
    else:
        labels, faults = _check_class(name, value, metadata)
    if any(len(label.name) > rules.label_characters for label in labels):
        message = rules.label_length_message
        return [], [*faults, Fault("ERROR_INVALID_LABEL_NAME_LENGTH", message, (place,))]
    return labels, faults


def _check_class(name: str, value: Any, metadata: dict[str, Any]) -> Checked:
    label, confidence = metadata.get("class-name"), metadata.get("confidence")
    if not isinstance(label, str) or not label or not is_confidence(confidence):
        place = f"{name}-metadata"
        return [], [fault("ERROR_INVALID_LABEL_ATTRIBUTE_METADATA_FORMAT", place)]
    if not is_whole(value):
        return [], [fault("ERROR_INVALID_LABEL_ATTRIBUTE_FORMAT", name, about=name)]
    return [LabelFound(label, boxed=False)], []


def is_whole(value: Any) -> bool:
    """Whether a JSON value is an integer (true and false are none)."""
    return isinstance(value, int) and not isinstance(value, bool)


def is_confidence(value: Any) -> bool:
    """Whether a JSON value is a fraction 0-1."""
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1


def _is_annotated(metadata: dict[str, Any]) -> bool:
    return metadata.get("human-annotated") in {"yes", "no"} and _is_time(
        metadata.get("creation-date")
    )


def _is_time(value: Any) -> bool:
    if not isinstance(value, str) or "T" not in value:
        return False
    try:
        datetime.datetime.fromisoformat(value)
    except ValueError:
        return False
    return True
