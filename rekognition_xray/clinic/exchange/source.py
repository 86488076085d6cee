"""The DICOM image that a diagnosis is of: its UIDs, its patient, and what new objects take over."""

from __future__ import annotations

import datetime as dt
import hashlib
import io
import json
import logging
import re
import uuid
import warnings
from pathlib import Path
from typing import Final, TypeAlias

import attrs
from pydicom import dcmread
from pydicom.config import RAISE
from pydicom.datadict import dictionary_VR
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError
from pydicom.uid import UID
from pydicom.valuerep import validate_value

from rekognition_xray.clinic.diagnosis import Diagnosis
from rekognition_xray.clinic.exchange.content import check_content_for_dicom, has_control
from rekognition_xray.clinic.extras import installed_version
from rekognition_xray.data.images import ImageOptions
from rekognition_xray.data.pseudonyms import PseudonymKey
from rekognition_xray.errors import DataError, InvalidRequestError

log = logging.getLogger(__name__)

MANUFACTURER: Final = "rekognition_xray"
SOFTWARE: Final = installed_version("rekognition-xray") or "unknown"
UTF_8: Final = "ISO_IR 192"

_IDS: Final = ("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID")
_PATIENT: Final = ("PatientName", "PatientID", "PatientBirthDate", "PatientSex")
_STUDY: Final = ("StudyID", "StudyDate", "StudyTime", "AccessionNumber", "ReferringPhysicianName")
_PIXELS: Final = ("Rows", "Columns", "BitsAllocated")  # by which highdicom knows an image
_SEXES: Final = ("", "M", "F", "O")
_ZONE: Final = re.compile(r"[+-](0\d|1[0-4])[0-5]\d")
_MINUTE: Final = dt.timedelta(minutes=1)
_NAMESPACE: Final = uuid.UUID("6d1e0a64-5c0f-5c3e-9d0f-0f6f4a1c7b11")

DicomSource: TypeAlias = str | Path | bytes


@attrs.frozen
class Identity:
    """Whose name a new object bears.

    Attributes:
        key: turns the patient into a pseudonym; None keeps the patient of the source.
    """

    key: PseudonymKey | None

    @classmethod
    def of(cls, key: PseudonymKey | None, *, identified: bool) -> Identity:
        """The identity that the caller asked for.

        Raises:
            InvalidRequestError: neither a key nor ``identified``, or both.
        """
        if (key is None) != identified:
            raise InvalidRequestError(
                "A new DICOM object bears either a pseudonym or the patient's name.",
                hint="Pass key=PseudonymKey.find(...), or identified=True if it stays inside.",
            )
        return cls(key)


def read_source(
    diagnosis: Diagnosis, source: DicomSource, *, options: ImageOptions, identity: Identity
) -> Dataset:
    """Patient, study and references of the source, with everything that is required filled in.

    Raises:
        DataError: no DICOM file, another image than the one diagnosed, or UIDs that are missing or
            no UIDs, all named.
        ImageError: the image cannot be used.
        InvalidRequestError: the diagnosis holds what no object can say, all named.
    """
    check_content_for_dicom(diagnosis)
    read = _read(source)
    _check_ids(read)
    if not diagnosis.is_of(source, options=options):
        raise DataError(
            "This is not the image that was diagnosed: its prepared pixels differ.",
            hint="Give the DICOM file that diagnose() got.",
        )
    return _references(read, identity)


def check_source(source: DicomSource) -> None:
    """Refuses a DICOM file that no answer could refer to; asks nothing of AWS.

    Args:
        source: a DICOM image: a path, or bytes.

    Raises:
        DataError: no DICOM, or UIDs that are missing or no UIDs, all named.
    """
    _check_ids(_read(source))


def content_uid(
    kind: str, diagnosis: Diagnosis, image: Dataset, options: ImageOptions, *more: object
) -> str:
    """A UID for what an object says: another for each finding, policy, patient or explanation.

    Equal for equal content, so that an answer that is sent twice is kept once. Neither the path of
    the image nor the seconds of the call count.
    """
    said = {**diagnosis.to_dict(), "source": "", "seconds": 0}
    content = [said, image.to_json_dict(), attrs.asdict(options), more]
    text = json.dumps(content, sort_keys=True, default=str)
    return derived_uid(kind, hashlib.sha256(text.encode()).hexdigest())


def derived_uid(*parts: str) -> str:
    """A UID below 2.25, equal for equal parts (PS3.5, B.2; RFC 9562, version 5)."""
    return f"2.25.{uuid.uuid5(_NAMESPACE, '|'.join(parts)).int}"


