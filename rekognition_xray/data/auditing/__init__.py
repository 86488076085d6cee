"""Faults of images and labels, duplicates, and properties that give away a label."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rekognition_xray._doors import lazy
from rekognition_xray.data.auditing.finding import Finding, Unusable, path_notes

if TYPE_CHECKING:
    from rekognition_xray.data.auditing.aligning import aligner
    from rekognition_xray.data.auditing.checks import CHECKS, Evidence
    from rekognition_xray.data.auditing.duplicates import Duplicates, find_duplicates
    from rekognition_xray.data.auditing.hashing import propose
    from rekognition_xray.data.auditing.looks import (
        SIDE,
        Look,
        Looks,
        equalised,
        look,
        look_at,
        squared,
    )
    from rekognition_xray.data.auditing.near import SAME, grouped, near_pairs
    from rekognition_xray.data.auditing.shortcuts import Shortcut, measure_shortcuts
else:
    __getattr__ = lazy(
        __name__,
        {
            "aligning": ("aligner",),
            "checks": ("CHECKS", "Evidence"),
            "duplicates": ("Duplicates", "find_duplicates"),
            "hashing": ("propose",),
            "looks": ("SIDE", "Look", "Looks", "equalised", "look", "look_at", "squared"),
            "near": ("SAME", "grouped", "near_pairs"),
            "shortcuts": ("Shortcut", "measure_shortcuts"),
        },
    )

__all__ = [
    "CHECKS",
    "SAME",
    "SIDE",
    "Duplicates",
    "Evidence",
    "Finding",
    "Look",
    "Looks",
    "Shortcut",
    "Unusable",
    "aligner",
    "equalised",
    "find_duplicates",
    "grouped",
    "look",
    "look_at",
    "measure_shortcuts",
    "near_pairs",
    "path_notes",
    "propose",
    "squared",
]
