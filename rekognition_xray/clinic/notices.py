"""The notices that go with every result, and the intended and forbidden uses of a model."""

from __future__ import annotations

from typing import Final

NOTICE: Final = "Not a medical device: a person must read every image."
"""Shown on every table, page, card and diagnosis."""

TYPE_NOTICE: Final = (
    "A chest X-ray cannot reliably distinguish bacterial from viral pneumonia: never use it to "
    "choose antibiotics."
)
"""Shown with every result that can name the type of a pneumonia."""

INTENDED_USE: Final = (
    "Research.",
    "Software in which a person reads every image and the model only offers a second opinion.",
)
"""The uses that the page and the model card name as intended."""

FORBIDDEN_USE: Final = (
    "As a medical device: it is not one.",
    "To choose antibiotics or to withhold them: a chest X-ray cannot show which is right.",
    "As the only reader of an image.",
    "On adults, where it was trained on children.",
    "On patients or devices unlike those of its test images, before it is tested on theirs.",
)
"""The uses that the page and the model card forbid."""
