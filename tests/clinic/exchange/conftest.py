"""DICOM sources, the diagnosis of each, and what checks DICOM files."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import attrs
import pytest
from pydicom import dcmread, uid
from pydicom.dataset import Dataset

from rekognition_xray.clinic.diagnosis import Diagnosis
from rekognition_xray.data.images import ImageOptions, prepare_image
from rekognition_xray.data.pseudonyms import PseudonymKey

from ...support.dicom_files import image, ramp, saved
from ...support.journals import diagnose

EVERYTHING = ImageOptions(allow_burned_in=True, allow_other_views=True)
STUDY, SERIES, INSTANCE = "1.2.3.1", "1.2.3.2", "1.2.3.4"
CONFIDENCES = {"normal": 0.1, "bacterial": 0.65, "viral": 0.25}

Check = Callable[[Dataset], Dataset]


def source(**tags: object) -> bytes:
    """A DICOM radiograph of a patient, as bytes; a tag that is None is left out."""
    basic = {
        "StudyInstanceUID": STUDY,
        "SeriesInstanceUID": SERIES,
        "SOPInstanceUID": INSTANCE,
        "PatientName": "Muster^Anna",
        "PatientID": "4711",
        "PatientBirthDate": "20190401",
        "PatientSex": "F",
        "StudyID": "S1",
        "StudyDate": "20261128",
        "StudyTime": "101500",
        "AccessionNumber": "A99",
        "ReferringPhysicianName": "Arzt^Berta",
    }
    return saved(image(ramp(size=(120, 140)), **(basic | tags)))


def diagnosed(data: bytes, **changes: object) -> Diagnosis:
    """A diagnosis of these pixels."""
    sha256 = prepare_image(data, options=EVERYTHING).sha256
    made = diagnose("image.dcm", CONFIDENCES)
    return attrs.evolve(made, **({"image_sha256": sha256} | changes))


@pytest.fixture(scope="session")
def key() -> PseudonymKey:
    return PseudonymKey(b"a key for tests only")


@pytest.fixture
def check(tmp_path: Path) -> Check:
    """check(object) -> the object, written and read; dciodvfy and DCMTK find no error."""

    def check(made: Dataset) -> Dataset:
        path = tmp_path / f"{made.SOPInstanceUID}.dcm"
        made.save_as(path, enforce_file_format=True)
        for program in ("dciodvfy", "dcmdump"):
            if shutil.which(program) is None:
                pytest.skip(f"no {program}: install dicom3tools and dcmtk")
            done = subprocess.run([program, path], capture_output=True, text=True, check=False)
            said = (done.stdout + done.stderr).splitlines()
            wrong = [line for line in said if line.startswith(("Error", "E:", "F:"))]
            assert wrong == []
            assert done.returncode == 0
        return dcmread(path)

    return check


ODD = [
    {},
    {"PatientName": None, "PatientID": None},
    {"PatientName": "Muster"},
    {"PatientSex": "unknown", "PatientBirthDate": "1.4.2019"},
    {"StudyDate": "2026-11-28", "StudyTime": "10:15"},
    {"StudyDate": None, "StudyTime": None, "StudyID": None, "AccessionNumber": None},
    {"AccessionNumber": "A" * 40},
    {"StudyID": "", "ReferringPhysicianName": "ward"},
    {"SpecificCharacterSet": "ISO_IR 100", "PatientName": "Müller^Jörg"},
    {"SpecificCharacterSet": "ISO_IR 144", "PatientName": "Люкceмбypг^Анна"},
    {"SpecificCharacterSet": "GB18030", "PatientName": "Wang^XiaoDong=王^小东"},
    {"SpecificCharacterSet": "ISO_IR 192", "PatientName": "山田^太郎"},
    {"SpecificCharacterSet": "ISO_IR 9999"},
    {"BurnedInAnnotation": "YES"},
    {"LossyImageCompression": "01"},
    {"PatientID": "4711\\4712"},
]
_CLASSES = {
    "CR": uid.ComputedRadiographyImageStorage,
    "DX": uid.DigitalXRayImageStorageForPresentation,
    "RG": uid.SecondaryCaptureImageStorage,
}
SOURCES = [{"Modality": "CR", **tags} for tags in ODD] + [
    {"Modality": modality, "SOPClassUID": _CLASSES[modality], **tags}
    for modality in ("DX", "RG")
    for tags in (ODD[0], ODD[3], ODD[9])
]
"""22 sources of CR, DX and RG, most of them odd in some tag."""
