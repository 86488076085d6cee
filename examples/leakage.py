"""What a plain random split by film leaks, and what the library's split does instead.

Usage: python examples/leakage.py [path/to/chest_xray]

Without a folder phantoms are drawn. The figures of the real films are of Kermany, Zhang and
Goldbaum (2018), Mendeley Data V2, doi:10.17632/rscbjbr9sj.2, CC BY 4.0.
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
    films = rx.XrayDataset.from_folder(folder, names=rx.KERMANY)

print(films.leakage(fraction=0.2, seed=0))

split = films.split(test=0.2, seed=0)
seen = {film.group for film in split.train}
leaked = sum(film.group in seen for film in split.test)
print(
    f"split() by whole patients ({split.fingerprint}): {leaked} of {len(split.test):,} test films "
    "show such a patient."
)
for label, count in films.counts.items():
    print(f"  {label}: {split.test.counts[label] / count:.1%} of {count:,} films for the test")
