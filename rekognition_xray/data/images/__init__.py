"""One image: read, checked, and turned into the grey file that the service sees."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rekognition_xray._doors import lazy
from rekognition_xray.data.image_options import DEFAULT_OPTIONS, ImageOptions, Polarity
from rekognition_xray.data.images.contrast import poor_contrast
from rekognition_xray.data.images.facts import ImageFacts
from rekognition_xray.data.images.file import (
    HELD_BACK,
    begins_as_image,
    is_dicom,
    read_file,
    refusal,
    unreadable_file,
)
from rekognition_xray.data.images.fitting import encode
from rekognition_xray.data.images.gate import Admission, Gate
from rekognition_xray.data.images.image import (
    MAX_BYTES,
    MAX_DETECT_BYTES,
    Decoded,
    PreparedImage,
    Probe,
    check_image_size,
    decode,
    prepare_image,
    probe,
)
from rekognition_xray.data.images.source import ImageSource

if TYPE_CHECKING:
    from rekognition_xray.data.images.dicom import (
        DicomImage,
        read_facts,
        read_image,
        read_patient,
    )
else:
    __getattr__ = lazy(
        __name__,
        {
            "dicom": ("DicomImage", "read_facts", "read_image", "read_patient"),
        },
    )

__all__ = [
    "DEFAULT_OPTIONS",
    "HELD_BACK",
    "MAX_BYTES",
    "MAX_DETECT_BYTES",
    "Admission",
    "Decoded",
    "DicomImage",
    "Gate",
    "ImageFacts",
    "ImageOptions",
    "ImageSource",
    "Polarity",
    "PreparedImage",
    "Probe",
    "begins_as_image",
    "check_image_size",
    "decode",
    "encode",
    "is_dicom",
    "poor_contrast",
    "prepare_image",
    "probe",
    "read_facts",
    "read_file",
    "read_image",
    "read_patient",
    "refusal",
    "unreadable_file",
]
