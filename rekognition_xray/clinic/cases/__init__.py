"""Cases: searches the known images for those that look most like a new one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rekognition_xray._doors import lazy

if TYPE_CHECKING:
    from rekognition_xray.clinic.cases.case_index import Case, CaseIndex
    from rekognition_xray.clinic.cases.descriptor import image_descriptor
    from rekognition_xray.clinic.cases.sheet import cases_sheet
else:
    __getattr__ = lazy(
        __name__,
        {
            "case_index": ("Case", "CaseIndex"),
            "descriptor": ("image_descriptor",),
            "sheet": ("cases_sheet",),
        },
    )

__all__ = [
    "Case",
    "CaseIndex",
    "cases_sheet",
    "image_descriptor",
]
