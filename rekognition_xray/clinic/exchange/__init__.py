"""Exchange: a diagnosis as DICOM or FHIR, for the archives and programs of a clinic."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rekognition_xray._doors import lazy
from rekognition_xray.clinic.exchange.codes import Code, code_of
from rekognition_xray.clinic.exchange.fhir import (
    Resource,
    to_fhir_observation,
    to_fhir_report,
)
from rekognition_xray.clinic.extras import needs_dicom

if TYPE_CHECKING:
    from rekognition_xray.clinic.exchange.secondary_capture import to_secondary_capture
    from rekognition_xray.clinic.exchange.source import check_source
    from rekognition_xray.clinic.exchange.structured_report import to_dicom_sr
else:
    _load = lazy(
        __name__,
        {
            "secondary_capture": ("to_secondary_capture",),
            "source": ("check_source",),
            "structured_report": ("to_dicom_sr",),
        },
    )

    def __getattr__(name: str) -> object:
        if name in {"check_source", "to_dicom_sr", "to_secondary_capture"}:
            needs_dicom(f"{__name__}.{name}")
        return _load(name)


__all__ = [
    "Code",
    "Resource",
    "check_source",
    "code_of",
    "to_dicom_sr",
    "to_fhir_observation",
    "to_fhir_report",
    "to_secondary_capture",
]
