"""Chest phantoms: a drawn set in the folders and names of the official one, for demos and tests.

No image of a patient is in it. Size, colour mode, file size and mean brightness are drawn without
regard to the finding: only what is drawn inside the lungs shows it.
"""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Final

import attrs
from PIL import Image, ImageDraw

from rekognition_xray._files import atomic_write
from rekognition_xray.data.reading import IMAGE_EXTENSIONS
from rekognition_xray.errors import DataError, MissingExtraError, list_paths

try:
    import numpy as np

    from rekognition_xray.data.phantoms.drawing import Field, Finding, Patient, draw_image
except ModuleNotFoundError as error:
    raise MissingExtraError("local", needed_for="Drawing phantoms") from error

_FINDINGS: Final[tuple[Finding, ...]] = ("normal", "bacterial", "viral")
_FOLDERS: Final = {"normal": "NORMAL", "bacterial": "PNEUMONIA", "viral": "PNEUMONIA"}
_COMMENT: Final = b"phantom drawn by rekognition_xray, not a patient"


def make_phantoms(
    folder: str | Path,
    *,
    patients: int = 60,
    images_per_patient: tuple[int, int] = (1, 4),
    seed: int = 7,
    heights: tuple[int, int] = (360, 760),
) -> Path:
    """Draw a set of phantoms into ``folder/train/NORMAL`` and ``folder/train/PNEUMONIA``.

    The three findings get a third of the patients each. The same arguments draw the same pixels;
    drawing again into the same folder is safe. About 0.03 s an image.

    Args:
        folder: made if need be.
        patients: how many, at least 3.
        images_per_patient: fewest and most images of one patient.
        seed: of everything that is left to chance.
        heights: least and greatest height of an image in pixels.

    Returns:
        The folder.

    Raises:
        DataError: the folder already holds other images, which would be mixed with these.
        ValueError: fewer than 3 patients, or a range that is empty or starts below its least
            value (1 image, 64 pixels).
    """
    _check(patients, images_per_patient, heights)
    root = Path(folder)
    files = list(_plan(patients, images_per_patient, seed))
    _refuse_others(root, {root / file.path for file in files})
    for file in files:
        target = root / file.path
        target.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(target) as stream:
            stream.write(_jpeg(file, heights))
    return root


@attrs.frozen
class _File:
    path: Path
    patient: Patient
    seed: tuple[int, ...]


def _check(patients: int, images_per_patient: tuple[int, int], heights: tuple[int, int]) -> None:
    if patients < len(_FINDINGS):
        raise ValueError(f"patients={patients}: three findings need at least three patients")
    for name, least, (low, high) in (
        ("images_per_patient", 1, images_per_patient),
        ("heights", 64, heights),
    ):
        if not least <= low <= high:
            raise ValueError(f"{name}=({low}, {high}): need {least} <= first <= second")


def _plan(patients: int, images_per_patient: tuple[int, int], seed: int) -> Iterator[_File]:
    """Every image with its name, numbered as the official set is: gaps between the patients."""
    rng = np.random.default_rng((seed, 0))
    number, images = 0, dict.fromkeys(_FINDINGS, 0)
    for place, turn in enumerate(rng.permutation(patients)):
        finding = _FINDINGS[int(turn) % len(_FINDINGS)]
        patient = Patient.draw(finding, np.random.default_rng((seed, 1, place)))
        number += int(rng.integers(1, 4))
        for image in range(int(rng.integers(images_per_patient[0], images_per_patient[1] + 1))):
            images[finding] += int(rng.integers(1, 3))
            name = _name(finding, number, image, images[finding])
            path = Path("train", _FOLDERS[finding], name)
            yield _File(path, patient, (seed, 2, place, image))


def _name(finding: Finding, patient: int, image: int, running: int) -> str:
    if finding == "normal":
        return f"IM-{patient:04d}-{image + 1:04d}.jpeg"
    kind = "bacteria" if finding == "bacterial" else "virus"
    return f"person{patient}_{kind}_{running}.jpeg"


def _refuse_others(root: Path, ours: set[Path]) -> None:
    images = (path for path in root.rglob("*") if path.suffix.lower() in IMAGE_EXTENSIONS)
    others = sorted(set(images) - ours)
    if others:
        raise DataError(
            f"{root} already holds other images:\n{list_paths(others)}",
            hint="Choose an empty folder, or the seed and counts that these were drawn with.",
        )


def _jpeg(file: _File, heights: tuple[int, int]) -> bytes:
    """The image as a JPEG file: size, exposure, grain, quality and mode are left to chance."""
    rng = np.random.default_rng(file.seed)
    aspect = rng.uniform(1.0, 1.2)
    drawn = draw_image(file.patient, aspect, heights[1], rng)
    height = int(rng.integers(heights[0], heights[1] + 1))
    size = (round(height * aspect), height)
    image = _expose(drawn, size, rng)
    _mark_side(image, rng)
    if rng.random() < 0.1:
        image = image.convert("RGB")
    buffer = BytesIO()
    image.save(buffer, "JPEG", quality=int(rng.integers(70, 93)), comment=_COMMENT)
    return buffer.getvalue()


def _expose(image: Field, size: tuple[int, int], rng: np.random.Generator) -> Image.Image:
    """Grain and exposure; the mean brightness is drawn, whatever the image shows."""
    large = Image.fromarray(image).resize(size, Image.Resampling.BICUBIC)
    values = np.asarray(large, dtype=np.float32)
    grain = np.float32(rng.uniform(0.008, 0.035))
    values = values + grain * rng.standard_normal(values.shape, dtype=np.float32)
    exposed = _with_mean(np.clip(values, 0.0, 1.0), rng.uniform(0.40, 0.56))
    return Image.fromarray(np.rint(255 * exposed).astype(np.uint8))


def _with_mean(values: Field, mean: float) -> Field:
    """The gamma that brings the mean brightness to `mean`, found by halving."""
    sample = values[::4, ::4]
    low, high = -3.0, 3.0
    for _ in range(24):
        middle = (low + high) / 2
        low, high = (middle, high) if np.mean(sample ** np.exp(middle)) > mean else (low, middle)
    return np.asarray(values ** np.float32(np.exp(low)), dtype=np.float32)


def _mark_side(image: Image.Image, rng: np.random.Generator) -> None:
    """The radiographer's lead letter in an upper corner."""
    letter, where = [("R", 0.04), ("L", 0.90)][int(rng.integers(2))]
    place = (where * image.width, rng.uniform(0.03, 0.12) * image.height)
    ImageDraw.Draw(image).text(place, letter, fill=235, font_size=0.05 * image.height)
