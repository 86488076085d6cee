"""A gate on disk: numbers as .npz without pickle, the rest as JSON; both are checked when read."""

from __future__ import annotations

import hashlib
import io
import json
import math
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import attrs
import numpy as np
from numpy.typing import NDArray

from rekognition_xray._files import atomic_write
from rekognition_xray.data.gating.answer import StrangeFigure
from rekognition_xray.data.gating.features import LENGTH
from rekognition_xray.data.gating.fitting import Fitted, GateFigures, Side
from rekognition_xray.data.gating.typicality import Typicality
from rekognition_xray.errors import DataError

_FORMAT: Final = 1
_NUMBERS: Final = "gate.npz"
_WORDS: Final = "gate.json"
_DIGITS: Final = 12
_LIMITS: Final = ("threshold", "upside_down_threshold", "mirror_threshold", "crop_limit")
_Arrays = dict[str, NDArray[Any]]


def fingerprint_of(fitted: Fitted, *, repair: bool) -> str:
    """12 hex digits that depend on every number of a gate, and on what it repairs."""
    digest = hashlib.sha256(json.dumps([_words(fitted), repair]).encode())
    for name, array in _arrays(fitted).items():
        digest.update(name.encode() + np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()[:_DIGITS]


def write_gate(folder: Path, fitted: Fitted, dataset: str) -> Path:
    """Writes both files to temporary names and renames them, the JSON last."""
    folder.mkdir(parents=True, exist_ok=True)
    buffer = io.BytesIO()
    np.savez(buffer, **_arrays(fitted))  # type: ignore[arg-type]  # a flag that no array is named like
    words = {
        "rxray_gate": _FORMAT,
        "dataset": dataset,
        **_words(fitted),
    }
    words["sha256"] = _digest(buffer.getvalue(), words)
    with atomic_write(folder / _NUMBERS) as stream:
        stream.write(buffer.getvalue())
    with atomic_write(folder / _WORDS) as stream:
        stream.write(json.dumps(words, indent=1).encode())
    return folder


def read_gate(folder: Path) -> tuple[Fitted, str]:
    """What was fitted, and the fingerprint of the dataset; a DataError if it cannot be used."""
    try:
        numbers, text = (folder / _NUMBERS).read_bytes(), (folder / _WORDS).read_bytes()
    except OSError as error:
        raise _unusable(folder, error.strerror or str(error)) from error
    try:
        words = json.loads(text)
        if words["rxray_gate"] != _FORMAT:
            raise _unusable(folder, f"it is of format {words['rxray_gate']!r}, not {_FORMAT}")
        if words.pop("sha256") != _digest(numbers, words):
            raise _unusable(folder, f"{_NUMBERS} or {_WORDS} was changed since they were written")
        with np.load(io.BytesIO(numbers), allow_pickle=False) as arrays:
            return _fitted(words, dict(arrays)), str(words["dataset"])
    except (
        *(ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError),
        *(OSError, zipfile.BadZipFile),
    ) as error:
        if isinstance(error, DataError):
            raise
        raise _unusable(folder, f"it is damaged ({type(error).__name__}: {error})") from error


def _digest(numbers: bytes, words: Mapping[str, object]) -> str:
    """Of both files, so that neither is read if one of them was changed."""
    return hashlib.sha256(numbers + json.dumps(words, sort_keys=True).encode()).hexdigest()


def _unusable(folder: Path, reason: str) -> DataError:
    return DataError(
        f"The gate in {folder} cannot be used: {reason}.",
        paths=[folder],
        hint="Fit it again with ImageGate.fit() and save it.",
    )


def _arrays(fitted: Fitted) -> _Arrays:
    return {
        "mean": fitted.typicality.mean,
        "components": fitted.typicality.components,
        "spread": fitted.typicality.spread,
        "usual": fitted.typicality.usual,
        "upside_down": fitted.upside_down.weights,
        "mirror": fitted.mirror.weights,
        "crop": fitted.crop.weights,
    }


def _words(fitted: Fitted) -> dict[str, object]:
    return {
        **{name: getattr(fitted, name) for name in _LIMITS},
        "upside_down_offset": fitted.upside_down.offset,
        "mirror_offset": fitted.mirror.offset,
        "crop_offset": fitted.crop.offset,
        "figures": attrs.asdict(fitted.figures),
    }


def _fitted(words: Mapping[str, Any], arrays: _Arrays) -> Fitted:
    dimensions = len(arrays["spread"])
    shapes = {
        "mean": (LENGTH,),
        "components": (dimensions, LENGTH),
        "spread": (dimensions,),
        "usual": (4,),
        "upside_down": (LENGTH,),
        "mirror": (LENGTH,),
        "crop": (LENGTH,),
    }
    for name, shape in shapes.items():
        if arrays[name].shape != shape or not np.isfinite(arrays[name]).all():
            raise ValueError(f"{name} is not {shape} finite numbers")
    limits = {name: float(words[name]) for name in (*_LIMITS, "mirror_offset", "crop_offset")}
    if not all(map(math.isfinite, limits.values())):
        raise ValueError("a threshold is no finite number")
    figures = dict(words["figures"])
    figures["strange"] = tuple(StrangeFigure(**one) for one in figures["strange"])
    return Fitted(
        typicality=Typicality(
            *(arrays[name] for name in ("mean", "components", "spread", "usual"))
        ),
        upside_down=Side(arrays["upside_down"], float(words["upside_down_offset"])),
        mirror=Side(arrays["mirror"], float(words["mirror_offset"])),
        crop=Side(arrays["crop"], float(words["crop_offset"])),
        figures=GateFigures(**figures),
        **{name: float(words[name]) for name in _LIMITS},
    )
