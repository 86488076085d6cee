"""What every result must state: no medical device, and what a model may and may not be used for."""

from __future__ import annotations

from typing import Final

NOTICE: Final = "Not a medical device: a person must read every image."
"""Stands on every table, page, card and diagnosis."""

TYPE_NOTICE: Final = (
    "A chest image does not tell bacterial from viral pneumonia reliably: never for choosing "
    "antibiotics."
)
"""Stands beside every result that names the type of a pneumonia."""

INTENDED_USE: Final = (
    "Research.",
    "Software in which a person reads every image and the model's answer is a second look.",
)
"""The uses that the page and the model card name as intended."""

FORBIDDEN_USE: Final = (
    "As a medical device: it is none.",
    "For choosing antibiotics or leaving them out: a chest image does not tell which.",
    "As the only reader of an image.",
    "On adults, where it was trained on children.",
    "On patients or devices unlike those of its test images before it was tested on theirs.",
)
"""The uses that the page and the model card forbid."""
