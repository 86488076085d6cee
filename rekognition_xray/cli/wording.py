"""The library's advice names its arguments; here it names the command's options."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

OPTIONS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "put_datasets(train=..., test=..., replace=True)": "train FOLDER --replace",
        "put_datasets(replace=True)": "train FOLDER --replace",
        "replace=True": "--replace",
        "Call put_datasets first.": "Run train with a FOLDER first.",
        "prepare(..., held='leave-out')": "prepare --leave-out-burned-in",
        "prepare(allow_burned_in=True)": "prepare --allow-burned-in",
        "allow_burned_in=True": "--allow-burned-in",
        "allow_leaks=True": "--allow-leaks",
        "clean(), which": "train --clean, which",
        "unleased=True": "--unleased",
        "meter.running(aws)": "rekognition-xray running",
        "evaluation.policy()": "evaluate --policy",
        "(names=...)": "(--names)",
        "key=...": "--key-file",
    }
)
"""What the library says to what a shell says, the longer ones first."""


def for_a_shell(text: str) -> str:
    """Advice with the command's own words."""
    for said, meant in OPTIONS.items():
        text = text.replace(said, meant)
    return text
