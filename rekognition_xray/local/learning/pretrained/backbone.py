"""The network in PyTorch, as plain functions of named tensors.

In training a layer normalises by its batch; in a finished network that is folded into the layer's
weight and bias. The first blocks are finished from the start: edges are edges in X-rays, too, and
these blocks would take half of the time.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import torch
from torch import Tensor
from torch.nn import functional

from rekognition_xray.local.learning.pretrained.architecture import (
    FEATURES,
    Block,
    Layer,
    blocks,
    layers,
    padding,
)

Tensors = dict[str, Tensor]

_KEPT_BLOCKS: Final = 4
_TINY: Final = 1e-3  # as the weights were trained
_NEW: Final = 0.05  # part of a batch in the running mean and variance
_NORM: Final = ("scale", "shift", "mean", "variance")


def begin(tensors: Mapping[str, Tensor], labels: int) -> Tensors:
    """A network to train: its first blocks finished, the others as in `tensors`, an empty head."""
    done = fold(tensors)
    kept = {layer.name for block in blocks()[:_KEPT_BLOCKS] for layer in block.layers}
    start = {name: values for name, values in done.items() if name.rpartition(".")[0] in kept}
    start |= {
        name: values.detach().clone()
        for name, values in tensors.items()
        if name.rpartition(".")[0] not in kept
    }
    return start | {"head.weight": torch.zeros(labels, FEATURES), "head.bias": torch.zeros(labels)}


def trained_names(tensors: Mapping[str, Tensor]) -> list[str]:
    """Names of what is fitted by gradients: neither finished layers nor the batches' statistics."""
    open_layers = {name.rpartition(".")[0] for name in tensors if name.endswith(".scale")}
    return [
        name
        for name in tensors
        if name.startswith("head.")
        or (name.rpartition(".")[0] in open_layers and not name.endswith((".mean", ".variance")))
    ]


def fold(tensors: Mapping[str, Tensor]) -> Tensors:
    """The tensors of a finished network: weight and bias of each layer, and of a head."""
    done = {name: values for name, values in tensors.items() if name.startswith("head.")}
    for layer in layers():
        weight = tensors[f"{layer.name}.weight"]
        if f"{layer.name}.scale" in tensors:
            scale, shift, mean, variance = (tensors[f"{layer.name}.{part}"] for part in _NORM)
            factor = scale / torch.sqrt(variance + _TINY)
            done[f"{layer.name}.weight"] = weight * factor[:, None, None, None]
            done[f"{layer.name}.bias"] = shift - mean * factor
        else:
            done[f"{layer.name}.weight"] = weight
            done[f"{layer.name}.bias"] = tensors[f"{layer.name}.bias"]
    return {name: values.detach().clone() for name, values in done.items()}


def known(tensors: Mapping[str, Tensor], images: Tensor) -> Tensor:
    """What the network knows of `images` (n, 1, side, side), values 0-1: (n, FEATURES).

    Where it is not finished, means and variances in `tensors` follow the batch.
    """
    values = standardised(images).contiguous(memory_format=torch.channels_last)
    with torch.no_grad():
        for block in blocks()[:_KEPT_BLOCKS]:
            values = _through(block, tensors, values)
    for block in blocks()[_KEPT_BLOCKS:]:
        values = _through(block, tensors, values)
    return values.mean((2, 3))


def answers(tensors: Mapping[str, Tensor], features: Tensor) -> Tensor:
    """Logits (n, labels) for what is known of images."""
    return functional.linear(features, tensors["head.weight"], tensors["head.bias"])


def standardised(images: Tensor) -> Tensor:
    """Grey values 0-1 on the scale that the weights were trained on."""
    return (images * 255 - 127) / 128


def _through(block: Block, tensors: Mapping[str, Tensor], values: Tensor) -> Tensor:
    came = values
    for layer in block.layers:
        values = _normalised(layer, tensors, _convolved(layer, tensors, values))
        values = functional.relu6(values) if layer.bounded else values
    return values + came if block.adds else values


def _convolved(layer: Layer, tensors: Mapping[str, Tensor], values: Tensor) -> Tensor:
    weight, bias = tensors[f"{layer.name}.weight"], tensors.get(f"{layer.name}.bias")
    before, after = padding(values.shape[-1], layer)
    groups = layer.into if layer.alone else 1
    if before != after:
        values, before = functional.pad(values, (before, after, before, after)), 0
    return functional.conv2d(values, weight, bias, layer.stride, before, 1, groups)


def _normalised(layer: Layer, tensors: Mapping[str, Tensor], values: Tensor) -> Tensor:
    if f"{layer.name}.scale" not in tensors:
        return values
    scale, shift, mean, variance = (tensors[f"{layer.name}.{part}"] for part in _NORM)
    return functional.batch_norm(
        values, mean, variance, scale, shift, training=True, momentum=_NEW, eps=_TINY
    )
