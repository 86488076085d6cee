"""The part of preparing that runs in workers: from source files to files under their content."""

from __future__ import annotations

import datetime
import functools
import hashlib
import importlib.metadata
import uuid
from pathlib import Path
from typing import Final

import attrs

from rekognition_xray.data.images import (
    Gate,
    ImageOptions,
    PreparedImage,
    is_dicom,
    prepare_image,
    read_file,
    unreadable_file,
)
from rekognition_xray.data.preparing.ledger import LedgerEntry, place
from rekognition_xray.errors import ImageError, PreparedFolderError

UNFINISHED: Final = ".unfinished"
"""Folder for files that are being written, within the folder of prepared images."""
Developed = LedgerEntry | ImageError | PreparedFolderError
"""What a worker answers of an image."""
_DECODERS: Final = (
    "pydicom",
    "numpy",
    "python-gdcm",
    "pylibjpeg",
    "pylibjpeg-openjpeg",
    "pyjpegls",
)


@attrs.frozen
class Batch:
    """What a worker gets.

    Attributes:
        images: name and path of each image.
        folder: where the files go; it exists.
        options, gate: see ``prepare_image``.
        run: differs from run to run, since some executors answer equal calls from memory.
    """

    images: tuple[tuple[str, str], ...]
    folder: str
    options: ImageOptions
    gate: Gate | None
    run: str


def develop(batch: Batch) -> list[Developed]:
    """Prepares images one after the other and writes the results.

    Returns:
        For each image how it was prepared, or what is wrong with it. When the folder cannot be
        written the list ends early, with the error.
    """
    outcomes: list[Developed] = []
    for name, path in batch.images:
        try:
            outcomes.append(_develop_one(name, Path(path), batch))
        except ImageError as error:
            outcomes.append(error)
        except PreparedFolderError as error:
            return [*outcomes, error]
    return outcomes


@functools.cache
def software(*, dicom: bool) -> tuple[str, ...]:
    """What makes prepared images here, each with its version; another version, other bytes."""
    packages = ("rekognition-xray", "Pillow", *(_DECODERS if dicom else ()))
    return tuple(filter(None, map(_version, packages)))


def _version(package: str) -> str | None:
    try:
        return f"{package} {importlib.metadata.version(package)}"
    except importlib.metadata.PackageNotFoundError:
        return None


def _develop_one(name: str, path: Path, batch: Batch) -> LedgerEntry:
    try:
        found = path.stat()  # before it is read: what changes later no longer fits the entry
    except OSError as error:
        raise unreadable_file(path, error) from error
    data = read_file(path)
    image = prepare_image(data, name=str(path), options=batch.options, gate=batch.gate)
    entry = LedgerEntry(
        time=datetime.datetime.now(datetime.UTC),
        image=name,
        path=str(path),
        source_sha256=hashlib.sha256(data).hexdigest(),
        source_size=found.st_size,
        source_mtime_ns=found.st_mtime_ns,
        sha256=image.sha256,
        extension=image.extension,
        size=len(image.data),
        width=image.width,
        height=image.height,
        steps=image.steps,
        software=software(dicom=is_dicom(data[:132])),
        options=batch.options,
        gate="" if batch.gate is None else batch.gate.fingerprint,
    )
    _keep(image, Path(batch.folder))
    return entry


def _keep(image: PreparedImage, folder: Path) -> None:
    file = place(folder, image.sha256, image.extension)
    try:
        if file.is_file() and file.read_bytes() == image.data:
            return
        file.parent.mkdir(exist_ok=True)
        _write(image.data, file, folder / UNFINISHED)
    except OSError as error:
        raise unwritable(folder, error) from error


def _write(data: bytes, file: Path, unfinished: Path) -> None:
    half = unfinished / uuid.uuid4().hex
    try:
        half.write_bytes(data)
        half.replace(file)
    except BaseException:
        half.unlink(missing_ok=True)
        raise


def unwritable(folder: Path, error: OSError) -> PreparedFolderError:
    """The error for a folder that refuses a file."""
    return PreparedFolderError(
        f"{folder} cannot be written: {error.strerror or error}.", paths=(folder,)
    )
