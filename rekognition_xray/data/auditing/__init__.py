"""Faults of images and labels, duplicates, and properties that give away a label."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rekognition_xray._doors import lazy
from rekognition_xray.data.auditing.finding import Finding, Unusable, path_notes

if TYPE_CHECKING:
    from rekognition_xray.data.auditing.aligning import align_pairs
    from rekognition_xray.data.auditing.checks import CHECKS, Evidence
    from rekognition_xray.data.auditing.duplicates import Duplicates, find_duplicates
    from rekognition_xray.data.auditing.hashing import propose_pairs
    from rekognition_xray.data.auditing.looks import (
        SIDE,
        Look,
        Looks,
        equalise,
        look,
        look_at,
        to_square,
    )
    from rekognition_xray.data.auditing.near import SAME, group_pairs, near_pairs
    from rekognition_xray.data.auditing.shortcuts import Shortcut, measure_shortcuts
else:
    __getattr__ = lazy(
        __name__,
        {
            "aligning": ("align_pairs",),
            "checks": ("CHECKS", "Evidence"),
            "duplicates": ("Duplicates", "find_duplicates"),
            "hashing": ("propose_pairs",),
            "looks": ("SIDE", "Look", "Looks", "equalise", "look", "look_at", "to_square"),
            "near": ("SAME", "group_pairs", "near_pairs"),
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
    "align_pairs",
    "equalise",
    "find_duplicates",
    "group_pairs",
    "look",
    "look_at",
    "measure_shortcuts",
    "near_pairs",
    "path_notes",
    "propose_pairs",
    "to_square",
]
