"""``to_secondary_capture``: the picture of a diagnosis as a DICOM image."""

from __future__ import annotations

import datetime as dt
from typing import Final

from PIL import Image
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, SecondaryCaptureImageStorage

from rekognition_xray.clinic.diagnosis import Diagnosis
from rekognition_xray.clinic.exchange.codes import SOURCE_IMAGE
from rekognition_xray.clinic.exchange.source import (
    MANUFACTURER,
    SOFTWARE,
    DicomSource,
    Identity,
    content_uid,
    derived_uid,
    read_source,
    set_time,
)
from rekognition_xray.clinic.explanation import Explanation
from rekognition_xray.data.images import DEFAULT_OPTIONS, ImageOptions
from rekognition_xray.data.pseudonyms import PseudonymKey

_SERIES: Final = 9102
_PAPER: Final = (255, 255, 255)


def to_secondary_capture(
    diagnosis: Diagnosis,
    source: DicomSource,
    *,
    explanation: Explanation | None = None,
    key: PseudonymKey | None = None,
    identified: bool = False,
    options: ImageOptions = DEFAULT_OPTIONS,
    time: dt.datetime | None = None,
) -> Dataset:
    """The annotated picture (``Diagnosis.draw``) as a secondary capture in the study of its image.

    Write it with ``.save_as(path, enforce_file_format=True)``.

    Args:
        diagnosis: what the model found.
        source: the DICOM image that was diagnosed: a path, or bytes.
        explanation: its occlusion map is shown below the picture.
        key: see ``to_dicom_sr``.
        identified: see ``to_dicom_sr``.
        options: as for the diagnoser; with ``allow_burned_in`` the capture says that it may show
            a name.
        time: see ``to_dicom_sr``.

    Raises:
        DataError: no DICOM, no usable UIDs (all named), or another image.
        ImageError: the image cannot be used.
        InvalidRequestError: see ``to_dicom_sr``.
    """
    identity = Identity.of(key, identified=identified)
    image = read_source(diagnosis, source, options=options, identity=identity)
    picture = diagnosis.draw(source, options=options)
    if explanation is not None:
        picture = _above(picture, explanation.overlay(source, options=options))
    made = _patient_and_study(image)
    _add_series(made, diagnosis, image)
    made.SOPInstanceUID = content_uid("sc", diagnosis, image, options, *_shown(explanation))
    _add_reference(made, image)
    made.BurnedInAnnotation = "YES" if options.allow_burned_in else "NO"
    _add_pixels(made, picture)
    set_time(made, time, image)
    return made


def _shown(explanation: Explanation | None) -> list[object]:
    if explanation is None:
        return []
    return [explanation.label, explanation.base, explanation.drops.tolist(), explanation.fill]


def _above(picture: Image.Image, below: Image.Image) -> Image.Image:
    size = (max(picture.width, below.width), picture.height + below.height)
    page = Image.new("RGB", size, _PAPER)
    page.paste(picture, ((size[0] - picture.width) // 2, 0))
    page.paste(below.convert("RGB"), ((size[0] - below.width) // 2, picture.height))
    return page


def _patient_and_study(image: Dataset) -> Dataset:
    of_image = {"SOPClassUID", "SOPInstanceUID", "SeriesInstanceUID", "Modality"}
    made = Dataset()
    for element in image:
        if element.keyword not in of_image:
            made.add(element)
    return made


def _add_series(made: Dataset, diagnosis: Diagnosis, image: Dataset) -> None:
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    made.SOPClassUID = SecondaryCaptureImageStorage
    made.SeriesInstanceUID = derived_uid("sc", image.StudyInstanceUID, diagnosis.version_arn)
    made.SeriesNumber, made.InstanceNumber = _SERIES, 1
    made.SeriesDescription = "Model diagnosis, not a medical device"
    made.Modality, made.ConversionType = "OT", "WSD"
    made.Manufacturer, made.SoftwareVersions = MANUFACTURER, SOFTWARE
    made.Laterality = made.PatientOrientation = ""


def _add_reference(made: Dataset, image: Dataset) -> None:
    made.ImageType = ["DERIVED", "SECONDARY"]
    made.DerivationDescription = "Picture of a model's diagnosis; not for measuring"
    purpose = Dataset()
    purpose.CodeValue, purpose.CodingSchemeDesignator = SOURCE_IMAGE.value, SOURCE_IMAGE.scheme
    purpose.CodeMeaning = SOURCE_IMAGE.meaning
    reference = Dataset()
    reference.ReferencedSOPClassUID = image.SOPClassUID
    reference.ReferencedSOPInstanceUID = image.SOPInstanceUID
    reference.PurposeOfReferenceCodeSequence = [purpose]
    made.SourceImageSequence = [reference]


def _add_pixels(made: Dataset, picture: Image.Image) -> None:
    made.SamplesPerPixel, made.PlanarConfiguration = 3, 0
    made.PhotometricInterpretation = "RGB"
    made.Rows, made.Columns = picture.height, picture.width
    made.BitsAllocated = made.BitsStored = 8
    made.HighBit, made.PixelRepresentation = 7, 0
    data = picture.convert("RGB").tobytes()
    made.PixelData = data + b"\0" * (len(data) % 2)
    made["PixelData"].VR = "OB"