def call_of(diagnosis: Diagnosis) -> str:
    """What tells diagnoses of one image apart: AWS's request, or who refused to send it."""
    return diagnosis.request_id or f"{diagnosis.version_arn} {diagnosis.gate}"


def set_time(dataset: Dataset, time: dt.datetime | None, image: Dataset) -> None:
    """Writes when the object was made, now by default, and the offset from UTC.

    The offset holds for every time in the object, so the source's is taken where it names one,
    else that of ``time``. A time without a zone is local.

    Raises:
        InvalidRequestError: the time is at an end of the calendar.
    """
    moment = _in_zone(time or dt.datetime.now(dt.UTC), str(image.get("TimezoneOffsetFromUTC", "")))
    date, clock = f"{moment.year:04}{moment:%m%d}", f"{moment:%H%M%S.%f}"
    dataset.ContentDate = dataset.InstanceCreationDate = date
    dataset.ContentTime = dataset.InstanceCreationTime = clock
    dataset.TimezoneOffsetFromUTC = f"{moment:%z}"
    for equipment in dataset.get("ContributingEquipmentSequence", []):
        equipment.ContributionDateTime = f"{date}{clock}{moment:%z}"


def _in_zone(time: dt.datetime, zone: str) -> dt.datetime:
    try:
        if zone:
            return time.astimezone(dt.datetime.strptime(zone, "%z").tzinfo)
        offset = (time if time.tzinfo else time.astimezone()).utcoffset()
        whole = offset is not None and not offset % _MINUTE
        return time.astimezone(dt.timezone(offset) if offset and whole else dt.UTC)
    except (OverflowError, ValueError, OSError) as error:
        raise InvalidRequestError(
            f"The time {time.isoformat()} cannot be written: {error}.",
            hint="Pass the time at which the object is made, with its zone.",
        ) from error


def _read(source: DicomSource) -> Dataset:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # odd values of tags that are not used
            given = io.BytesIO(source) if isinstance(source, bytes) else source
            return dcmread(given, stop_before_pixels=True, force=True)
    except (InvalidDicomError, OSError, ValueError, KeyError) as error:
        raise DataError(
            f"The source cannot be read as DICOM: {type(error).__name__}.",
            hint="Give the DICOM file that was diagnosed.",
        ) from error


def _check_ids(read: Dataset) -> None:
    missing = [name for name in _IDS if not _is_uid(str(read.get(name) or ""))]
    if "SOPClassUID" not in missing and UID(str(read.SOPClassUID)).type != "SOP Class":
        missing.insert(0, "SOPClassUID")  # private, or none of the standard
    if missing:
        raise DataError(
            f"The source has no usable {', '.join(missing)}: a report cannot refer to it.",
            hint="Take the file from the archive again, or let its archive give it UIDs.",
        )


def _is_uid(text: str) -> bool:
    parts = text.split(".")
    return len(text) <= 64 and all(
        part.isascii() and part.isdigit() and (part == "0" or part[0] != "0") for part in parts
    )


def _references(read: Dataset, identity: Identity) -> Dataset:
    made = Dataset()
    made.SpecificCharacterSet = UTF_8
    for name in _IDS:
        setattr(made, name, str(read.get(name)))
    for name in _PIXELS:
        setattr(made, name, read.get(name))
    made.Modality = str(read.get("Modality") or "OT")
    made.LossyImageCompression = "01" if read.get("LossyImageCompression") == "01" else "00"
    for name in (*_PATIENT, *_STUDY):
        setattr(made, name, _text(read, name) if identity.key is None else "")
    zone = str(read.get("TimezoneOffsetFromUTC") or "")
    if identity.key is None and _ZONE.fullmatch(zone):  # the dates and times are in it
        made.TimezoneOffsetFromUTC = zone
    if identity.key is not None:
        group = _text(read, "PatientID") or f"study:{read.StudyInstanceUID}"
        made.PatientID = identity.key.pseudonym(group)
        made.PatientName = f"{made.PatientID}^"
        made.PatientIdentityRemoved = "YES"
        made.DeidentificationMethod = "Patient replaced by a keyed hash; UIDs kept"
    return made


def _text(read: Dataset, name: str) -> str:
    """The value of an element, decoded by the source's character set; empty if it is not valid."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # an odd value is reported below
        try:
            value = read.get(name)
            text = "" if value is None else str(value)
            validate_value(dictionary_VR(name), text, RAISE)
            valid = not has_control(text) and (name != "PatientSex" or text in _SEXES)
        except (LookupError, ValueError, UnicodeError):
            valid = False
    if not valid:
        log.warning("the source's %s is no valid value and is left out", name)
    return text if valid else ""
