"""Cases: the known images that look most like a new one, and those whose label is suspect."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rekognition_xray._doors import lazy

if TYPE_CHECKING:
    from rekognition_xray.clinic.cases.case_index import Case, CaseIndex
    from rekognition_xray.clinic.cases.descriptor import image_descriptor
    from rekognition_xray.clinic.cases.sheet import cases_sheet
    from rekognition_xray.clinic.cases.suspects import (
        Suspect,
        SuspectLabels,
        find_suspect_labels,
    )
else:
    __getattr__ = lazy(
        __name__,
        {
            "case_index": ("Case", "CaseIndex"),
            "descriptor": ("image_descriptor",),
            "sheet": ("cases_sheet",),
            "suspects": ("Suspect", "SuspectLabels", "find_suspect_labels"),
        },
    )

__all__ = [
    "Case",
    "CaseIndex",
    "Suspect",
    "SuspectLabels",
    "cases_sheet",
    "find_suspect_labels",
    "image_descriptor",
]
