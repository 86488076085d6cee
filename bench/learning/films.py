"""The real films: where they lie, their folds and series, and changes another room could make."""

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
from rekognition_xray.local.training.learner import Example

FOLDER: Final = Path(os.environ.get("XRAYS", Path(__file__).parents[3] / "shared" / "xrays"))
FOLDS: Final = 5
_QUALITY: Final = 95


@attrs.frozen
class Film:
    """One film; `fold` is the one that tests it, `series` IM, NORMAL2 or person."""

    path: Path
    label: str
    patient: str
    fold: int
    series: str

    @property
    def example(self) -> Example:
        return Example(self.path.read_bytes, (self.label,), self.patient)


def read_films(seed: int) -> list[Film]:
    """The 224 px films with their folds, cut by the person's number alone, as `split()` does."""
    dataset = rx.XrayDataset.from_folder(FOLDER / "chest_xray", names=rx.KERMANY)
    fold_of = {
        film.path: number
        for number, split in enumerate(dataset.folds(FOLDS, seed=seed))
        for film in split.test
    }
    return [
        Film(film.path, film.label, film.group, fold_of[film.path], _series(film.path.name))
        for film in dataset
    ]


def _series(name: str) -> str:
    return name.upper().split("-")[0] if not name.startswith("person") else "person"


@attrs.frozen
class Shift:
    """Films of one series of normal films only to train on, those of the other to test on."""

    seen: str
    unseen: str

    def parts(self, films: Iterable[Film]) -> tuple[list[Film], list[Film], list[Film]]:
        """Films to train on, to choose a threshold on (fold 1), to test on (fold 0, no IM)."""
        train, choose, test = [], [], []
        for film in films:
            if film.series == self.unseen or (film.series == "person" and film.fold == 0):
                test.append(film)
            elif film.fold == 1:
                choose.append(film)
            else:
                train.append(film)
        return train, choose, test


SHIFTS: Final = (Shift("IM", "NORMAL2"), Shift("NORMAL2", "IM"))


def _saved(image: Image.Image, quality: int = _QUALITY) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


def _gamma(exponent: float) -> Callable[[Image.Image], bytes]:
    table = [round(255 * (value / 255) ** exponent) for value in range(256)]
    return lambda film: _saved(film.point(table))


def _crop(film: Image.Image) -> bytes:
    """Nine tenths of width and height, from the middle."""
    across, down = film.width // 20, film.height // 20
    return _saved(film.crop((across, down, film.width - across, film.height - down)))


CHANGES: Final[dict[str, Callable[[Image.Image], bytes]]] = {
    "gamma 0.7": _gamma(0.7),
    "gamma 1.4": _gamma(1.4),
    "10 % crop": _crop,
    "5° turn": lambda film: _saved(film.rotate(5, Image.Resampling.BILINEAR)),
    "JPEG quality 40": lambda film: _saved(film, 40),
}


def changed(path: Path, change: str) -> bytes:
    """The film's bytes after one of `CHANGES`."""
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


def whole_patients(films: Sequence[Film], folds: int) -> list[Film]:
    """The films of these many folds: fewer films, whole patients."""
    return [film for film in films if film.fold < folds]


def labels_by_chance(paths: Sequence[Path], seed: int) -> list[str]:
    """As many films of either label, drawn by chance."""
    drawn = np.random.default_rng(seed).permutation(len(paths)) % 2
    return ["large" if number else "small" for number in drawn]
