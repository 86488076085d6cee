"""Encoding prepared images as PNG: ours beside Pillow's default, and whole DICOM files prepared.

Images are drawn, 2000 x 2500 pixels of 12 bits with grain, as a detector's are; real originals (in
../shared/xrays, or where XRAYS points) are encoded, too. Ratios are of the best of some rounds,
taken in turn, so that a machine with other work hurts all alike. Run it with ``make bench``.

Usage: python bench/encoding.py [images]
"""

from __future__ import annotations

import io
import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import UID, DigitalXRayImageStorageForPresentation, ExplicitVRLittleEndian

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
    files = [dicom(one) for one in pixels]
    began = time.perf_counter()
    for data in files:
        prepare_image(data)
    taken = time.perf_counter() - began
    print(f"DICOM of {SIZE[0]} x {SIZE[1]}, prepared: {len(files) / taken:.2f} images a second")


if __name__ == "__main__":
    main()
