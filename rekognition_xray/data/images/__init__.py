"""TODO rekognition_xray.data.images."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rekognition_xray._doors import lazy
from rekognition_xray.data.images.file import is_dicom, read_file, refusal, unreadable_file
from rekognition_xray.data.images.fitting import encode
from rekognition_xray.data.images.image import (
    MAX_BYTES,
    MAX_DETECT_BYTES,
    PreparedImage,
    check_limits,
    decode,
    prepare,
)
from rekognition_xray.data.images.source import ImageSource

if TYPE_CHECKING:
    from rekognition_xray.data.images.dicom import read_patient
else:
    __getattr__ = lazy(
        __name__,
        {
            "dicom": ("read_patient",),
        },
    )

__all__ = [
    "MAX_BYTES",
    "MAX_DETECT_BYTES",
    "ImageSource",
    "PreparedImage",
    "check_limits",
    "decode",
    "encode",
    "is_dicom",
    "prepare",
    "read_file",
    "read_patient",
    "refusal",
    "unreadable_file",
]
