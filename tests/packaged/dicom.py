"""The extra ``dicom`` alone: a film out of a DICOM file, and who it is of."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from pydicom import Dataset, uid
from pydicom.dataset import FileMetaDataset

from rekognition_xray.data.dicom import read_patient
from rekognition_xray.data.images import prepare

film = Dataset()
film.file_meta = FileMetaDataset()
film.file_meta.TransferSyntaxUID = uid.ExplicitVRLittleEndian
film.SOPClassUID, film.SOPInstanceUID = uid.ComputedRadiographyImageStorage, uid.generate_uid()
film.PatientName, film.PatientID = "Everyman^Jane", "CLINIC-7"
film.Modality, film.BurnedInAnnotation = "CR", "NO"
film.PhotometricInterpretation, film.SamplesPerPixel = "MONOCHROME2", 1
film.Columns, film.Rows = 90, 70
film.BitsAllocated, film.BitsStored, film.HighBit, film.PixelRepresentation = 16, 12, 11, 0
film.PixelData = np.linspace(0, 4095, 70 * 90).astype("<u2").tobytes()
film.save_as("film.dcm", enforce_file_format=True)

prepared = prepare(Path("film.dcm"))
assert (prepared.width, prepared.height) == (90, 70)
assert b"Everyman" not in prepared.data
assert read_patient(Path("film.dcm")) is not None
