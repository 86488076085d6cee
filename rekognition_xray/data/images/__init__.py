"""One image: read, checked against the limits, and turned into the grey file that the service sees."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rekognition_xray._doors import lazy
from rekognition_xray.data.images.file import is_dicom, read_file, refusal, unreadable_file
from rekognition_xray.data.images.fitting import encode
from rekognition_xray.data.images.image import (
    MAX_BYTES,
    MAX_DETECT_BYTES,
    PreparedImage,
    check_image_size,
    decode,
    prepare_image,
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
    "check_image_size",
    "decode",
    "encode",
    "is_dicom",
    "prepare_image",
    "read_file",
    "read_patient",
    "refusal",
    "unreadable_file",
]
