"""From a folder of DICOM files that hold patients' names to images in S3 that hold none.

Usage: python examples/dicom_archive.py [folder of .dcm files [labels.csv]]

Labels come from a CSV file with the columns ``image`` (file name) and ``label``; without one, an
image's label is the name of its folder. Images are grouped by the PatientID in the files. Without
a folder a few files are drawn. All of it goes to the local cloud: nothing leaves this machine.
"""

from __future__ import annotations

import csv
import sys
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePath

import attrs
from PIL import Image
from pydicom import Dataset, dcmread, uid
from pydicom.dataset import FileMetaDataset

import rekognition_xray as rx
from rekognition_xray.cloud import storage
from rekognition_xray.data.images import read_patient
from rekognition_xray.data.phantoms import make_phantoms
from rekognition_xray.data.preparing import read_ledger
from rekognition_xray.data.pseudonyms import pseudonym_in
from rekognition_xray.data.reading import ImageName
from rekognition_xray.data.xrays import Labelling
from rekognition_xray.errors import ImageError, NoLabelError
from rekognition_xray.local import LocalCloud

KEY = "a public key, good for this example alone"  # keep yours secret: REKOGNITION_XRAY_KEY
# Kinds of elements that may identify a patient.
IDENTIFYING = {"PN", "LO", "SH", "LT", "ST", "UT", "DA", "UI"}


@attrs.frozen
class Archive:
    """A custom naming rule: the label from a table or the folder, the patient from the file."""

    folder: Path
    table: Mapping[str, str]

    @property
    def labelling(self) -> Labelling:
        """This example does not know who labelled the images, or when."""
        return Labelling("archive")

    def read(self, path: PurePath) -> ImageName:
        """Opens the file. A file that is not an image is rejected with the reason."""
        label = self.table.get(path.name) if self.table else path.parent.name
        if not label:
            raise NoLabelError("neither the table nor a folder gives it a label")
        try:
            return ImageName(label, read_patient(self.folder / path))
        except ImageError as error:
            raise NoLabelError(error.reason) from error


def main() -> None:
    """Reads, prepares, stores, and looks for names in what was stored."""
    with tempfile.TemporaryDirectory() as scratch:
        work = Path(scratch)
        folder = Path(sys.argv[1]) if len(sys.argv) > 1 else draw(work / "archive")
        images = rx.XrayDataset.from_folder(folder, names=Archive(folder, table()))
        print(f"{len(images)} images of {images.patient_count} patients: {dict(images.counts)}")
        images, repairs = images.audit().clean()
        for repair in repairs:
            print(f"[{repair.code}] {repair.path}: {repair.what}")

        prepared = images.prepare(work / "prepared")
        print(f"{prepared.made} prepared, {prepared.bytes / 1e6:.1f} MB of grey pixels")
        print("\nThe ledger, which stays on this machine, lists what was done to each image:")
        for entry in read_ledger(prepared.folder)[:3]:
            print(f"  {entry.image} -> {entry.sha256[:12]}….{entry.extension}: {entry.steps}")
        again = images.prepare(work / "prepared")
        print(f"A second run prepares {again.made} and knows {again.cached}.\n")

        with LocalCloud(buckets=["clinic-xrays"]) as cloud:
            aws = rx.Aws(session=cloud.session())
            print(storage.store(prepared, "s3://clinic-xrays/archive", aws=aws, key=KEY).plan)
            stored = objects(aws, "clinic-xrays")
        patients = {pseudonym_in(key) for key in stored}
        print(f"{len(stored)} objects lie under {len(patients)} pseudonyms, such as {min(stored)}")

        words = identifying_words(item.image.path for item in prepared)
        originals = b"".join(item.image.path.read_bytes() for item in prepared)
        print(f"{len(words)} names, dates and other words are in the files;")
        print(f"found in the files: {sum(word in originals for word in words)}")
        sent = b"".join(key.encode() + content for key, content in stored.items())
        print(f"found in what was stored: {sum(word in sent for word in words)}")


def table() -> dict[str, str]:
    """Labels by file name; empty if no table is given."""
    if len(sys.argv) < 3:
        return {}
    with Path(sys.argv[2]).open(encoding="utf-8", newline="") as stream:
        return {row["image"]: row["label"] for row in csv.DictReader(stream)}


def objects(aws: rx.Aws, bucket: str) -> dict[str, bytes]:
    """The objects in S3, by key."""
    pages = aws.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket)
    keys = [item["Key"] for page in pages for item in page["Contents"]]
    return {key: aws.s3.get_object(Bucket=bucket, Key=key)["Body"].read() for key in keys}


def identifying_words(paths: Iterable[Path]) -> set[bytes]:
    """Every text, date and number that may identify a file or a person, from five characters on."""
    words = set()
    for path in paths:
        for element in dcmread(path, force=True).iterall():
            if element.VR in IDENTIFYING:
                words.add(str(element.value).encode())
    return {word for word in words if len(word) >= 5}


def draw(folder: Path) -> Path:
    """Phantoms as DICOM files of invented patients; one declares burned-in text."""
    phantoms = make_phantoms(folder / "phantoms", patients=6, images_per_patient=(2, 2), seed=3)
    for number, drawn in enumerate(rx.XrayDataset.from_folder(phantoms)):
        path = folder / "dicom" / drawn.label / f"image-{number:03}.dcm"
        path.parent.mkdir(parents=True, exist_ok=True)
        with Image.open(drawn.path) as image:
            dicom(image.convert("L"), str(drawn.patient), number).save_as(
                path, enforce_file_format=True
            )
    return folder / "dicom"


def dicom(image: Image.Image, patient: str, number: int) -> Dataset:
    """A computed radiography image with the tags that a hospital writes."""
    made = Dataset()
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = uid.ExplicitVRLittleEndian
    made.SOPClassUID, made.SOPInstanceUID = uid.ComputedRadiographyImageStorage, uid.generate_uid()
    made.StudyInstanceUID, made.SeriesInstanceUID = uid.generate_uid(), uid.generate_uid()
    made.PatientName, made.PatientID = f"Everyman^{patient}", f"CLINIC-{patient}"
    made.PatientBirthDate, made.StudyDate = "20120304", f"202401{number + 1:02}"
    made.InstitutionName, made.ReferringPhysicianName = "Somewhere Children's", "Doe^Jane"
    made.BodyPartExamined, made.ViewPosition, made.PatientAge = "CHEST", "PA", "004Y"
    made.Modality, made.BurnedInAnnotation = "CR", "YES" if number == 4 else "NO"
    made.PhotometricInterpretation, made.SamplesPerPixel = "MONOCHROME2", 1
    made.Columns, made.Rows = image.size
    made.BitsAllocated, made.BitsStored, made.HighBit, made.PixelRepresentation = 8, 8, 7, 0
    pixels = image.tobytes()
    made.PixelData = pixels + b"\0" * (len(pixels) % 2)
    return made


if __name__ == "__main__":
    main()
