"""A small residual convolutional network, as plain functions of named tensors.

Residual blocks after He et al. (CVPR 2016). In training a layer normalises by its batch; in a
finished model that is folded into the layer's weights and bias, so that a model is a few arrays.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import attrs
import torch
from torch import Tensor
from torch.nn import functional

SIDE = 112  # of the images that a finished network looks at, in pixels
WIDTHS = (16, 32, 64, 128)  # channels after the first layer and after each stage
DEPTHS = (1, 2, 2)  # blocks of each stage; each stage halves the picture
STEM = "stem"
_KEPT = 0.9  # of the running mean and variance, from one batch to the next
_TINY = 1e-5

Tensors = dict[str, Tensor]
Convolve = Callable[[str, Tensor, int], Tensor]


@attrs.frozen
class Layer:
    """One convolution: its name, channels out and in, and the side of its kernel."""

    name: str
    out: int
    into: int
    kernel: int
    quiet: bool = False  # begins at nothing, so that its block begins as the identity


def layers() -> Iterator[Layer]:
    """All convolutions of the network."""
    yield Layer(STEM, WIDTHS[0], 1, 5)
    into = WIDTHS[0]
    for stage, (out, depth) in enumerate(zip(WIDTHS[1:], DEPTHS, strict=True)):
        for block in range(depth):
            name = f"{stage}.{block}"
            yield Layer(f"{name}.a", out, into, 3)
            yield Layer(f"{name}.b", out, out, 3, quiet=block > 0)
            if into != out:
                yield Layer(f"{name}.skip", out, into, 1)
            into = out


def begin(labels: int, draw: torch.Generator) -> Tensors:
    """Tensors of an untrained network, on the CPU; those that are trained require gradients."""
    tensors: Tensors = {}
    for layer in layers():
        shape = (layer.out, layer.into, layer.kernel, layer.kernel)
        spread = (2 / (layer.into * layer.kernel**2)) ** 0.5
        drawn = torch.randn(shape, generator=draw) * spread
        tensors[f"{layer.name}.weight"] = drawn.contiguous(memory_format=torch.channels_last)
        tensors[f"{layer.name}.scale"] = torch.full((layer.out,), 0.0 if layer.quiet else 1.0)
        tensors[f"{layer.name}.shift"] = torch.zeros(layer.out)
        tensors[f"{layer.name}.mean"] = torch.zeros(layer.out)
        tensors[f"{layer.name}.variance"] = torch.ones(layer.out)
    tensors["head.weight"] = torch.zeros(labels, WIDTHS[-1])
    tensors["head.bias"] = torch.zeros(labels)
    return tensors


def is_trained(name: str) -> bool:
    """Whether a tensor is fitted by gradients (the others follow the batches' statistics)."""
    return not name.endswith((".mean", ".variance"))


def fold(tensors: Mapping[str, Tensor]) -> Tensors:
    """The tensors of a finished network: a weight and a bias per layer."""
    done = {name: tensors[name] for name in ("head.weight", "head.bias")}
    for layer in layers():
        own = {part: tensors[f"{layer.name}.{part}"] for part in ("weight", "scale", "shift")}
        spread = torch.sqrt(tensors[f"{layer.name}.variance"] + _TINY)
        factor = own["scale"] / spread
        done[f"{layer.name}.weight"] = own["weight"] * factor[:, None, None, None]
        done[f"{layer.name}.bias"] = own["shift"] - tensors[f"{layer.name}.mean"] * factor
    return done


def shapes(labels: int) -> dict[str, tuple[int, ...]]:
    """Shape of each tensor of a finished network."""
    found: dict[str, tuple[int, ...]] = {
        "head.weight": (labels, WIDTHS[-1]),
        "head.bias": (labels,),
    }
    for layer in layers():
        found[f"{layer.name}.weight"] = (layer.out, layer.into, layer.kernel, layer.kernel)
        found[f"{layer.name}.bias"] = (layer.out,)
    return found


def look(tensors: Mapping[str, Tensor], images: Tensor) -> Tensor:
    """What a finished network sees in `images` (n, 1, SIDE, SIDE): logits (n, labels)."""

    def convolve(name: str, values: Tensor, stride: int) -> Tensor:
        weight, bias = tensors[f"{name}.weight"], tensors[f"{name}.bias"]
        return functional.conv2d(values, weight, bias, stride, padding=weight.shape[-1] // 2)

    seen = _pool(images, convolve)
    return functional.linear(seen, tensors["head.weight"], tensors["head.bias"])


def learn(tensors: Mapping[str, Tensor], images: Tensor, kept: Tensor) -> Tensor:
    """Logits of a batch in training; `kept` (n, channels) are factors on what is seen (dropout).

    Means and variances in `tensors` follow the batch.
    """

    def convolve(name: str, values: Tensor, stride: int) -> Tensor:
        weight = tensors[f"{name}.weight"]
        values = functional.conv2d(values, weight, None, stride, padding=weight.shape[-1] // 2)
        return functional.batch_norm(
            values,
            tensors[f"{name}.mean"],
            tensors[f"{name}.variance"],
            tensors[f"{name}.scale"],
            tensors[f"{name}.shift"],
            training=True,
            momentum=1 - _KEPT,
            eps=_TINY,
        )

    seen = _pool(images, convolve) * kept
    return functional.linear(seen, tensors["head.weight"], tensors["head.bias"])


def _pool(images: Tensor, convolve: Convolve) -> Tensor:
    values = functional.relu(convolve(STEM, _standard(images), 2))
    for stage, depth in enumerate(DEPTHS):
        for block in range(depth):
            values = _block(f"{stage}.{block}", values, convolve, first=block == 0)
    return values.mean((2, 3))


def _block(name: str, values: Tensor, convolve: Convolve, *, first: bool) -> Tensor:
    stride = 2 if first else 1
    changed = functional.relu(convolve(f"{name}.a", values, stride))
    changed = convolve(f"{name}.b", changed, 1)
    if first:
        values = convolve(f"{name}.skip", functional.avg_pool2d(values, 2), 1)
    return functional.relu(values + changed)


def _standard(images: Tensor) -> Tensor:
    """Each image with mean 0 and spread 1: brightness and contrast alone carry no information."""
    mean = images.mean((1, 2, 3), keepdim=True)
    spread = images.std((1, 2, 3), keepdim=True, correction=0)
    even = (images - mean) / (spread + 0.02)
    return even.contiguous(memory_format=torch.channels_last)
