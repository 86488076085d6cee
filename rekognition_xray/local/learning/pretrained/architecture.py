"""EfficientNet-Lite0 as a table of layers.

The network of Tan and Le (ICML 2019) in the variant without squeeze-and-excitation and with ReLU6
(TensorFlow, "EfficientNet-Lite", 2020), up to what it knows before it names one of ImageNet's
thousand classes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import attrs

STEM: Final = "stem"
TOP: Final = "top"
FEATURES: Final = 1280  # numbers that the last layer gives for an image, averaged over the picture
_STEM_WIDTH: Final = 32
# Of each stage: blocks, side of the kernel, stride of the first block, widening inside, channels.
_STAGES: Final = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)


@attrs.frozen
class Layer:
    """One convolution with its normalisation: channels in and out, side of the kernel, stride.

    A layer `alone` looks at each channel by itself. A `bounded` one ends in ReLU6, the others are
    linear.
    """

    name: str
    into: int
    out: int
    kernel: int = 1
    stride: int = 1
    alone: bool = False
    bounded: bool = True

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """Shape of the weight: channels out, channels in, rows, columns."""
        return self.out, 1 if self.alone else self.into, self.kernel, self.kernel


@attrs.frozen
class Block:
    """Layers one after the other; where it `adds`, what came in is added to what comes out."""

    layers: tuple[Layer, ...]
    adds: bool


def blocks() -> tuple[Block, ...]:
    """The network from the grey image on, block by block."""
    stem = Layer(STEM, 1, _STEM_WIDTH, kernel=3, stride=2)
    inner = tuple(_inner_blocks())
    top = Layer(TOP, inner[-1].layers[-1].out, FEATURES)
    return Block((stem,), adds=False), *inner, Block((top,), adds=False)


def _inner_blocks() -> Iterator[Block]:
    number, into = 0, _STEM_WIDTH
    for count, kernel, first_stride, widening, out in _STAGES:
        for place in range(count):
            stride = first_stride if place == 0 else 1
            wide = into * widening
            widen = [Layer(f"{number}.expand", into, wide)] if widening > 1 else []
            look = Layer(f"{number}.depthwise", wide, wide, kernel, stride, alone=True)
            narrow = Layer(f"{number}.project", wide, out, bounded=False)
            yield Block((*widen, look, narrow), adds=stride == 1 and into == out)
            number, into = number + 1, out


def layers() -> Iterator[Layer]:
    """All layers, in the order in which an image passes them."""
    for block in blocks():
        yield from block.layers


def padding(side: int, layer: Layer) -> tuple[int, int]:
    """Pixels before and after an edge of `side` pixels, such that a stride of 1 keeps the side.

    Where they are odd, the one more is after: so the weights were trained.
    """
    kept = -(-side // layer.stride)
    missing = max(0, (kept - 1) * layer.stride + layer.kernel - side)
    return missing // 2, missing - missing // 2
