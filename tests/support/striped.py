"""Images of stripes, whose width and direction are the labels that a learner can tell apart."""

from __future__ import annotations

import numpy as np
from PIL import Image

from rekognition_xray.local.learning import Example

from .pictures import encoded

BLACK = encoded(Image.new("L", (64, 64)), "PNG")


def stripes(width: int, seed: int, *, upright: bool = True) -> bytes:
    """Stripes `width` pixels wide with noise; upright or lying."""
    noise = np.random.default_rng(seed).normal(0, 25, (96, 96))
    bars = 80 + 90 * ((np.arange(96) // width) % 2)
    values = noise + (bars[None, :] if upright else bars[:, None])
    return encoded(Image.fromarray(np.clip(values, 0, 255).astype(np.uint8)), "PNG")


def example(image: bytes, *labels: str, group: str = "") -> Example:
    return Example(lambda: image, labels, group or str(hash(image)))


def striped(count: int, start: int = 0) -> list[Example]:
    """Images of two labels that anybody can tell apart: fine and coarse stripes."""
    return [
        example(stripes(width, seed), label, group=f"{label}{seed}")
        for seed in range(start, start + count)
        for label, width in (("fine", 4), ("coarse", 16))
    ]
