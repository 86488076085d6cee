"""Audit of the real images: seconds, peak memory, and how the hash step grows with the images.

Runs in a child process, whose peak memory is the audit's own. The images lie at $XRAYS, or in
../shared/xrays beside the repository.
"""

from __future__ import annotations

import multiprocessing
import os
import resource
import sys
import time
from pathlib import Path
from typing import Final

from threadpoolctl import threadpool_limits

from rekognition_xray.data.auditing import group_pairs, look, near_pairs, propose_pairs
from rekognition_xray.data.dataset import XrayDataset

FOLDER: Final = Path(os.environ.get("XRAYS", Path(__file__).parents[2] / "shared" / "xrays"))


def audited(name: str) -> None:
    """Prints what one audit took and found."""
    dataset = XrayDataset.from_folder(FOLDER / name)
    begun, worked = time.perf_counter(), time.process_time()
    found = dataset.audit()
    seconds, busy = time.perf_counter() - begun, time.process_time() - worked
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{name}: {len(dataset):,} images, {seconds:.1f} s ({busy:.1f} s of processors)")
    print(f"  peak memory {peak:.0f} MiB")
    for kind in ("file", "pixels", "near"):
        sizes = [len(group.images) for group in found.duplicates if group.kind == kind]
        print(
            f"  duplicates by {kind}: {len(sizes)} groups, the largest of {max(sizes, default=0)}"
        )
    for row in found.shortcuts:
        print(f"  {row.property:10} AUROC {row.auroc:.2f} ({row.low:.2f} to {row.high:.2f})")


def hashed() -> None:
    """Prints the hash step at a quarter, a half and all of the images, on one processor."""
    with threadpool_limits(1):
        measure_hashes()


def measure_hashes() -> None:
    images = XrayDataset.from_folder(FOLDER / "chest_xray").images
    thumbs = [look(image.path).thumb for image in images]
    for part in (4, 2, 1):
        some = thumbs[::part]
        worked = time.process_time()
        proposed = len(propose_pairs(some))
        spent = time.process_time() - worked
        each = 1000 * spent / len(some)
        print(
            f"hash step, {len(some):5,} images: {spent:5.2f} s, {each:.2f} ms an image, "
            f"{proposed:,} pairs proposed"
        )
    worked = time.process_time()
    pairs = near_pairs(thumbs)
    largest = max((len(group.images) for group in group_pairs(pairs)), default=0)
    spent = time.process_time() - worked
    print(
        f"with pixels: {spent:.2f} s, {len(pairs)} pairs verified (exact copies among them), "
        f"the largest group has {largest} images"
    )


def main() -> None:
    if not (FOLDER / "chest_xray").is_dir():
        print(f"no real images at {FOLDER} (set XRAYS); nothing to measure")
        sys.exit()
    fresh = multiprocessing.get_context("spawn")
    for target, given in ((audited, ("chest_xray",)), (audited, ("originals",)), (hashed, ())):
        child = fresh.Process(target=target, args=given)
        child.start()
        child.join()


if __name__ == "__main__":
    main()
