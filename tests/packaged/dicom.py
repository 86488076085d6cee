"""The extra ``dicom`` alone: an image out of a DICOM file, who it is of, and a report on it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from pydicom import Dataset, uid
from pydicom.dataset import FileMetaDataset

import rekognition_xray as rx
from rekognition_xray.clinic.exchange import to_dicom_sr, to_secondary_capture
from rekognition_xray.data.images import prepare_image, read_patient

image = Dataset()
image.file_meta = FileMetaDataset()
image.file_meta.TransferSyntaxUID = uid.ExplicitVRLittleEndian
image.SOPClassUID, image.SOPInstanceUID = uid.ComputedRadiographyImageStorage, uid.generate_uid()
image.StudyInstanceUID, image.SeriesInstanceUID = uid.generate_uid(), uid.generate_uid()
image.PatientName, image.PatientID = "Everyman^Jane", "CLINIC-7"
image.Modality, image.BurnedInAnnotation = "CR", "NO"
image.PhotometricInterpretation, image.SamplesPerPixel = "MONOCHROME2", 1
image.Columns, image.Rows = 90, 70
image.BitsAllocated, image.BitsStored, image.HighBit, image.PixelRepresentation = 16, 12, 11, 0
image.PixelData = np.linspace(0, 4095, 70 * 90).astype("<u2").tobytes()
image.save_as("image.dcm", enforce_file_format=True)

prepared = prepare_image(Path("image.dcm"))
assert (prepared.width, prepared.height) == (90, 70)
assert b"Everyman" not in prepared.data
assert read_patient(Path("image.dcm")) is not None

diagnosis = rx.Diagnosis(
    source="image.dcm",
    finding="normal",
    confidences={"normal": 0.9, "viral": 0.1},
    referred=False,
    reason="highest confidence",
    policy=None,
    threshold=None,
    version_arn="arn:aws:rekognition:us-east-1:111122223333:project/chest/version/v1/1690556751958",
    image_sha256=prepared.sha256,
    request_id="r",
    seconds=0.1,
)
for write in (to_dicom_sr, to_secondary_capture):
    made = write(diagnosis, Path("image.dcm"), identified=True)
    assert made.StudyInstanceUID == image.StudyInstanceUID
    made.save_as("made.dcm", enforce_file_format=True)
