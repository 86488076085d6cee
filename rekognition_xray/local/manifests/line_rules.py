"""The numbers by which lines are judged, and what a valid label attribute says."""

from __future__ import annotations

import attrs

from rekognition_xray.local.assumptions import Assumptions, Limits


@attrs.frozen(kw_only=True)
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
class LabelFound:
    """A label of an image; `boxed` where it comes from a bounding box."""

    name: str
    boxed: bool
