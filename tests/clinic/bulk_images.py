"""Many small images, and what a journal says of them."""

from __future__ import annotations

import json

from PIL import Image


def entries(journal):
    return [json.loads(line) for line in journal.read_text("utf-8").splitlines()]


def many(folder, count, label="normal"):
    """Small images, each with pixels of its own."""
    folder.mkdir(exist_ok=True)
    paths = []
    for number in range(count):
        image = Image.new("L", (64, 64), 90)
        image.putpixel((number % 64, number // 64 % 64), 255)
        image.putpixel((number // 4096, 60), 200)
        paths.append(folder / f"{label}-{number:05}.png")
        image.save(paths[-1], compress_level=1)
    return paths
