#!/usr/bin/env bash
# Pillow and OpenCV turn an 8-bit "min is white" TIFF the right way round, and not a 16-bit one.
#
# A good guess: TIFF 6.0 says of PhotometricInterpretation 0 (WhiteIsZero) that zero is imaged as
#   white, at any depth. Pillow and OpenCV honour that: the 8-bit file comes back inverted, so
#   that big numbers are bright. A 16-bit scan of the same film should come back inverted too.
# What happens: at 16 bits both libraries hand out the stored numbers, with no warning: the image
#   is a negative. Pillow then saves it as a TIFF with PhotometricInterpretation 1 and the same
#   numbers, so that what a conforming viewer shows has become a lasting negative, while the
#   8-bit file survives the same two lines.
# Whom it hurts: who reads 16-bit film scans stored as min is white beside 8-bit copies:
#   training and test pictures get opposite polarity, lungs bright in one and dark in the other.
# Versions: Pillow 13.0.0, opencv-python-headless 5.0.0.93, tifffile 2026.3.3 (it writes the
#   files), numpy 2.4.6. Date: 2026-11-28.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
python3 -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install -q --disable-pip-version-check \
  Pillow==13.0.0 opencv-python-headless==5.0.0.93 tifffile==2026.3.3 numpy==2.4.6 2>/dev/null
cd "$tmp"
venv/bin/python - <<'PY'
import sys
import cv2, numpy as np, PIL, tifffile
from PIL import Image

stored = np.array([[0, 50], [200, 255]], np.uint8)   # 0 is white
bright = 255 - stored                                  # what a viewer shows
changed = False
print(f"version:  Pillow {PIL.__version__}, OpenCV {cv2.__version__}, tifffile {tifffile.__version__}")
for depth, scale in ((8, 1), (16, 257)):
    raw = stored.astype(f"uint{depth}") * scale
    tifffile.imwrite("scan.tif", raw, photometric="miniswhite")
    picture = Image.open("scan.tif")
    read = {"Pillow": np.array(picture), "OpenCV": cv2.imread("scan.tif", cv2.IMREAD_UNCHANGED)}
    picture.save("again.tif")
    with tifffile.TiffFile("again.tif") as again:
        read[f"Pillow, saved again ({again.pages[0].photometric.name})"] = again.asarray()
        changed |= again.pages[0].photometric.name != "MINISBLACK"
    expected = bright.astype(raw.dtype) * scale
    print(f"expected: {depth}-bit: brightness {expected.tolist()}")
    for name, got in read.items():
        print(f"seen:     {depth}-bit: {name}: {got.tolist()}")
        changed |= not np.array_equal(got, expected if depth == 8 else raw)
sys.exit(1 if changed else 0)
PY
