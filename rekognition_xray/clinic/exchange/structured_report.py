"""``to_dicom_sr``: a diagnosis as a DICOM structured report of template TID 1500."""

from __future__ import annotations

import datetime as dt
import warnings
from collections.abc import Iterator, Sequence
from typing import Final

from highdicom.sr import (
    AlgorithmIdentification,
    CodedConcept,
    ComprehensiveSR,
    DeviceObserverIdentifyingAttributes,
    LanguageOfContentItemAndDescendants,
    Measurement,
    MeasurementReport,
    MeasurementsAndQualitativeEvaluations,
    ObservationContext,
    ObserverContext,
    QualitativeEvaluation,
    RelationshipTypeValues,
    SourceImageForMeasurementGroup,
    TextContentItem,
    TrackingIdentifier,
)
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes

from rekognition_xray.clinic.diagnosis import Diagnosis
from rekognition_xray.clinic.exchange.codes import (
    CERTAINTY,
    CHEST_XRAY,
    COMMENT,
    ENGLISH,
    FINDING,
    PERCENT,
    REPORT,
    Code,
    code_of,
)
from rekognition_xray.clinic.exchange.source import (
    MANUFACTURER,
    SOFTWARE,
    DicomSource,
    Identity,
    call_of,
    content_uid,
    derived_uid,
    read_source,
    set_time,
)
from rekognition_xray.clinic.notices import NOTICE, TYPE_NOTICE
from rekognition_xray.data.images import DEFAULT_OPTIONS, ImageOptions
from rekognition_xray.data.pseudonyms import PseudonymKey
from rekognition_xray.labels import in_order

_SERIES: Final = 9101


def to_dicom_sr(
    diagnosis: Diagnosis,
    source: DicomSource,
    *,
    key: PseudonymKey | None = None,
    identified: bool = False,
    options: ImageOptions = DEFAULT_OPTIONS,
    time: dt.datetime | None = None,
) -> Dataset:
    """A diagnosis as a structured report (Comprehensive SR, TID 1500) in the study of its image.

    It says the finding as a coded qualitative evaluation, the confidence of each label as a
    certainty in percent, the reason, policy, threshold and version, that a machine made it, that
    nobody verified it, and that it is not a medical device. It refers to the image by its UIDs.
    Its own UID follows from what it says, so that an archive keeps a diagnosis that is sent twice
    once, and another finding, policy or patient beside it. Write it with
    ``.save_as(path, enforce_file_format=True)``.

    Args:
        diagnosis: what the model found.
        source: the DICOM image that was diagnosed: a path, or bytes.
        key: gives the patient a pseudonym; needed unless ``identified``. The UIDs of study, series
            and image stay, so whoever has the archive can find the patient.
        identified: keeps the patient and study of the source, for objects that stay inside.
        options: as for the diagnoser.
        time: when it is made, now by default; local if it has no zone. It is written with its
            offset from UTC, or in that of the source where ``identified`` and the source names one.

    Raises:
        DataError: no DICOM, no usable UIDs (all named), or another image.
        ImageError: the image cannot be used.
        InvalidRequestError: neither a key nor ``identified``, or both; or a diagnosis with an
            empty or odd label, no version, or a confidence that is not from 0 to 1.
    """
    identity = Identity.of(key, identified=identified)
    image = read_source(diagnosis, source, options=options, identity=identity)
    instance = content_uid("sr", diagnosis, image, options)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # highdicom warns of names of one component
        report = ComprehensiveSR(
            evidence=[image],
            content=_content(diagnosis, image)[0],
            series_instance_uid=derived_uid("sr", image.StudyInstanceUID, diagnosis.version_arn),
            series_number=_SERIES,
            sop_instance_uid=instance,
            instance_number=1,
            manufacturer=MANUFACTURER,
            is_complete=True,
            is_final=False,
            is_verified=False,
        )
    report.SeriesDescription = "Model diagnosis, not a medical device"
    report.SoftwareVersions = SOFTWARE
    for name in ("PatientIdentityRemoved", "DeidentificationMethod"):
        if name in image:
            setattr(report, name, image.get(name))
    set_time(report, time, image)
    return report


def _concept(code: Code) -> CodedConcept:
    return CodedConcept(code.value, code.scheme, code.meaning)


def _content(diagnosis: Diagnosis, image: Dataset) -> MeasurementReport:
    name, version = _model(diagnosis)
    device = DeviceObserverIdentifyingAttributes(
        uid=derived_uid("device", diagnosis.version_arn),
        name=f"{name}/{version}"[:64],
        manufacturer_name=MANUFACTURER,
        model_name=name[:64],
    )
    observer = ObserverContext(codes.DCM.Device, device)
    return MeasurementReport(
        observation_context=ObservationContext(observer_device_context=observer),
        procedure_reported=_concept(CHEST_XRAY),
        imaging_measurements=list(_groups(diagnosis, image)),
        title=_concept(REPORT),
        language_of_content_item_and_descendants=LanguageOfContentItemAndDescendants(
            _concept(ENGLISH)
        ),
    )


def _groups(
    diagnosis: Diagnosis, image: Dataset
) -> Iterator[MeasurementsAndQualitativeEvaluations]:
    """One group with the finding, and one for the certainty of each label."""
    evaluation = QualitativeEvaluation(_concept(FINDING), _concept(code_of(diagnosis.finding)))
    finding = _group(diagnosis, image, "finding", evaluations=[evaluation])
    finding[0].ContentSequence.extend(
        TextContentItem(_concept(COMMENT), text, RelationshipTypeValues.CONTAINS)
        for text in _comments(diagnosis)
    )
    yield finding
    for label in in_order(diagnosis.confidences):
        percent = round(100 * diagnosis.confidences[label], 4)
        yield _group(
            diagnosis,
            image,
            label,
            finding_type=_concept(code_of(label)),
            measurements=[Measurement(_concept(CERTAINTY), percent, _concept(PERCENT))],
        )


def _group(
    diagnosis: Diagnosis,
    image: Dataset,
    name: str,
    *,
    finding_type: CodedConcept | None = None,
    measurements: Sequence[Measurement] | None = None,
    evaluations: Sequence[QualitativeEvaluation] | None = None,
) -> MeasurementsAndQualitativeEvaluations:
    model, version = _model(diagnosis)
    group_uid = derived_uid("group", image.SOPInstanceUID, call_of(diagnosis), name)
    return MeasurementsAndQualitativeEvaluations(
        tracking_identifier=TrackingIdentifier(uid=group_uid, identifier=name[:64]),
        algorithm_id=AlgorithmIdentification(
            name=model[:64], version=version[:64], parameters=list(_parameters(diagnosis))
        ),
        source_images=[SourceImageForMeasurementGroup.from_source_image(image)],
        finding_type=finding_type,
        measurements=measurements,
        qualitative_evaluations=evaluations,
    )


def _parameters(diagnosis: Diagnosis) -> Iterator[str]:
    yield f"version_arn={diagnosis.version_arn}"
    yield f"policy={diagnosis.policy or 'none'}"
    if diagnosis.threshold is not None:
        yield f"threshold={diagnosis.threshold:.6g}"


def _comments(diagnosis: Diagnosis) -> Iterator[str]:
    yield f"{diagnosis.finding}: {diagnosis.reason}"
    yield f"Made by a machine and verified by nobody. {NOTICE} {TYPE_NOTICE}"


def _model(diagnosis: Diagnosis) -> tuple[str, str]:
    """Project and version, by the ARN."""
    _, project, _, version, *_ = (*diagnosis.version_arn.split("/"), "", "", "", "")
    return project or diagnosis.version_arn, version or "unknown"
