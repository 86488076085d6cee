#!/usr/bin/env bash
# pydicom compresses 8 bits stored in 16 to RLE without a word, and cannot read what it wrote.
#
# A good guess: pydicom's RLE guide lists Bits Allocated 8 or 16 with Bits Stored 1 to 16 as valid,
#   and DICOM PS3.5 annex G has one segment for each byte of Bits Allocated. Pixels of 8 bits
#   stored in 16 allocated should take two segments and come back equal: the transfer syntax is called lossless.
# What happens: compress(RLELossless) succeeds but first shrinks the pixels to the bytes that Bits
#   Stored needs, then still splits them into the two segments of Bits Allocated 16: these hold
#   every other pixel each, not low and high bytes. The segments are half as long as they must be,
#   so pixel_array raises afterwards, in pydicom itself. From 9 bits stored on all is well. Passing
#   the array makes no difference.
# Whom it hurts: who compresses an archive in place and keeps no originals: it shows only
#   when somebody opens the image again.
# Versions: pydicom 3.0.2, numpy 2.4.6. Date: 2026-11-28.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
python3 -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install -q --disable-pip-version-check pydicom==3.0.2 numpy==2.4.6 2>/dev/null
"$tmp/venv/bin/python" -W error - <<'PY'
import struct, sys
from importlib.metadata import version
import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import get_frame
from pydicom.uid import ExplicitVRLittleEndian, RLELossless

def outcome(stored, give_array):
    pixels = np.random.default_rng(7).integers(0, 2**stored, (32, 40)).astype(np.uint16)
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.Rows, ds.Columns, ds.SamplesPerPixel, ds.PhotometricInterpretation = 32, 40, 1, "MONOCHROME2"
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, stored, stored - 1, 0
    ds.PixelData = pixels.tobytes()
    assert np.array_equal(ds.pixel_array, pixels)
    ds.compress(RLELossless, pixels if give_array else None, encoding_plugin="pydicom")
    segments = struct.unpack("<L", get_frame(ds.PixelData, 0, number_of_frames=1)[:4])[0]
    try:
        back = "equal" if np.array_equal(ds.pixel_array, pixels) else "different"
    except RuntimeError:
        back = "RuntimeError"
    return ds.BitsAllocated, segments, back

print(f"version:  pydicom {version('pydicom')}")
print("expected: 16 bits allocated, 2 segments, pixels equal after the round trip")
changed = False
for stored in (8, 9, 12):
    for give_array in (False, True):
        got = outcome(stored, give_array)
        print(f"seen:     {stored} stored, {'array' if give_array else 'dataset'}: "
              f"{got[0]} allocated, {got[1]} segment(s), round trip {got[2]}")
        changed |= got != ((16, 2, "RuntimeError") if stored == 8 else (16, 2, "equal"))
sys.exit(changed)
PY
