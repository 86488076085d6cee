"""Label attributes and their metadata: image-level labels and bounding boxes, checked by schema."""

from __future__ import annotations

import datetime
from typing import Any, Final

import attrs

from rekognition_xray.local.assumptions import Assumptions, Limits
from rekognition_xray.local.manifests.defects import Defect, defect

_IMAGE_LEVEL: Final = "groundtruth/image-classification"
_BOXES: Final = "groundtruth/object-detection"
_LONG_SIDE: Final = 1280
_SIZE: Final = ("width", "height", "depth")
_BOX: Final = ("class_id", "left", "top", "width", "height")


@attrs.frozen(kw_only=True, cache_hash=True)
class LineRules:
    """Limits for one line: characters, boxes, pixels."""

    line_characters: int
    label_characters: int
    label_length_message: str
    boxes: int
    side_min: int
    side_max: int

    @classmethod
    def of(cls, limits: Limits, assumptions: Assumptions) -> LineRules:
        """The rules of a local cloud."""
        return cls(
            line_characters=limits.line_characters,
            label_characters=limits.label_characters,
            label_length_message=assumptions.label_length_message,
            boxes=limits.boxes,
            side_min=limits.image_side_min,
            side_max=limits.image_side_max,
        )


@attrs.frozen
class LineLabel:
    """A label of an image; `boxed` where it comes from a bounding box."""

    name: str
    boxed: bool


_Checked = tuple[list[LineLabel], list[Defect]]


def check_attribute(name: str, value: Any, metadata: Any, rules: LineRules) -> _Checked:
    """The labels that one attribute gives its image, and what is wrong with it."""
    place = f"{name}-metadata"
    if not isinstance(metadata, dict) or not isinstance(metadata.get("type"), str):
        return [], [defect("ERROR_INVALID_LABEL_ATTRIBUTE_METADATA_FORMAT", place)]
    if metadata["type"] not in {_IMAGE_LEVEL, _BOXES}:
        return [], [defect("ERROR_UNSUPPORTED_USE_CASE_TYPE", place, about=name)]
    if not _is_annotated(metadata):
        return [], [defect("ERROR_INVALID_LABEL_ATTRIBUTE_METADATA_FORMAT", place)]
    if metadata["type"] == _BOXES:
        labels, defects = _check_boxes(name, value, metadata, rules)
    else:
        labels, defects = _check_class(name, value, metadata)
    if any(len(label.name) > rules.label_characters for label in labels):
        message = rules.label_length_message
        return [], [*defects, Defect("ERROR_INVALID_LABEL_NAME_LENGTH", message, (place,))]
    return labels, defects


def _check_class(name: str, value: Any, metadata: dict[str, Any]) -> _Checked:
    label, confidence = metadata.get("class-name"), metadata.get("confidence")
    if not isinstance(label, str) or not label or not _is_confidence(confidence):
        place = f"{name}-metadata"
        return [], [defect("ERROR_INVALID_LABEL_ATTRIBUTE_METADATA_FORMAT", place)]
    if not _is_whole(value):
        return [], [defect("ERROR_INVALID_LABEL_ATTRIBUTE_FORMAT", name, about=name)]
    return [LineLabel(label, boxed=False)], []


def _is_whole(value: Any) -> bool:
    """Whether a JSON value is an integer (true and false are none)."""
    return isinstance(value, int) and not isinstance(value, bool)


def _is_confidence(value: Any) -> bool:
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


def _check_boxes(name: str, value: Any, metadata: dict[str, Any], rules: LineRules) -> _Checked:
    """The labels of the valid boxes of one attribute, and what is wrong with it."""
    if not _is_boxes(value):
        return [], [defect("ERROR_INVALID_LABEL_ATTRIBUTE_FORMAT", name, about=name)]
    boxes = value["annotations"]
    if wrong := _check_metadata(f"{name}-metadata", boxes, metadata):
        return [], [wrong]
    if not boxes:
        return [], [defect("WARNING_NO_ATTRIBUTE_ANNOTATIONS", name)]
    size = value["image_size"][0]
    if not all(rules.side_min <= size[side] <= rules.side_max for side in ("width", "height")):
        return [], [defect("ERROR_INVALID_IMAGE_DIMENSION")]
    if len(boxes) > rules.boxes:
        return [], [defect("ERROR_TOO_MANY_BOUNDING_BOXES", name)]
    return _check_each(name, boxes, size, metadata["class-map"])


def _check_metadata(place: str, boxes: list[Any], metadata: dict[str, Any]) -> Defect | None:
    objects = metadata.get("objects")
    if not isinstance(objects, list) or not _is_class_map(metadata.get("class-map")):
        return defect("ERROR_INVALID_LABEL_ATTRIBUTE_METADATA_FORMAT", place)
    scored = [isinstance(one, dict) and _is_number(one.get("confidence")) for one in objects]
    if len(objects) != len(boxes) or not all(scored):
        return defect("ERROR_MISSING_BOUNDING_BOX_CONFIDENCE", place)
    if any(str(box["class_id"]) not in metadata["class-map"] for box in boxes):
        return defect("ERROR_MISSING_CLASS_MAP_ID", place)
    return None


def _check_each(
    name: str, boxes: list[Any], size: dict[str, int], names: dict[str, str]
) -> _Checked:
    defects, used = [], {}
    for number, box in enumerate(boxes):
        code = _wrong_with(box, size)
        if code is None:
            used[names[str(box["class_id"])]] = True
        else:
            defects.append(defect(code, name, "annotations", number))
    if not used:
        defects.append(defect("ERROR_NO_VALID_ANNOTATIONS", name))
    return [LineLabel(label, boxed=True) for label in used], defects


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
