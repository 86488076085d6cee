"""DICOM: from a file to grey pixels and to the facts that it gives. Needs the extra ``dicom``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rekognition_xray._doors import lazy

if TYPE_CHECKING:
    from rekognition_xray.data.images.dicom.reading import (
        MODALITIES,
        DicomImage,
        decode_image,
        read_facts,
        read_image,
        read_patient,
    )
else:
    __getattr__ = lazy(
        __name__,
        {
            "reading": (
                "MODALITIES",
                "DicomImage",
                "decode_image",
                "read_facts",
                "read_image",
                "read_patient",
            ),
        },
    )

__all__ = [
    "MODALITIES",
    "DicomImage",
    "decode_image",
    "read_facts",
    "read_image",
    "read_patient",
]
