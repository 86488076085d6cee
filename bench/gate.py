"""The gate on patients that it has not seen: what it refuses of acceptable and of strange images.

Fits on 80 % of the patients of the real X-rays (../shared/xrays, or where XRAYS points) and judges
the other patients' images as they are, and inverted, turned, mirrored and cropped; noise, blank
images, parts of two photographs that scikit-learn brings, drawn hands, hips, skulls and lateral
chests, and the real DICOM files. Then fits on one series of normal X-rays and judges the other.
Run it with ``make bench``.

Usage: python bench/gate.py
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageOps
from scipy.stats import binomtest
from sklearn.datasets import load_sample_images

import rekognition_xray as rx
from rekognition_xray.data.images import decode
from rekognition_xray.errors import ImageError

REAL: Final = Path(os.environ.get("XRAYS", Path(__file__).parents[2] / "shared" / "xrays"))
SIDE: Final = 256
EVERYTHING: Final = rx.ImageOptions(allow_burned_in=True, allow_other_views=True)
Dice = np.random.Generator


def main() -> None:
    """Prints a line for each kind of image."""
    dataset = rx.XrayDataset.from_folder(REAL / "chest_xray")
    train, test = dataset.split(test=0.2, seed=3)
    began, spent = time.perf_counter(), time.process_time()
    gate = rx.ImageGate.fit(train, refuse=0.01)
    taken, worked = time.perf_counter() - began, time.process_time() - spent
    print(f"fitted on {len(train):,} images in {taken:.1f} s, {worked:.1f} s of processor time")
    pictures = [decode(image.path).grey for image in test]
    spent = time.process_time()
    report(gate, "acceptable", pictures)
    print(f"  {(time.process_time() - spent) / len(pictures) * 1000:.2f} ms an image")
    for kind, change in CHANGES.items():
        report(gate, kind, (change(picture) for picture in pictures))
    dice = np.random.default_rng(1)
    report(gate, "cropped to half", (crop(picture, dice) for picture in pictures))
    report(gate, "noise", (grains(dice) for _ in range(200)))
    report(gate, "blank", (Image.new("L", (SIDE, SIDE), tone) for tone in range(0, 256, 5)))
    report(gate, "photographs", photographs(dice))
    for name, draw in DRAWN.items():
        report(gate, f"drawn {name}", (finish(draw(dice), dice) for _ in range(100)))
    for path in sorted((REAL / "dicom").glob("*.dcm")):
        try:
            print(f"{path.stem}: {gate.check(path, options=EVERYTHING)}")
        except ImageError as error:
            print(f"{path.stem}: {error.reason}")
    for seen, unseen in (("NORMAL2-IM", "IM"), ("IM", "NORMAL2-IM")):
        across(dataset, seen, unseen)


def across(dataset: rx.XrayDataset, seen: str, unseen: str) -> None:
    """One series of normal X-rays is left out of the fit, and judged."""
    left_out = [image for image in dataset if image.path.name.startswith(f"{unseen}-")]
    kept = [image for image in dataset if not image.path.name.startswith(f"{unseen}-")]
    gate = rx.ImageGate.fit(rx.XrayDataset(kept))
    report(gate, f"{unseen} where {seen} was seen", (decode(one.path).grey for one in left_out))


def report(gate: rx.ImageGate, kind: str, pictures: Iterable[Image.Image]) -> None:
    """How many are refused, with a 95 % interval over images, and the reasons."""
    answers = [gate.judge(picture) for picture in pictures]
    refused = sum(not answer.accepted for answer in answers)
    interval = binomtest(refused, len(answers)).proportion_ci(0.95, "exact")
    reasons = sorted({str(answer.reason) for answer in answers if not answer.accepted})
    print(
        f"{kind}: {refused:,} of {len(answers):,} refused, {refused / len(answers):.1%} "
        f"({interval.low:.1%} to {interval.high:.1%}): {', '.join(reasons)}"
    )


CHANGES: Final[dict[str, Callable[[Image.Image], Image.Image]]] = {
    "inverted": ImageOps.invert,
    "turned by 90": lambda picture: picture.transpose(Image.Transpose.ROTATE_270),
    "turned by 180": lambda picture: picture.transpose(Image.Transpose.ROTATE_180),
    "turned by 270": lambda picture: picture.transpose(Image.Transpose.ROTATE_90),
    "mirrored": ImageOps.mirror,
}


def crop(picture: Image.Image, dice: Dice) -> Image.Image:
    """A random part of half the width and height."""
    width, height = picture.width // 2, picture.height // 2
    left, top = dice.integers(0, width), dice.integers(0, height)
    return picture.crop((left, top, left + width, top + height))


def grains(dice: Dice) -> Image.Image:
    """Noise of one of four sizes of grain."""
    side = int(dice.choice([8, 32, 128, SIDE]))
    picture = Image.fromarray(dice.integers(0, 256, (side, side), dtype=np.uint8))
    return picture.resize((SIDE, SIDE), Image.Resampling.BICUBIC)


def photographs(dice: Dice) -> Iterator[Image.Image]:
    """Parts of two photographs, a temple and a flower."""
    for pixels in load_sample_images().images:
        picture = Image.fromarray(pixels).convert("L")
        for side in (120, 200, 300, 400):
            for _ in range(25):
                left = int(dice.integers(0, picture.width - side))
                top = int(dice.integers(0, picture.height - side))
                yield picture.crop((left, top, left + side, top + side))


def finish(picture: Image.Image, dice: Dice) -> Image.Image:
    """Soft edges, a little turn, an exposure and grain, as an X-ray has them."""
    soft = picture.filter(ImageFilter.GaussianBlur(float(dice.uniform(1, 3))))
    soft = soft.rotate(float(dice.uniform(-12, 12)), Image.Resampling.BILINEAR)
    grey = (np.asarray(soft) / 255) ** dice.uniform(0.7, 1.4) * 235 + dice.normal(0, 4, soft.size)
    return Image.fromarray(grey.clip(0, 255).astype(np.uint8))


def _oval(pen: ImageDraw.ImageDraw, box: tuple[float, float, float, float], tone: int) -> None:
    """An oval by its middle, width and height."""
    x, y, width, height = box
    pen.ellipse((x - width / 2, y - height / 2, x + width / 2, y + height / 2), fill=tone)


def hand(dice: Dice) -> Image.Image:
    """Five rays of bones on a soft palm."""
    picture = Image.new("L", (SIDE, SIDE), 8)
    pen = ImageDraw.Draw(picture)
    _oval(pen, (128, 180, 110, 120), 90)
    for finger, x in enumerate((60, 92, 124, 156, 200)):
        top = 40 + 12 * abs(finger - 2) + dice.uniform(-6, 6)
        pen.line((128 + (x - 128) * 0.5, 180, x, top), fill=90, width=24)
        pen.line((128 + (x - 128) * 0.5, 180, x, top), fill=190, width=9)
    _oval(pen, (128, 215, 60, 30), 200)
    return picture


def hip(dice: Dice) -> Image.Image:
    """A ring of bone, a ball in it, and a shaft."""
    picture = Image.new("L", (SIDE, SIDE), 70)
    pen = ImageDraw.Draw(picture)
    pen.rectangle((170, 0, SIDE, SIDE), fill=12)
    _oval(pen, (70, 70, 150, 120), 170)
    _oval(pen, (70, 90, 60, 50), 90)
    _oval(pen, (140 + dice.uniform(-8, 8), 120, 46, 46), 220)
    pen.line((140, 120, 190, 250), fill=210, width=32)
    return picture


def skull(dice: Dice) -> Image.Image:
    """A vault with two orbits and teeth."""
    picture = Image.new("L", (SIDE, SIDE), 6)
    pen = ImageDraw.Draw(picture)
    _oval(pen, (128, 110, 180 + dice.uniform(-15, 15), 200), 210)
    _oval(pen, (128, 105, 160, 178), 150)
    for x in (96, 160):
        _oval(pen, (x, 130, 44, 36), 80)
    _oval(pen, (128, 165, 24, 40), 70)
    pen.rectangle((92, 200, 164, 222), fill=220)
    return picture


def lateral_chest(dice: Dice) -> Image.Image:
    """A chest from the side: one bright spine behind, the heart in front, lung between."""
    picture = Image.new("L", (SIDE, SIDE), 10)
    pen = ImageDraw.Draw(picture)
    _oval(pen, (128, 140, 170, 230), 120)
    _oval(pen, (128, 120, 110, 150), 45)
    pen.line((195 + dice.uniform(-8, 8), 10, 200, 250), fill=210, width=26)
    _oval(pen, (85, 160, 80, 90), 170)
    pen.rectangle((60, 205, 200, SIDE), fill=180)
    for y in range(30, 200, 24):
        pen.arc((60, y, 210, y + 70), 200, 340, fill=150, width=5)
    return picture


DRAWN: Final[dict[str, Callable[[Dice], Image.Image]]] = {
    "hand": hand,
    "hip": hip,
    "skull": skull,
    "lateral chest": lateral_chest,
}


if __name__ == "__main__":
    main()
