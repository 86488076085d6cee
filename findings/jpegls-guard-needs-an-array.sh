#!/usr/bin/env bash
# pydicom's guard against sign flips in lossy JPEG-LS works only when the pixels are passed twice.
#
# A good guess: pydicom documents jls_error as the allowed absolute error of a pixel. Its JPEG-LS
#   guide warns that signed values near the ends of the range may flip sign, and compress() does
#   refuse such pixels with a ValueError that names the range allowed. The documentation of `arr`
#   says that without it the dataset's own pixel data are compressed "instead", so the same
#   pixels should meet the same guard.
# What happens: ds.compress(JPEGLSNearLossless, ds.pixel_array, jls_error=2) raises, and
#   ds.compress(JPEGLSNearLossless, jls_error=2) on the same dataset says nothing, and pixels come
#   back wrong by 4095 of 4095: saturated white becomes black. Only arrays are checked.
# Whom it hurts: who shrinks an archive of signed 12-bit X-rays with saturated areas "by at most two
#   grey levels", and trusts the error that the other call raised in a trial.
# Versions: pydicom 3.0.2, pyjpegls 1.5.1, numpy 2.4.6. Date: 2026-11-28.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
python3 -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install -q --disable-pip-version-check \
  pydicom==3.0.2 pyjpegls==1.5.1 numpy==2.4.6 2>/dev/null
"$tmp/venv/bin/python" -W error - <<'PY'
import copy, sys
from importlib.metadata import version
import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, JPEGLSNearLossless

NEAR = 2
y, x = np.mgrid[0:64, 0:64]
ramp = np.hypot(x - 32, y - 32) * 160 - 2600 + np.random.default_rng(7).integers(-3, 4, (64, 64))
pixels = ramp.clip(-2048, 2047).astype(np.int16)   # saturated in the corners
ds = Dataset()
ds.file_meta = FileMetaDataset()
ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
ds.Rows, ds.Columns, ds.SamplesPerPixel, ds.PhotometricInterpretation = 64, 64, 1, "MONOCHROME2"
ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 12, 11, 1
ds.PixelData = pixels.tobytes()

def attempt(*array):
    copied = copy.deepcopy(ds)
    try:
        copied.compress(JPEGLSNearLossless, *array, jls_error=NEAR)
    except ValueError:
        return "ValueError"
    return np.abs(copied.pixel_array.astype(int) - pixels)

with_array, without = attempt(pixels), attempt()
print(f"version:  pydicom {version('pydicom')}, pyjpegls {version('pyjpegls')}")
print(f"expected: ValueError both with arr and without, or errors of at most {NEAR}")
print(f"seen:     with arr: {with_array}; without: no word, "
      + (without if isinstance(without, str) else f"largest error {without.max()}, {(without > NEAR).sum()} pixels beyond {NEAR}"))
sys.exit(0 if isinstance(with_array, str) and not isinstance(without, str) and int(without.max()) == 4095 else 1)
PY
