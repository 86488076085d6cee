"""Prepared images to upload, and what then lies in the bucket."""

from __future__ import annotations

import hashlib
from pathlib import Path

import rekognition_xray as rx
from rekognition_xray.data.dataset.prepared import Prepared
from rekognition_xray.data.preparing import PreparedFile

BUCKET = "clinic-xrays"
STORE = f"s3://{BUCKET}/images"


def keys(aws: rx.Aws) -> dict[str, int]:
    reply = aws.s3.list_objects_v2(Bucket=BUCKET)
    return {item["Key"]: item["Size"] for item in reply.get("Contents", [])}


def boxes(folder: Path, count: int, size: int = 200) -> Prepared:
    """Prepared files that are no images: for all that an upload cares they are bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    made = []
    for number in range(count):
        data = f"image {number}".encode().ljust(size, b"\0")
        digest = hashlib.sha256(data).hexdigest()
        file = folder / f"{digest}.jpg"
        file.write_bytes(data)
        image = rx.Xray(folder / f"source-{number}.jpeg", "normal", patient=f"p{number}")
        made.append(PreparedFile(image, file, digest, "jpg", size, 64, 64))
    dataset = rx.XrayDataset(tuple(item.image for item in made))
    return Prepared(dataset, folder, tuple(made), made=count, cached=0)
