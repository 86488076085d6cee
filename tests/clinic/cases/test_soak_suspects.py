"""How many planted errors are found among real X-rays, normal against pneumonia."""

from __future__ import annotations

import attrs
import numpy as np
import pytest

import rekognition_xray as rx

_OTHER = {"normal": "pneumonia", "pneumonia": "normal"}
_FIRST = 100


@pytest.mark.soak
@pytest.mark.parametrize("share", [0.05, 0.1])
def test_nine_of_ten_among_the_first_100_suspects_were_planted(xrays, share):
    dataset = rx.XrayDataset.from_folder(xrays / "chest_xray", names=rx.KERMANY)
    images = [
        attrs.evolve(image, label="normal" if image.label == "normal" else "pneumonia")
        for image in dataset
    ]
    rng = np.random.default_rng(7)
    wrong = set(rng.choice(len(images), round(share * len(images)), replace=False).tolist())
    planted = {images[place].name for place in wrong}
    images = [
        attrs.evolve(image, label=_OTHER[image.label]) if place in wrong else image
        for place, image in enumerate(images)
    ]
    found = rx.find_suspect_labels(attrs.evolve(dataset, images=images))
    first = [suspect.image.name in planted for suspect in found.suspects[:_FIRST]]
    assert np.mean(first) >= 0.9
    print(f"{share:.0%} planted: {np.mean(first):.2f} of the first {_FIRST}")
