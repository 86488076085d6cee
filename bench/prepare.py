"""Preparing images: one process against two and against threads, and a repeat with nothing new.

Images are drawn, 1500 x 1200 px JPEG as a clinic's are; with real images (in ../shared/xrays, or
where XRAYS points) those are measured, too. Ratios are of the best of some rounds, taken in turn,
so that a machine with other work hurts all alike. Run it with ``make bench``.

Usage: python bench/prepare.py [images]
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import ExitStack
from multiprocessing import get_context
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image

import rekognition_xray as rx
from rekognition_xray.data.preparing import LEDGER

IMAGES: Final = 200
ROUNDS: Final = 3
SIZE: Final = (1500, 1200)
REAL: Final = Path(os.environ.get("XRAYS", Path(__file__).parents[2] / "shared" / "xrays"))


def draw(folder: Path, images: int) -> rx.XrayDataset:
    """Soft shadows with the grain of an image."""
    for number in range(images):
        dice = np.random.default_rng(number)
        blots = Image.fromarray(dice.integers(20, 220, (10, 12), dtype="uint8"))
        shadows = np.asarray(blots.resize(SIZE, Image.Resampling.BICUBIC), dtype="int16")
        grain = dice.integers(-6, 7, shadows.shape, dtype="int16")
        picture = Image.fromarray((shadows + grain).clip(0, 255).astype("uint8"))
        picture.save(folder / f"IM-{number:04}-0001.jpeg", quality=92)
    return rx.XrayDataset.from_folder(folder)


def seconds(dataset: rx.XrayDataset, folder: Path, executor: Executor) -> float:
    """How long one run takes."""
    began = time.perf_counter()
    dataset.prepare(folder, executor=executor)
    return time.perf_counter() - began


def written(folder: Path) -> dict[str, bytes]:
    """The prepared files."""
    files = (path for path in folder.rglob("*.*") if path.is_file() and path.name != LEDGER)
    return {path.name: path.read_bytes() for path in files}


def measure(title: str, dataset: rx.XrayDataset, executors: dict[str, Executor]) -> None:
    """One table of seconds and ratios."""
    first = rx.XrayDataset(dataset.images[:32])
    fresh: dict[str, list[float]] = {name: [] for name in executors}
    repeats: list[float] = []
    with tempfile.TemporaryDirectory() as place:
        root = Path(place)
        for name, executor in executors.items():
            first.prepare(root / f"warm {name}", executor=executor)
        for round_ in range(ROUNDS):
            for name, executor in executors.items():
                folder = root / f"{name} {round_}"
                fresh[name].append(seconds(dataset, folder, executor))
                repeats.append(seconds(dataset, folder, executor))
        made = [written(root / f"{name} 0") for name in executors]
    assert all(files == made[0] for files in made), "executors differ"
    best = {name: min(taken) for name, taken in fresh.items()}
    one = best["1 process"]
    print(f"{title}: {len(dataset)} images, {len(made[0])} files, the same bytes by all executors")
    for name, taken in best.items():
        print(
            f"  {name:12} {taken:7.2f} s {len(dataset) / taken:8.1f} images/s {one / taken:6.2f}x"
        )
    last = min(repeats)
    print(f"  {'repeat':12} {last:7.3f} s {len(dataset) / last:8.1f} images/s {one / last:6.0f}x")


def count(numbers: int) -> int:
    """Work that needs a processor and nothing else."""
    return sum(number * number for number in range(numbers))


def room(pool: Executor) -> float:
    """How much faster two processes are here when nothing stands between them."""
    numbers = 4_000_000
    list(pool.map(count, [1, 1]))
    began = time.perf_counter()
    for _ in range(2):
        pool.submit(count, numbers).result()
    one = time.perf_counter() - began
    began = time.perf_counter()
    list(pool.map(count, [numbers] * 2))
    return one / (time.perf_counter() - began)


def main() -> None:
    """Measures drawn images, and real ones where they are."""
    images = int(sys.argv[1]) if len(sys.argv) > 1 else IMAGES
    with ExitStack() as stack, tempfile.TemporaryDirectory() as folder:
        executors: dict[str, Executor] = {
            f"{count} process{'es' if count > 1 else ''}": stack.enter_context(
                ProcessPoolExecutor(count, get_context("spawn"))
            )
            for count in (1, 2)
        }
        executors["2 threads"] = stack.enter_context(ThreadPoolExecutor(2))
        print(f"two processes that only count are {room(executors['2 processes']):.2f}x one here")
        measure("drawn", draw(Path(folder), images), executors)
        if (REAL / "originals").is_dir():
            measure("real", rx.XrayDataset.from_folder(REAL / "originals"), executors)


if __name__ == "__main__":
    main()
