"""Validates the near-duplicate check: changed copies of real images, planted in memory.

Prints how many copies of each kind are proposed and confirmed, and the highest scores of pairs
that are no copies. The images lie at $XRAYS, or in ../shared/xrays beside the repository.
"""

from __future__ import annotations

import io
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image, ImageOps
from threadpoolctl import threadpool_limits

from rekognition_xray.data.auditing import SAME, SIDE, align_pairs, propose_pairs
from rekognition_xray.data.dataset import XrayDataset
from rekognition_xray.data.images import decode
from rekognition_xray.data.xrays import Xray

EACH: Final = 100
FOLDER: Final = Path(os.environ.get("XRAYS", Path(__file__).parents[2] / "shared" / "xrays"))
Change = Callable[[Image.Image], Image.Image]


def jpeg(picture: Image.Image, quality: int) -> Image.Image:
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=quality)
    return Image.open(io.BytesIO(buffer.getvalue())).convert("L")


def cropped(
    picture: Image.Image, left: float, top: float, right: float, bottom: float
) -> Image.Image:
    width, height = picture.size
    box = (left * width, top * height, width - right * width, height - bottom * height)
    return picture.crop(tuple(round(edge) for edge in box))


def tone(change: Callable[[float], float]) -> Change:
    return lambda picture: picture.point([round(min(255, max(0, change(v)))) for v in range(256)])


def sized(factor: float) -> Change:
    def change(picture: Image.Image) -> Image.Image:
        size = tuple(max(64, round(side * factor)) for side in picture.size)
        return picture.resize(size, Image.Resampling.LANCZOS)

    return change


def kinds(dice: np.random.Generator) -> dict[str, Change]:
    """Ways to change an image; what is left to chance is drawn anew for each image."""

    def edges() -> list[float]:
        return dice.uniform(0, 0.08, 4).tolist()

    return {
        "JPEG 60": lambda image: jpeg(image, 60),
        "JPEG 30": lambda image: jpeg(image, 30),
        "JPEG 10": lambda image: jpeg(image, 10),
        "half the size": sized(0.5),
        "twice the size": sized(2),
        "other aspect": lambda image: image.resize((300, 200), Image.Resampling.BICUBIC),
        "40 brighter": tone(lambda v: v + 40),
        "40 darker": tone(lambda v: v - 40),
        "contrast x 1.5": tone(lambda v: 128 + 1.5 * (v - 128)),
        "contrast x 0.5": tone(lambda v: 128 + 0.5 * (v - 128)),
        "gamma 0.6": tone(lambda v: 255 * (v / 255) ** 0.6),
        "gamma 1.7": tone(lambda v: 255 * (v / 255) ** 1.7),
        "crop 5 % all round": lambda image: cropped(image, *[0.05] * 4),
        "crop 8 % all round": lambda image: cropped(image, *[0.08] * 4),
        "crop 0-8 % each side": lambda image: cropped(image, *edges()),
        "crop 0-8 %, gamma, JPEG 60": lambda image: jpeg(
            tone(lambda v: 255 * (v / 255) ** 0.7)(cropped(image, *edges())), 60
        ),
        "crop 10 % all round": lambda image: cropped(image, *[0.1] * 4),
        "turned by 1 degree": lambda image: image.rotate(1, Image.Resampling.BICUBIC),
        "mirrored": ImageOps.mirror,
    }


def thumb(grey: Image.Image) -> bytes:
    return ImageOps.equalize(grey.resize((SIDE, SIDE), Image.Resampling.BOX)).tobytes()


def planted(images: list[Xray]) -> tuple[list[bytes], dict[int, tuple[int, str]]]:
    """Thumbnails of all images and of the copies; which image and kind each copy is of."""
    dice = np.random.default_rng(11)
    changes = kinds(dice)
    order = dice.permutation(len(images))
    thumbs = [thumb(decode(image.path).grey) for image in images]
    copies: dict[int, tuple[int, str]] = {}
    for turn in range(EACH * len(changes)):
        source, kind = int(order[turn % len(images)]), list(changes)[turn % len(changes)]
        copies[len(thumbs)] = (source, kind)
        thumbs.append(thumb(changes[kind](decode(images[source].path).grey)))
    return thumbs, copies


def validate(name: str) -> None:
    images = list(XrayDataset.from_folder(FOLDER / name))
    thumbs, copies = planted(images)
    begun = time.process_time()
    proposals = propose_pairs(thumbs)
    hashed = time.process_time()
    scores = {
        (min(p.part, p.whole), max(p.part, p.whole)): score
        for p, score in zip(proposals, align_pairs(thumbs, proposals, hopeless=-1), strict=True)
    }
    aligned = time.process_time()
    print(
        f"{name}: {len(images):,} images and {len(copies):,} copies; {len(proposals):,} pairs "
        f"proposed in {hashed - begun:.1f} s, all aligned at full size in "
        f"{aligned - hashed:.1f} s"
    )
    for kind in kinds(np.random.default_rng()):
        found = [
            scores.get((source, copy)) for copy, (source, what) in copies.items() if what == kind
        ]
        known = sorted(score for score in found if score is not None)
        confirmed = sum(score >= SAME for score in known)
        lowest = f"{known[0]:.2f}, median {known[len(known) // 2]:.2f}" if known else "-"
        print(
            f"  {kind:28} proposed {len(known):3} confirmed {confirmed:3} of {len(found)}; "
            f"lowest score {lowest}"
        )
    others(images, copies, scores)


def others(
    images: list[Xray], copies: dict[int, tuple[int, str]], scores: dict[tuple[int, int], float]
) -> None:
    """The highest scores of pairs that no copy made alike, by whether they share the patient."""
    origin = {index: index for index in range(len(images))} | {
        copy: source for copy, (source, _) in copies.items()
    }
    highest: dict[str, list[tuple[float, str]]] = {"one patient": [], "two patients": []}
    pixels = [decode(image.path).grey.tobytes() for image in images]
    for (low, high), score in scores.items():
        one, other = images[origin[low]], images[origin[high]]
        if pixels[origin[low]] != pixels[origin[high]]:
            which = "one patient" if one.group == other.group else "two patients"
            highest[which].append((score, f"{one.path.stem} / {other.path.stem}"))
    for which, found in highest.items():
        found.sort(reverse=True)
        joined = sum(score >= SAME for score, _ in found)
        print(f"  other pairs, of {which}: {len(found)} proposed, {joined} confirmed; the highest:")
        for score, names in found[:5]:
            print(f"    {score:.3f} {names}")


def main() -> None:
    if not (FOLDER / "chest_xray").is_dir():
        print(f"no real images at {FOLDER} (set XRAYS); nothing to validate")
        sys.exit()
    with threadpool_limits(1):
        for name in ("chest_xray", "originals"):
            validate(name)


if __name__ == "__main__":
    main()
