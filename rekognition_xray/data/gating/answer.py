"""``GateAnswer``: what the gate says of one image, and how often it says so of strange ones."""

from __future__ import annotations

from typing import Literal, TypeAlias, get_args

import attrs

Reason: TypeAlias = Literal[
    "blank",
    "inverted",
    "turned",
    "inverted and turned",
    "mirrored",
    "lateral or cropped",
    "not a chest X-ray",
    "unlike the training images",
]
"""Why an image is referred.

``inverted`` and ``turned`` are certain: once that is undone the image is acceptable. ``mirrored``
is a wrong side marker, a flipped picture or dextrocardia. The last three are guesses at the cause;
that the image is unlike the training images is what was measured.
"""

REASONS: tuple[Reason, ...] = get_args(Reason)
"""All reasons."""


@attrs.frozen
class GateAnswer:
    """What the gate says of one image.

    Attributes:
        reason: why a person has to look; None where the image is acceptable.
        score: how unlike the training images it is; about 1 for an ordinary one, greater for a
            stranger one, without an upper end.
        threshold: the score from which images are refused.
        inverted: whether bone is dark, where the reason says so.
        turned: by how many degrees the image is turned clockwise: 0, 90, 180 or 270.
    """

    reason: Reason | None
    score: float
    threshold: float
    inverted: bool = False
    turned: int = 0

    @property
    def accepted(self) -> bool:
        """Whether the image is acceptable."""
        return self.reason is None

    @property
    def repairable(self) -> bool:
        """Whether undoing what is wrong makes the image acceptable, and does no harm."""
        return self.inverted or bool(self.turned)

    def __str__(self) -> str:
        if self.reason is None:
            return f"acceptable (score {self.score:.2f}, refused above {self.threshold:.2f})"
        turned = f" by {self.turned} degrees" if self.turned else ""
        return f"{self.reason}{turned} (score {self.score:.2f}, refused above {self.threshold:.2f})"


@attrs.frozen
class StrangeFigure:
    """How many images of one strange kind were refused, when the gate was fitted.

    They are made of images that the gate had not seen, by inverting, turning, cropping and so on.

    Attributes:
        kind: such as ``inverted`` or ``noise``.
        refused: images that were refused.
        images: images in all.
    """

    kind: str
    refused: int
    images: int
