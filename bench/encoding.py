"""Encoding prepared images as PNG: ours beside Pillow's default, and whole DICOM files prepared.

Whole files are uncompressed, JPEG Lossless and JPEG 2000, beside a loop of pydicom and Pillow and
beside DCMTK's dcmj2pnm where it is installed; by processor time, so that other work on the machine
does not count.

Images are drawn, 2000 x 2500 pixels of 12 bits with grain, as a detector's are; real originals (in
../shared/xrays, or where XRAYS points) are encoded, too. Ratios are of the best of some rounds,
taken in turn, so that a machine with other work hurts all alike. Run it with ``make bench``.

Usage: python bench/encoding.py [images]
"""

from __future__ import annotations

import io
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
import zlib  # noqa: F401 - before gdcm, whose own zlib would else take its place, and crash
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import gdcm
import numpy as np
from PIL import Image
from pydicom import dcmread
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import (
    UID,
    DigitalXRayImageStorageForPresentation,
    ExplicitVRLittleEndian,
    JPEG2000Lossless,
)

from rekognition_xray.data.images import encode, prepare_image

IMAGES: Final = 6
ROUNDS: Final = 3
SIZE: Final = (2000, 2500)
REAL: Final = Path(os.environ.get("XRAYS", Path(__file__).parents[2] / "shared" / "xrays"))


def draw(number: int) -> np.ndarray:
    """Soft shadows with the grain of a detector, in 12 bits."""
    dice = np.random.default_rng(number)
    blots = Image.fromarray(dice.integers(20, 220, (10, 12), dtype="uint8"))
    shadows = np.asarray(blots.resize(SIZE, Image.Resampling.BICUBIC)).astype("int32") * 16
    return (shadows + dice.integers(-8, 9, shadows.shape)).clip(0, 4095).astype("uint16")


def dicom(pixels: np.ndarray) -> bytes:
    """An uncompressed file of digital radiography."""
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = DigitalXRayImageStorageForPresentation
    meta.MediaStorageSOPInstanceUID = UID("1.2.3")
    made = FileDataset("", {}, file_meta=meta, preamble=bytes(128))
    made.SOPClassUID = meta.MediaStorageSOPClassUID
    made.SOPInstanceUID = meta.MediaStorageSOPInstanceUID
    made.Modality, made.BurnedInAnnotation = "DX", "NO"
    made.Rows, made.Columns = pixels.shape
    made.BitsAllocated, made.BitsStored, made.HighBit = 16, 12, 11
    made.SamplesPerPixel, made.PixelRepresentation = 1, 0
    made.PhotometricInterpretation = "MONOCHROME2"
    made.WindowCenter, made.WindowWidth = 2048, 4096
    made.PixelData = pixels.tobytes()
    buffer = io.BytesIO()
    made.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def pillow(grey: Image.Image) -> bytes:
    """PNG as Pillow writes it by default."""
    buffer = io.BytesIO()
    grey.save(buffer, "PNG")
    return buffer.getvalue()


def ours(grey: Image.Image) -> bytes:
    """PNG as prepared images have it."""
    return encode(grey, as_jpeg=False)


def compare(title: str, pictures: Sequence[Image.Image]) -> None:
    """Seconds and bytes of both ways; the pixels must be equal."""
    ways: dict[str, Callable[[Image.Image], bytes]] = {"Pillow": pillow, "ours": ours}
    best = dict.fromkeys(ways, float("inf"))
    size = dict.fromkeys(ways, 0)
    for _ in range(ROUNDS):
        for name, way in ways.items():
            began = time.perf_counter()
            made = [way(picture) for picture in pictures]
            best[name] = min(best[name], time.perf_counter() - began)
            size[name] = sum(map(len, made))
    for picture in pictures:
        assert Image.open(io.BytesIO(ours(picture))).tobytes() == picture.tobytes()
    faster, share = best["Pillow"] / best["ours"], size["ours"] / size["Pillow"]
    print(f"{title}: {len(pictures)} images, {faster:.1f}x as fast, {share:.3f} of the bytes")


def main() -> None:
    """Prints one line for each kind of image."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else IMAGES
    pixels = [draw(number) for number in range(count)]
    compare("drawn", [Image.fromarray((one >> 4).astype("uint8")) for one in pixels])
    originals = sorted((REAL / "originals").rglob("*.jpeg"))[: 4 * count]
    if originals:
        compare("originals", [Image.open(path).convert("L") for path in originals])
    for title, data in packings(pixels[0]).items():
        beside_peers(title, data)


def packings(pixels: np.ndarray) -> dict[str, bytes]:
    """One image in three transfer syntaxes."""
    plain = dicom(pixels)
    packed = dcmread(io.BytesIO(plain))
    packed.compress(JPEG2000Lossless, encoding_plugin="pylibjpeg")
    buffer = io.BytesIO()
    packed.save_as(buffer)
    return {
        "uncompressed": plain,
        "JPEG Lossless": as_jpeg_lossless(plain),
        "JPEG 2000": buffer.getvalue(),
    }


def as_jpeg_lossless(plain: bytes) -> bytes:
    """The file in JPEG Lossless, by gdcm, which takes files only."""
    with tempfile.TemporaryDirectory() as folder:
        before, after = Path(folder, "before.dcm"), Path(folder, "after.dcm")
        before.write_bytes(plain)
        reader = gdcm.ImageReader()
        reader.SetFileName(str(before))
        reader.Read()
        change = gdcm.ImageChangeTransferSyntax()
        change.SetTransferSyntax(gdcm.TransferSyntax(gdcm.TransferSyntax.JPEGLosslessProcess14_1))
        change.SetInput(reader.GetImage())
        change.Change()
        writer = gdcm.ImageWriter()
        writer.SetFileName(str(after))
        writer.SetFile(reader.GetFile())
        writer.SetImage(change.GetOutput())
        writer.Write()
        return after.read_bytes()


def beside_peers(title: str, data: bytes) -> None:
    """Prints how long a file takes, and the peers' times as ratios."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "image.dcm")
        path.write_bytes(data)
        ways: dict[str, Callable[[], object]] = {
            "ours": lambda: prepare_image(data),
            "pydicom and Pillow": lambda: loop(data),
        }
        if (found := shutil.which("dcmj2pnm")) and title != "JPEG 2000":  # which it does not read
            command = [found, "+on", "+Wm", str(path), str(path.with_suffix(".png"))]
            ways["dcmj2pnm"] = lambda: subprocess.run(command, check=True)
        best = dict.fromkeys(ways, float("inf"))
        for _ in range(ROUNDS):
            for name, way in ways.items():
                best[name] = min(best[name], processor_time(way))
    ours = best.pop("ours")
    peers = ", ".join(f"{name} {taken / ours:.2f}x" for name, taken in best.items())
    print(f"DICOM of {SIZE[0]} x {SIZE[1]}, {title}: {ours * 1000:.0f} ms; {peers}")


def loop(data: bytes) -> bytes:
    """What a few lines of pydicom and Pillow do: the full range in 8 bits, as PNG."""
    pixels = dcmread(io.BytesIO(data)).pixel_array
    low, high = int(pixels.min()), int(pixels.max())
    return pillow(Image.fromarray(((pixels - low) * (255 / (high - low))).astype("uint8")))


def processor_time(way: Callable[[], object]) -> float:
    """Seconds of processor time that it takes, those of programs it starts included."""
    began = time.process_time() + _children()
    way()
    return time.process_time() + _children() - began


def _children() -> float:
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime


if __name__ == "__main__":
    main()
