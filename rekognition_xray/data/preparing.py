"""``prepare``: every film of a dataset as AWS will see it, in a folder, each under its content."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from pathlib import Path
from typing import Literal

import attrs

from rekognition_xray.data.dataset import XrayDataset
from rekognition_xray.data.films import Xray
from rekognition_xray.data.images import prepare as prepare_image
from rekognition_xray.errors import AuditError, ImageError, list_paths


@attrs.frozen
class PreparedFile:
    """One film as it lies prepared on this machine.

    Attributes:
        film: the film it was made from.
        file: where it lies; films with equal pixels share one file.
        sha256: hex digest of the file.
        extension: ``jpg`` or ``png``.
        size: bytes of the file.
        width, height: pixels.
    """

    film: Xray
    file: Path
    sha256: str
    extension: Literal["jpg", "png"]
    size: int
    width: int
    height: int


@attrs.frozen(repr=False)
class Prepared:
    """A dataset whose films lie prepared in a folder.

    Attributes:
        dataset: the dataset.
        folder: where the files lie.
        files: one for each film, in the order of the dataset.
        made: films that were prepared in this run.
        cached: films that an earlier run had prepared.
    """

    dataset: XrayDataset
    folder: Path
    files: tuple[PreparedFile, ...]
    made: int
    cached: int

    @property
    def bytes(self) -> int:
        """Bytes of all files, each counted once."""
        return sum({item.file: item.size for item in self.files}.values())

    def __len__(self) -> int:
        return len(self.files)

    def __iter__(self) -> Iterator[PreparedFile]:
        return iter(self.files)


def prepare(
    dataset: XrayDataset, folder: str | Path, *, executor: Executor | None = None
) -> Prepared:
    """Prepares every film of a dataset into a folder.

    Raises:
        AuditError: films that cannot be used, all of them with their reasons.
    """
    root = Path(folder).expanduser()
    pool = executor or ThreadPoolExecutor(os.cpu_count())
    made = list(pool.map(_prepare_one, dataset.films, [root] * len(dataset)))
    if executor is None:
        pool.shutdown()
    bad = [item for item in made if isinstance(item, ImageError)]
    if bad:
        raise AuditError(
            f"{len(bad)} of {len(dataset)} films cannot be used:\n"
            + list_paths(error.message for error in bad),
            paths=[path for error in bad for path in error.paths],
        )
    files = tuple(item for item in made if isinstance(item, PreparedFile))
    return Prepared(dataset, root, files, made=len(files), cached=0)


def _prepare_one(film: Xray, root: Path) -> PreparedFile | ImageError:
    try:
        image = prepare_image(film.path)
    except ImageError as error:
        return error
    file = root / image.sha256[:2] / f"{image.sha256}.{image.extension}"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(image.data)
    size = len(image.data)
    return PreparedFile(film, file, image.sha256, image.extension, size, image.width, image.height)
