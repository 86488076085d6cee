"""An index of cases on disk: numbers as .npz without pickle, the rest as JSON, both validated."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np

from rekognition_xray._files import atomic_write
from rekognition_xray.clinic import json_fields as fields
from rekognition_xray.clinic.cases.descriptor import LENGTH, NAME, Vector
from rekognition_xray.clinic.json_fields import FieldError, Json
from rekognition_xray.data.xrays import Xray, dataset_fingerprint
from rekognition_xray.errors import DataError

_VERSION: Final = 1
_NUMBERS: Final = "cases.npz"
_WORDS: Final = "cases.json"


def write_index(folder: Path, images: Sequence[Xray], vectors: Vector, fingerprint: str) -> Path:
    """Writes both files to temporary names and renames them, the JSON last."""
    folder.mkdir(parents=True, exist_ok=True)
    buffer = io.BytesIO()
    np.savez(buffer, vectors=vectors)
    words = {
        "version": _VERSION,
        "descriptor": NAME,
        "fingerprint": fingerprint,
        "sha256": hashlib.sha256(buffer.getvalue()).hexdigest(),
        "images": [
            {
                "name": image.name,
                "path": str(image.path.resolve()),
                "label": image.label,
                "patient": image.patient,
                "split": image.split,
            }
            for image in images
        ],
    }
    # Patients' names stand in these files.
    with atomic_write(folder / _NUMBERS, private=True) as stream:
        stream.write(buffer.getvalue())
    with atomic_write(folder / _WORDS, private=True) as stream:
        stream.write(json.dumps(words, ensure_ascii=False, indent=1).encode())
    return folder


def read_index(folder: Path) -> tuple[tuple[Xray, ...], Vector, str]:
    """Images, vectors and fingerprint; a DataError if they cannot be used."""
    try:
        words, numbers = (folder / _WORDS).read_bytes(), (folder / _NUMBERS).read_bytes()
    except OSError as error:
        raise _unusable(folder, str(error)) from error
    try:
        images, fingerprint = _images(words, hashlib.sha256(numbers).hexdigest())
        return images, _vectors(numbers, len(images)), fingerprint
    except FieldError as error:
        raise _unusable(folder, str(error)) from error


def _unusable(folder: Path, reason: str) -> DataError:
    return DataError(
        f"The index of cases in {folder} cannot be used: {reason}.",
        paths=[folder],
        hint="Build it again with CaseIndex.build() and save it.",
    )


def _images(words: bytes, digest: str) -> tuple[tuple[Xray, ...], str]:
    data = fields.object_in(fields.load(fields.text_of(words)), _WORDS)
    made_by = (data.get("version"), data.get("descriptor"))
    if made_by != (_VERSION, NAME):
        raise FieldError(f"it was made by version {made_by[0]!r}, descriptor {made_by[1]!r}")
    if data.get("sha256") != digest:
        raise FieldError(f"{_NUMBERS} is not the file that {_WORDS} was written with")
    images = tuple(map(_image, fields.objects_in(data, "images")))
    fingerprint = fields.string_in(data.get("fingerprint"), "fingerprint")
    if dataset_fingerprint(images) != fingerprint:
        raise FieldError(f"images, labels or patients in {_WORDS} were changed")
    return images, fingerprint


def _image(data: Json) -> Xray:
    name, path, label = (fields.string_in(data.get(key), key) for key in ("name", "path", "label"))
    patient, split = (
        None if data.get(key) is None else fields.string_in(data[key], key)
        for key in ("patient", "split")
    )
    return Xray(Path(path), label, patient, split, name)


def _vectors(numbers: bytes, images: int) -> Vector:
    try:
        with np.load(io.BytesIO(numbers), allow_pickle=False) as arrays:
            vectors = arrays["vectors"]
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise FieldError(f"{_NUMBERS}: {error}") from error
    if vectors.dtype != np.float32 or vectors.shape != (images, LENGTH):
        found = f"{vectors.dtype} of shape {vectors.shape}"
        raise FieldError(f"the vectors are {found}, not of {images} images")
    # A sum that is not a number compares as false.
    if not np.all(np.einsum("ij,ij->i", vectors, vectors) < 1.01):
        raise FieldError("the vectors are no descriptors")
    vectors.setflags(write=False)
    return np.asarray(vectors, dtype=np.float32)
