"""The extra ``frames`` alone: labels out of a data frame."""

from __future__ import annotations

import pandas as pd

import rekognition_xray as rx

images = rx.XrayDataset.from_folder("chest_xray", names=rx.KERMANY)
frame = pd.DataFrame(
    {
        "file": [image.name for image in images],
        "label": [image.label for image in images],
        "patient": [image.patient for image in images],
    }
)
read = rx.XrayDataset.from_folder("chest_xray", names=rx.TableNames.from_frame(frame))
assert dict(read.counts) == dict(images.counts)
assert read.patient_count == images.patient_count
