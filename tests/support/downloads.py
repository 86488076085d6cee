"""What an earlier download has left on the disk, so that nothing is downloaded."""

from __future__ import annotations

from pathlib import Path

from rekognition_xray.data.reading import HANDLE, PUBLISHED, VERSION

FIRST = {"train": 0, "test": 5000, "val": 9000}  # patients: no number is in two parts
NAMES = {
    "normal": "NORMAL/IM-{:04d}-0001.jpeg",
    "bacterial": "PNEUMONIA/person{}_bacteria_1.jpeg",
    "viral": "PNEUMONIA/person{}_virus_1.jpeg",
}


def kaggle(cache: Path) -> None:
    """The set from Kaggle in a cache of kagglehub: as many files as are published, all empty."""
    home = cache / "datasets" / HANDLE
    for (part, label), images in PUBLISHED.images.items():
        for number in range(FIRST[part], FIRST[part] + images):
            name = NAMES[label].format(number)
            image = home / "versions" / str(VERSION) / "chest_xray" / part / name
            image.parent.mkdir(parents=True, exist_ok=True)
            image.touch()
    (home / f"{VERSION}.complete").touch()
