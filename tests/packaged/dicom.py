"""The extra ``dicom`` alone: an image out of a DICOM file, and who it is of."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from pydicom import Dataset, uid
from pydicom.dataset import FileMetaDataset

from rekognition_xray.data.images import prepare_image, read_patient

image = Dataset()
image.file_meta = FileMetaDataset()
image.file_meta.TransferSyntaxUID = uid.ExplicitVRLittleEndian
image.SOPClassUID, image.SOPInstanceUID = uid.ComputedRadiographyImageStorage, uid.generate_uid()
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
