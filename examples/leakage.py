"""How a plain random split by image leaks patients, and the library's split that does not.

Usage: python examples/leakage.py [path/to/chest_xray]

Without a folder phantoms are drawn. Real images: Kermany, Zhang and Goldbaum
 (2018), Mendeley Data V2, doi:10.17632/rscbjbr9sj.2, CC BY 4.0.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import rekognition_xray as rx
from rekognition_xray.data.phantoms import make_phantoms

with tempfile.TemporaryDirectory() as scratch:
    if len(sys.argv) > 1:
        folder = Path(sys.argv[1])
    else:
        folder = make_phantoms(Path(scratch), patients=40, heights=(120, 200), seed=7)
    images = rx.XrayDataset.from_folder(folder, names=rx.KERMANY)

print(images.leakage(fraction=0.2, seed=0))

split = images.split(test=0.2, seed=0)
seen = {image.group for image in split.train}
leaked = sum(image.group in seen for image in split.test)
print(
    f"split() by whole patients ({split.fingerprint}): {leaked} of {len(split.test):,} test images "
    "show such a patient."
)
for label, count in images.counts.items():
    print(f"  {label}: {split.test.counts[label] / count:.1%} of {count:,} images for the test")
