"""``Repair``: undoes what a gate is certain of: black and white exchanged, or quarter turns."""

from __future__ import annotations

from typing import Final

import attrs
from PIL import Image, ImageOps

from rekognition_xray.data.images import Admission, ImageOptions, ImageSource, prepare_image

QUARTERS: Final = (0, 90, 180, 270)


@attrs.frozen
class Repair:
    """One way to repair a picture; also a gate that admits every picture, repaired.

    Attributes:
        inverted: whether black and white are exchanged back.
        turned: by how many degrees the picture was turned clockwise, which is turned back.
    """

    inverted: bool
    turned: int

    @property
    def fingerprint(self) -> str:
        """Another repair, another text."""
        return f"repair-{self.inverted}-{self.turned}"

    @property
    def steps(self) -> tuple[str, ...]:
        """What is done."""
        exchanged = ("inverted: the gate found black and white exchanged",) if self.inverted else ()
        back = f"turned back by {self.turned} degrees, which the gate found"
        return (*exchanged, back) if self.turned else exchanged

    def apply(self, grey: Image.Image) -> Image.Image:
        """The picture, repaired."""
        plain = ImageOps.invert(grey) if self.inverted else grey
        return plain.rotate(self.turned, expand=True) if self.turned else plain  # counterclockwise

    def admit(self, grey: Image.Image) -> Admission:
        """The answer of a gate."""
        return Admission(self.apply(grey), None, self.steps)


REPAIRS: Final = tuple(
    Repair(inverted, turned) for inverted in (False, True) for turned in QUARTERS
)[1:]
"""All that a gate may do."""


def find_repair(
    image: ImageSource, sha256: str, *, options: ImageOptions, max_bytes: int
) -> Repair | None:
    """The repair by which an image became the prepared image of this hash, if one did.

    Raises:
        ImageError: the image cannot be used.
    """
    for repair in REPAIRS:
        made = prepare_image(image, options=options, max_bytes=max_bytes, gate=repair)
        if made.sha256 == sha256:
            return repair
    return None
