"""The extra ``kaggle`` alone: kagglehub is there and is asked; the answer here is no network."""

from __future__ import annotations

import kagglehub
from kagglehub import registry

import rekognition_xray as rx
from rekognition_xray.data.reading import HANDLE

ASKED: list[str] = []


class Unplugged:
    """Answers every download as a machine without network."""

    def is_supported(self, *_: object, **__: object) -> bool:
        return True

    def __call__(self, handle: object, *_: object, **__: object) -> tuple[str, int]:
        ASKED.append(str(handle))
        raise ConnectionError("no network here")


registry.dataset_resolver.add_implementation(Unplugged())
output = ""
try:
    rx.XrayDataset.from_kaggle()
except rx.XrayError as error:
    output = error.hint
assert "network" in output
assert kagglehub.__version__
assert HANDLE in ASKED[0]
