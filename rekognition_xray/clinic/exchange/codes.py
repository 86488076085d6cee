"""Every code that leaves in DICOM or FHIR, with its source.

DCM, SCT and UCUM codes as PS3.16 of the DICOM standard and pydicom 3.0.2 list them, except the two
kinds of pneumonia, which are SNOMED CT's own: 53084003 and 75570004 are subtypes of 233604007
(International Edition; read in public copies on 29 November 2026). SNOMED CT needs a licence
outside of its member countries. LOINC as loinc.org lists it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Final

import attrs

from rekognition_xray.clinic.policy import REFERRED, TYPE_UNCERTAIN
from rekognition_xray.labels import BACTERIAL, NORMAL, PNEUMONIA, VIRAL


@attrs.frozen
class Code:
    """A coded concept: scheme, code and meaning."""

    scheme: str
    value: str
    meaning: str


FINDINGS: Final[Mapping[str, Code]] = {
    NORMAL: Code("SCT", "17621005", "Normal"),
    PNEUMONIA: Code("SCT", "233604007", "Pneumonia"),
    BACTERIAL: Code("SCT", "53084003", "Bacterial pneumonia"),
    VIRAL: Code("SCT", "75570004", "Viral pneumonia"),
    TYPE_UNCERTAIN: Code("SCT", "233604007", "Pneumonia"),
    REFERRED: Code("SCT", "373068000", "Undetermined"),
}
"""Labels and findings of the library."""

CHEST_XRAY: Final = Code("LN", "36554-4", "XR Chest Single view")
FINDING: Final = Code("DCM", "111059", "Single Image Finding")
CERTAINTY: Final = Code("DCM", "111012", "Certainty of Finding")
COMMENT: Final = Code("DCM", "121106", "Comment")
ENGLISH: Final = Code("RFC5646", "en", "English")
PERCENT: Final = Code("UCUM", "%", "Percent")
REPORT: Final = Code("DCM", "126000", "Imaging Measurement Report")
SOURCE_IMAGE: Final = Code("DCM", "121322", "Source image for image processing operation")

_PRIVATE: Final = "99RXRAY"
_DIGITS: Final = 12


def code_of(label: str) -> Code:
    """The code of a label or finding; a label of your own gets one of the private scheme 99RXRAY.

    The private code is derived from the label, so that equal labels have equal codes.
    """
    if label in FINDINGS:
        return FINDINGS[label]
    digest = hashlib.sha256(label.encode()).hexdigest()[:_DIGITS]
    return Code(_PRIVATE, f"L{digest.upper()}", label[:64])
