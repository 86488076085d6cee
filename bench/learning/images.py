"""The real images: where they lie, their folds and series, and changes another room could make."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Final

import attrs
import numpy as np
from PIL import Image

import rekognition_xray as rx
from rekognition_xray.local.learning import Example

FOLDER: Final = Path(os.environ.get("XRAYS", Path(__file__).parents[3] / "shared" / "xrays"))
FOLDS: Final = 5
_QUALITY: Final = 95


@attrs.frozen
class ImageSource:
    """One image; `fold` is the one that tests it, `series` IM, NORMAL2 or person."""

    path: Path
    label: str
    patient: str
    fold: int
    series: str

    @property
    def example(self) -> Example:
        return Example(self.path.read_bytes, (self.label,), self.patient)


def read_images(seed: int) -> list[ImageSource]:
    """The 224 px images with their folds, cut by the person's number alone, as `split()` does."""
    dataset = rx.XrayDataset.from_folder(FOLDER / "chest_xray", names=rx.KERMANY)
    fold_of = {
        image.path: number
        for number, split in enumerate(dataset.folds(FOLDS, seed=seed))
        for image in split.test
    }
    return [
        ImageSource(
            image.path, image.label, image.group, fold_of[image.path], _series(image.path.name)
        )
        for image in dataset
    ]


def _series(name: str) -> str:
    return name.upper().split("-")[0] if not name.startswith("person") else "person"


@attrs.frozen
class Shift:
    """Images of one series of normal images only to train on, those of the other to test on."""

    seen: str
    unseen: str

    def parts(
        self, images: Iterable[ImageSource]
    ) -> tuple[list[ImageSource], list[ImageSource], list[ImageSource]]:
        """Images to train on, to choose a threshold on (fold 1), to test on (fold 0, no IM)."""
        train, choose, test = [], [], []
        for image in images:
            if image.series == self.unseen or (image.series == "person" and image.fold == 0):
                test.append(image)
            elif image.fold == 1:
                choose.append(image)
            else:
                train.append(image)
        return train, choose, test


SHIFTS: Final = (Shift("IM", "NORMAL2"), Shift("NORMAL2", "IM"))


def _saved(image: Image.Image, quality: int = _QUALITY) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


def _gamma(exponent: float) -> Callable[[Image.Image], bytes]:
    table = [round(255 * (value / 255) ** exponent) for value in range(256)]
    return lambda image: _saved(image.point(table))


def _crop(image: Image.Image) -> bytes:
    """Nine tenths of width and height, from the middle."""
    across, down = image.width // 20, image.height // 20
    return _saved(image.crop((across, down, image.width - across, image.height - down)))


CHANGES: Final[dict[str, Callable[[Image.Image], bytes]]] = {
    "gamma 0.7": _gamma(0.7),
    "gamma 1.4": _gamma(1.4),
    "10 % crop": _crop,
    "5° turn": lambda image: _saved(image.rotate(5, Image.Resampling.BILINEAR)),
    "JPEG quality 40": lambda image: _saved(image, 40),
}


def changed(path: Path, change: str) -> bytes:
    """The image's bytes after one of `CHANGES`."""
    with Image.open(path) as image:
        return CHANGES[change](image.convert("L"))


def originals() -> list[Path]:
    """The untouched files of the set, of any size and mode."""
    return sorted((FOLDER / "originals").rglob("*.jpeg"))


def disguised(path: Path, side: int, mode: str, quality: int) -> bytes:
    """The same picture as another kind of file: `side` pixels wide and high, `mode`, `quality`."""
    with Image.open(path) as image:
        grey = image.convert("L").resize((side, side), Image.Resampling.LANCZOS)
    return _saved(grey.convert(mode), quality)


def whole_patients(images: Sequence[ImageSource], folds: int) -> list[ImageSource]:
    """The images of these many folds: fewer images, whole patients."""
    return [image for image in images if image.fold < folds]


def labels_by_chance(paths: Sequence[Path], seed: int) -> list[str]:
    """As many images of either label, drawn by chance."""
    drawn = np.random.default_rng(seed).permutation(len(paths)) % 2
    return ["large" if number else "small" for number in drawn]
