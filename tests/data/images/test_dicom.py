"""A DICOM image as other images: silent, without names, and with its extra only."""

from __future__ import annotations

import logging
import struct
import sys
import warnings
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

pytest.importorskip("pydicom")

import numpy as np
from pydicom import uid
from pydicom.dataset import Dataset

from rekognition_xray.data.images import ImageOptions, decode, prepare_image, read_patient
from rekognition_xray.data.images.dicom import DicomImage, read_image
from rekognition_xray.errors import ImageError, MissingExtraError

from ...support.dicom_files import (
    as_jpeg,
    everywhere,
    grey,
    image,
    lut,
    packed,
    put,
    ramp,
    refused,
    saved,
)


def test_nothing_is_warned_of_or_logged(caplog: pytest.LogCaptureFixture) -> None:
    odd = image(PatientID="Jane Example", NumberOfFrames=0, SOPInstanceUID="no uid: Jane Example")
    odd.add_new(0x00080005, "CS", "NO SUCH SET")
    odd.PixelData = odd.PixelData + bytes(50)
    sound, broken = saved(odd), packed(image(), as_jpeg(ramp(8))[:-99], uid.JPEGBaseline8Bit)
    caplog.clear()
    with caplog.at_level(logging.DEBUG):
        read_image(sound)
        refused(broken)
    assert not [record for record in caplog.records if record.name.startswith("pydicom")]
    assert logging.getLogger("pydicom").level == logging.WARNING


def test_reading_leaves_the_filters_of_warnings_alone() -> None:
    before = list(warnings.filters)
    read_image(saved(image()))
    assert warnings.filters == before


def test_images_read_in_many_threads_come_out_alike_and_in_silence(tmp_path: Path) -> None:
    files = [data for _, _, data, _ in everywhere(tmp_path)] * 4
    alone = [grey(data) for data in files[:13]]
    before, level = list(warnings.filters), logging.getLogger("pydicom").level
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(grey, files)) == alone * 4
    assert (warnings.filters, logging.getLogger("pydicom").level) == (before, level)


@pytest.mark.parametrize(
    ("tag", "patient"), [("A-17", "A-17"), (" 0042 ", "0042"), ("", None), (None, None)]
)
def test_the_patient_is_reported_and_kept_out_of_sight(
    tag: str | None, patient: str | None
) -> None:
    made = read_image(saved(image(PatientID=tag)))
    assert made.patient == patient
    assert "42" not in repr(made)
    assert "A-17" not in repr(made)


@pytest.mark.parametrize(("tag", "patient"), [("A-17", "A-17"), ("", None)])
def test_the_patient_is_read_without_the_pixels(
    tag: str, patient: str | None, tmp_path: Path
) -> None:
    path = tmp_path / "image.dcm"
    path.write_bytes(saved(image(PatientID=tag, BurnedInAnnotation="YES"))[:-20])
    with pytest.raises(ImageError):
        read_image(path)
    assert read_patient(path) == patient


