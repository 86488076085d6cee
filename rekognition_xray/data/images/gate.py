"""What preparing an image may ask before it goes on: is it one of those that are meant?"""

from __future__ import annotations

from typing import Protocol

import attrs
from PIL import Image


@attrs.frozen
class Admission:
    """The answer of a gate.

    Attributes:
        grey: the picture, repaired where the gate repairs.
        score: how unlike the training images it is; None where no gate was asked.
        steps: what was repaired.
        refusal: why the image is refused; empty where it is admitted.
    """

    grey: Image.Image = attrs.field(repr=False)
    score: float | None
    steps: tuple[str, ...] = ()
    refusal: str = ""

    @property
    def held_back(self) -> str:
        """Why the image is held back, in words for people; empty where it is admitted."""
        return f"held back by the gate: {self.refusal}" if self.refusal else ""


class Gate(Protocol):
    """Says whether an image may go on; it pickles, so that workers can ask it."""

    @property
    def fingerprint(self) -> str:
        """Another gate, another text."""
        raise NotImplementedError

    def admit(self, grey: Image.Image) -> Admission:
        """The answer for an upright 8-bit grey picture."""
        raise NotImplementedError
