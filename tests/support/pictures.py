"""Pictures for tests, encoded and opened."""

from __future__ import annotations

import io
import random
from collections.abc import Callable
from pathlib import Path

from PIL import Image

Draw = Callable[..., Image.Image]
Write = Callable[..., Path]


def encoded(image: Image.Image, kind: str = "JPEG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def opened(data: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


def noise(side: int) -> Image.Image:
    return Image.frombytes("L", (side, side), random.Random(2).randbytes(side * side))