@pytest.mark.parametrize("content", [b"", b"no image", saved(image(Modality="CT"))])
def test_no_patient_is_read_of_what_is_no_image(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "image.dcm"
    path.write_bytes(content)
    with pytest.raises(ImageError):
        read_patient(path)


SECRET = "Jane^Example"


BIRTH = "19700131"


def full_of_secrets() -> Dataset:
    """An image with a name, a date and a comment in every place a DICOM file has for them."""
    output = image(PatientName=SECRET, PatientID=f"{SECRET}-1", PatientBirthDate=BIRTH)
    output.ImageComments = output.StudyDescription = output.AccessionNumber = SECRET
    output.WindowCenterWidthExplanation = SECRET
    put(output, "BodyPartExamined", SECRET.upper())
    output.WindowCenter, output.WindowWidth = 2000, 3000
    output.AcquisitionDate = output.StudyDate = BIRTH
    inner = Dataset()
    inner.PersonName = SECRET
    outer = Dataset()
    outer.PersonIdentificationCodeSequence = [inner]
    outer.TextValue = SECRET
    output.RequestAttributesSequence = [outer]
    output.VOILUTSequence = lut(range(4096), bits=12)
    output.VOILUTSequence[0].LUTExplanation = SECRET
    private = output.private_block(0x0029, SECRET, create=True)
    private.add_new(1, "LO", SECRET)
    private.add_new(2, "OB", SECRET.encode())
    output.add_new(0x60000010, "US", 70)
    output.add_new(0x60000011, "US", 90)
    output.add_new(0x60000022, "LO", SECRET)
    output.add_new(0x60004000, "LT", SECRET)
    output.add_new(0x60003000, "OW", (SECRET.encode() * 99)[:788])
    output.add_new(0x50000022, "LO", SECRET)
    output.add_new(0x50003000, "OW", SECRET.encode())
    output.PixelData = output.PixelData + SECRET.encode() * 4
    output.add_new(0xFFFCFFFC, "OB", SECRET.encode() * 10)
    return output


@pytest.mark.parametrize("syntax", [uid.ExplicitVRLittleEndian, uid.ImplicitVRLittleEndian])
def test_nothing_but_pixels_gets_through(syntax: uid.UID) -> None:
    source = saved(full_of_secrets(), syntax)
    source = (SECRET * 20).encode()[:128] + source[128:] + SECRET.encode()  # the preamble, too
    assert source.count(SECRET.encode()) > 20
    made = prepare_image(source)
    hidden = made.data + b"".join(inflated(made.data)) + repr(made).encode()
    for word in (SECRET, SECRET.upper(), BIRTH, "Jane", "JANE"):
        assert word.encode() not in hidden
    plain = image(VOILUTSequence=lut(range(4096), bits=12))
    assert made.data == prepare_image(saved(plain)).data


def inflated(png: bytes) -> Iterator[bytes]:
    """The content of each chunk, as it is and decompressed."""
    at = 8
    kinds = []
    while at < len(png):
        length = struct.unpack(">I", png[at : at + 4])[0]
        kinds.append(png[at + 4 : at + 8])
        content = png[at + 8 : at + 8 + length]
        yield content
        if kinds[-1] == b"IDAT":
            yield zlib.decompress(content)
        at += 12 + length
    assert set(kinds) == {b"IHDR", b"IDAT", b"IEND"}


def test_an_image_is_prepared_the_same_from_bytes_and_path(tmp_path: Path) -> None:
    path = tmp_path / "image"
    path.write_bytes(saved(image()))
    made = prepare_image(path)
    assert made == prepare_image(path.read_bytes())
    assert made.extension == "png"
    assert made.steps == (
        "decoded DICOM in Explicit VR Little Endian",
        "12 of 16 bits, unsigned",
        "full range 0 to 4095",
        "encoded PNG",
    )
    assert isinstance(read_image(path), DicomImage)


def test_an_error_names_the_file(tmp_path: Path) -> None:
    path = tmp_path / "ct.dcm"
    path.write_bytes(saved(image(Modality="CT")))
    for read in (decode, prepare_image, read_image):
        with pytest.raises(ImageError, match=r"ct\.dcm") as caught:
            read(path)
        assert caught.value.paths == (path,)


def test_a_decoded_image_tells_its_header() -> None:
    header = decode(saved(image())).probe
    assert (header.format, header.width, header.height, header.mode) == ("DICOM", 90, 70, "I;16")
    assert decode(saved(image(ramp(8)))).probe.mode == "L"


def test_without_the_extra_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [
        name for name in sys.modules if name.startswith("rekognition_xray.data.images.dicom")
    ]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "pydicom", None)
    with pytest.raises(MissingExtraError, match="'dicom'") as caught:
        prepare_image(saved_before)
    assert "rekognition-xray[dicom]" in caught.value.hint


saved_before = saved(image())


EVERYTHING = ImageOptions(allow_burned_in=True, allow_other_views=True)


def test_five_of_the_six_real_files_are_read(xrays: Path) -> None:
    read, output = {}, {}
    for path in sorted((xrays / "dicom").glob("*.dcm")):
        try:
            read[path.stem] = read_image(path, options=EVERYTHING)
        except ImageError as error:
            output[path.stem] = error
    assert {name: made.bits_stored for name, made in read.items()} == {
        "CR-MONO1-10-chest": 10,
        "Fake_MONOHR1": 8,
        "RG1_J2KI_chest": 15,
        "RG2_JPLL_hip": 10,
        "RG3_J2KR_tibia": 10,
    }
    assert "JPEG Extended (Process 2 and 4)" in output["RG3_JPLY_tibia"].reason
    assert output["RG3_JPLY_tibia"].code == "no-decoder"
    spine, lung = (
        np.asarray(read["CR-MONO1-10-chest"].grey.crop(box)).mean()
        for box in ((205, 150, 235, 300), (90, 200, 130, 300))
    )
    assert spine > lung + 30  # bone is bright


@pytest.mark.parametrize(
    ("name", "part"), [("RG2_JPLL_hip", "hip"), ("RG3_J2KR_tibia", "extremity")]
)
def test_real_images_of_other_body_parts_are_held_back(xrays: Path, name: str, part: str) -> None:
    with pytest.raises(ImageError, match=f"another body part than the chest: {part}") as caught:
        prepare_image(xrays / "dicom" / f"{name}.dcm")
    assert caught.value.code == "other-body-part"


def test_a_real_secondary_capture_is_held_back(xrays: Path) -> None:
    with pytest.raises(ImageError, match="held back") as caught:
        prepare_image(xrays / "dicom" / "Fake_MONOHR1.dcm")
    assert caught.value.code == "burned-in"
