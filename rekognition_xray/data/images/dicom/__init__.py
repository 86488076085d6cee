"""DICOM: from a file to grey pixels and to the facts that it gives."""

from __future__ import annotations

from rekognition_xray.data.images.dicom.reading import (
    MODALITIES,
    DicomImage,
    decode_image,
    read_facts,
    read_image,
    read_patient,
)

__all__ = [
    "MODALITIES",
    "DicomImage",
    "decode_image",
    "read_facts",
    "read_image",
    "read_patient",
]
