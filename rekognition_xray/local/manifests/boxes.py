"""Bounding boxes of a manifest line: schema, frame, size, class map."""

from __future__ import annotations

from typing import Any, Final

from rekognition_xray.local.manifests.faults import Fault, fault
from rekognition_xray.local.manifests.line_rules import LabelFound, LineRules

_LONG_SIDE: Final = 1280
_SIZE: Final = ("width", "height", "depth")
_BOX: Final = ("class_id", "left", "top", "width", "height")


def check_boxes(
    name: str, value: Any, metadata: dict[str, Any], rules: LineRules
) -> tuple[list[LabelFound], list[Fault]]:
    """The labels of the valid boxes of one attribute, and what is wrong with it."""
    if not _is_boxes(value):
        return [], [fault("ERROR_INVALID_LABEL_ATTRIBUTE_FORMAT", name, about=name)]
    boxes = value["annotations"]
    if wrong := _check_metadata(f"{name}-metadata", boxes, metadata):
        return [], [wrong]
    if not boxes:
        return [], [fault("WARNING_NO_ATTRIBUTE_ANNOTATIONS", name)]
    size = value["image_size"][0]
    if not all(rules.side_min <= size[side] <= rules.side_max for side in ("width", "height")):
        return [], [fault("ERROR_INVALID_IMAGE_DIMENSION")]
    if len(boxes) > rules.boxes:
        return [], [fault("ERROR_TOO_MANY_BOUNDING_BOXES", name)]
    return _check_each(name, boxes, size, metadata["class-map"])


def _check_metadata(place: str, boxes: list[Any], metadata: dict[str, Any]) -> Fault | None:
    objects = metadata.get("objects")
    if not isinstance(objects, list) or not _is_class_map(metadata.get("class-map")):
        return fault("ERROR_INVALID_LABEL_ATTRIBUTE_METADATA_FORMAT", place)
    scored = [isinstance(one, dict) and _is_number(one.get("confidence")) for one in objects]
    if len(objects) != len(boxes) or not all(scored):
        return fault("ERROR_MISSING_BOUNDING_BOX_CONFIDENCE", place)
    if any(str(box["class_id"]) not in metadata["class-map"] for box in boxes):
        return fault("ERROR_MISSING_CLASS_MAP_ID", place)
    return None


def _check_each(
    name: str, boxes: list[Any], size: dict[str, int], names: dict[str, str]
) -> tuple[list[LabelFound], list[Fault]]:
    faults, used = [], {}
    for number, box in enumerate(boxes):
        code = _wrong_with(box, size)
        if code is None:
            used[names[str(box["class_id"])]] = True
        else:
            faults.append(fault(code, name, "annotations", number))
    if not used:
        faults.append(fault("ERROR_NO_VALID_ANNOTATIONS", name))
    return [LabelFound(label, boxed=True) for label in used], faults


def _wrong_with(box: dict[str, int], size: dict[str, int]) -> str | None:
    right, bottom = box["left"] + box["width"], box["top"] + box["height"]
    if min(box[side] for side in _BOX[1:]) < 0 or right > size["width"] or bottom > size["height"]:
        return "ERROR_INVALID_BOUNDING_BOX"
    scale = min(1.0, _LONG_SIDE / max(size["width"], size["height"]))
    if box["width"] * scale <= 1 or box["height"] * scale <= 1:
        return "ERROR_BOUNDING_BOX_TOO_SMALL"
    return None


def _is_boxes(value: Any) -> bool:
    if not isinstance(value, dict):
        return False
    sizes, boxes = value.get("image_size"), value.get("annotations")
    if not isinstance(sizes, list) or len(sizes) != 1 or not isinstance(boxes, list):
        return False
    return _has_numbers(sizes[0], _SIZE) and all(_has_numbers(box, _BOX) for box in boxes)


def _has_numbers(part: Any, names: tuple[str, ...]) -> bool:
    return isinstance(part, dict) and all(
        isinstance(part.get(name), int) and not isinstance(part[name], bool) for name in names
    )


def _is_class_map(names: Any) -> bool:
    return isinstance(names, dict) and all(
        isinstance(label, str) and label for label in names.values()
    )


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
