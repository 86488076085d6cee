"""A dataset from folders of 25,000, 50,000 and 100,000 files, and its split: does time stay linear?

Empty files under names of the official set, in a temporary folder; seconds are those of the
processor, each the best of three runs. Run it with ``make bench``.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from rekognition_xray.data.dataset import XrayDataset
from rekognition_xray.data.reading import TableNames

SIZES: Final = (25_000, 50_000, 100_000)
RUNS: Final = 3
IMAGES_OF_A_PATIENT: Final = 3


def name_of(number: int) -> str:
    """A quarter of the images normal, the others bacterial and viral, some in test."""
    patient = number // IMAGES_OF_A_PATIENT
    part = "test" if patient % 10 == 0 else "train"
    if number % 4 == 0:
        image = f"{number % 10_000:04d}-{number // 10_000:04d}"
        return f"{part}/NORMAL/IM-{patient % 10_000:04d}-{image}.jpeg"
    kind = "virus" if patient % 3 == 0 else "bacteria"
    return f"{part}/PNEUMONIA/person{patient}_{kind}_{number}.jpeg"


def fill(folder: Path, files: int) -> None:
    for name in ("train/NORMAL", "train/PNEUMONIA", "test/NORMAL", "test/PNEUMONIA"):
        (folder / name).mkdir(parents=True)
    for number in range(files):
        (folder / name_of(number)).touch()
    rows = (f"{name_of(number)},normal,{number // IMAGES_OF_A_PATIENT}" for number in range(files))
    (folder / "labels.csv").write_text("\n".join(["file,label,patient", *rows]))


def best(work: Callable[[], object]) -> float:
    def once() -> float:
        start = time.process_time()
        work()
        return time.process_time() - start

    return min(once() for _ in range(RUNS))


def measure(files: int) -> dict[str, float]:
    """Seconds for each step."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        fill(folder, files)
        dataset = XrayDataset.from_folder(folder)
        assert len(dataset) + len(dataset.rejected) == files
        table = TableNames.from_csv(folder / "labels.csv")
        return {
            "from_folder, KERMANY": best(lambda: XrayDataset.from_folder(folder)),
            "split": best(lambda: dataset.split(test=0.2, seed=1)),
            "from_csv": best(lambda: TableNames.from_csv(folder / "labels.csv")),
            "from_folder, the table": best(lambda: XrayDataset.from_folder(folder, names=table)),
        }


def main() -> None:
    print(f"{'files':>8}  {'step':<24}{'seconds':>9}{'µs per file':>13}{'to 1x':>8}")
    first: dict[str, float] = {}
    for files in SIZES:
        for step, seconds in measure(files).items():
            each = seconds / files * 1e6
            ratio = each / first.setdefault(step, each)
            print(f"{files:>8,}  {step:<24}{seconds:>9.2f}{each:>13.1f}{ratio:>8.2f}")


if __name__ == "__main__":
    main()
