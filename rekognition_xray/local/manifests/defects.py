"""Defects of manifests: codes, the service's messages, and their places in a line."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import attrs

Place = tuple[str | int, ...]

EMPTY_FILE: Final = "The manifest file is empty."
UNREADABLE_FILE: Final = "The manifest file extension or contents are invalid."
FILE_TOO_LARGE: Final = "The manifest file size exceeds the maximum supported size."
TOO_MANY_ROWS: Final = "The manifest file has too many rows."
OUTPUT_UNWRITABLE: Final = "Unable to write to output S3 bucket."
PERMISSIONS_INCORRECT: Final = "The S3 bucket permissions are incorrect."
NOT_ENOUGH_TO_DISTRIBUTE: Final = (
    "The manifest file doesn't have enough labeled images to distribute the dataset."
)

MESSAGES: Final = {
    "ERROR_TOO_MANY_INVALID_ROWS_IN_MANIFEST": "The manifest file contains too many invalid rows.",
    "ERROR_IMAGES_IN_MULTIPLE_S3_BUCKETS": (
        "The manifest file contains images from multiple S3 buckets."
    ),
    "ERROR_INVALID_PERMISSIONS_IMAGES_S3_BUCKET": (
        "The permissions for the images S3 bucket are invalid."
    ),
    "ERROR_INVALID_IMAGES_S3_BUCKET_OWNER": "Invalid owner id for images S3 bucket.",
    "ERROR_INSUFFICIENT_IMAGES_PER_LABEL_FOR_AUTOSPLIT": (
        "The manifest file contains insufficient labeled images per label to perform auto-split."
    ),
    "ERROR_MANIFEST_TOO_FEW_LABELS": "The manifest file has too few labels.",
    "ERROR_MANIFEST_TOO_MANY_LABELS": "The manifest file has too many labels.",
    "ERROR_INSUFFICIENT_LABEL_OVERLAP": (
        "Less than {}% label overlap between the training and testing manifest files."
    ),
    "ERROR_MANIFEST_TOO_FEW_USABLE_LABELS": "The manifest file has too few usable labels.",
    "ERROR_INSUFFICIENT_USABLE_LABEL_OVERLAP": (
        "Less than {}% usable label overlap between the training and testing manifest files."
    ),
    "ERROR_FAILED_IMAGES_S3_COPY": "Failed to copy images from S3 bucket.",
    "ERROR_TOO_MANY_RECORDS_IN_ERROR": "The manifest file has too many terminal errors.",
    "ERROR_MISSING_SOURCE_REF": "The source-ref key is missing.",
    "ERROR_INVALID_SOURCE_REF_FORMAT": "The format of the source-ref value is invalid. ",
    "ERROR_NO_LABEL_ATTRIBUTES": "No label attributes found.",
    "ERROR_INVALID_LABEL_ATTRIBUTE_FORMAT": "The format of the label attribute {} is invalid.",
    "ERROR_INVALID_LABEL_ATTRIBUTE_METADATA_FORMAT": (
        "The format of the label attribute metadata is invalid."
    ),
    "ERROR_MISSING_BOUNDING_BOX_CONFIDENCE": (
        "One or more bounding boxes has a missing confidence value."
    ),
    "ERROR_MISSING_CLASS_MAP_ID": "One of more class ids is missing from the class map.",
    "ERROR_INVALID_JSON_LINE": "The JSON Line has an invalid format.",
    "ERROR_NO_VALID_LABEL_ATTRIBUTES": "No valid label attributes found.",
    "ERROR_UNSUPPORTED_USE_CASE_TYPE": (
        "The use case type of the {}-metadata label attribute metadata is unsupported. "
        "Check the type field."
    ),
    "ERROR_INVALID_IMAGE": "The image is invalid. Check S3 path and/or image properties.",
    "ERROR_INVALID_IMAGE_DIMENSION": (
        "The image dimension(s) do not conform to allowed dimensions. "
    ),
    "ERROR_INVALID_BOUNDING_BOX": "The bounding box has off frame values.",
    "ERROR_BOUNDING_BOX_TOO_SMALL": "The height and width of the bounding box is too small.",
    "ERROR_TOO_MANY_BOUNDING_BOXES": "There are more bounding boxes than the allowed maximum.",
    "ERROR_NO_VALID_ANNOTATIONS": "No valid annotations found.",
    "WARNING_UNANNOTATED_RECORD": "Record is unannotated.",
    "WARNING_NO_ANNOTATIONS": "No annotations were found.",
    "WARNING_NO_ATTRIBUTE_ANNOTATIONS": "No attribute annotations were found.",
}

TRAINING_FAILURES: Final[Mapping[str, str]] = MappingProxyType(
    {
        **{
            text: text
            for text in (
                UNREADABLE_FILE,
                EMPTY_FILE,
                FILE_TOO_LARGE,
                OUTPUT_UNWRITABLE,
                PERMISSIONS_INCORRECT,
            )
        },
        **{
            code: MESSAGES[code].replace("{}", "50")
            for code in (
                "ERROR_TOO_MANY_INVALID_ROWS_IN_MANIFEST",
                "ERROR_IMAGES_IN_MULTIPLE_S3_BUCKETS",
                "ERROR_INVALID_PERMISSIONS_IMAGES_S3_BUCKET",
                "ERROR_INVALID_IMAGES_S3_BUCKET_OWNER",
                "ERROR_INSUFFICIENT_IMAGES_PER_LABEL_FOR_AUTOSPLIT",
                "ERROR_MANIFEST_TOO_FEW_LABELS",
                "ERROR_MANIFEST_TOO_MANY_LABELS",
                "ERROR_INSUFFICIENT_LABEL_OVERLAP",
                "ERROR_MANIFEST_TOO_FEW_USABLE_LABELS",
                "ERROR_INSUFFICIENT_USABLE_LABEL_OVERLAP",
                "ERROR_FAILED_IMAGES_S3_COPY",
                "ERROR_TOO_MANY_RECORDS_IN_ERROR",
            )
        },
    }
)
"""The reasons why a training fails: the message by its code, or by itself if it has none."""

BETWEEN_MANIFESTS: Final = frozenset(
    {"ERROR_INSUFFICIENT_LABEL_OVERLAP", "ERROR_INSUFFICIENT_USABLE_LABEL_OVERLAP"}
)
"""Defects of two manifests together; the others concern one manifest."""

VOIDING: Final = frozenset(
    {
        "ERROR_MISSING_SOURCE_REF",
        "ERROR_INVALID_SOURCE_REF_FORMAT",
        "ERROR_NO_LABEL_ATTRIBUTES",
        "ERROR_INVALID_LABEL_ATTRIBUTE_FORMAT",
        "ERROR_INVALID_LABEL_ATTRIBUTE_METADATA_FORMAT",
        "ERROR_MISSING_BOUNDING_BOX_CONFIDENCE",
        "ERROR_MISSING_CLASS_MAP_ID",
        "ERROR_INVALID_JSON_LINE",
    }
)
"""Each of these voids its line and suppresses the other checks on it."""

TERMINAL: Final = frozenset(
    {"ERROR_MISSING_SOURCE_REF", "ERROR_INVALID_SOURCE_REF_FORMAT", "ERROR_INVALID_JSON_LINE"}
)
"""A dataset drops lines with these, and reports it nowhere."""


@attrs.frozen
class Defect:
    """One defect. `place` holds the keys that lead to the part of the line; () is the line."""

    code: str
    message: str
    place: Place = ()

    @property
    def is_warning(self) -> bool:
        """Whether it is only a warning."""
        return self.code.startswith("WARNING")

    def as_members(self) -> dict[str, str]:
        """The form in which files and listings carry it."""
        return {"code": self.code, "message": self.message}


def defect(code: str, *place: str | int, about: object = "") -> Defect:
    """The defect of that code with the service's message, `about` filled in."""
    return Defect(code, MESSAGES[code].replace("{}", str(about)), place)
