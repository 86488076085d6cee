"""The extra ``frames`` alone: labels out of a data frame."""

from __future__ import annotations

import pandas as pd

import rekognition_xray as rx

films = rx.XrayDataset.from_folder("chest_xray", names=rx.KERMANY)
frame = pd.DataFrame(
    {
        "file": [film.name for film in films],
        "label": [film.label for film in films],
        "patient": [film.patient for film in films],
    }
)
read = rx.XrayDataset.from_folder("chest_xray", names=rx.TableNames.from_frame(frame))
assert dict(read.counts) == dict(films.counts)
assert read.patient_count == films.patient_count
