"""Images as they could have been taken elsewhere: turned, moved, exposed, blurred otherwise.

Everything is drawn by one generator on the CPU, so that a seed gives the same images on any device.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

_TURN = math.radians(9)
_ZOOM, _STRETCH, _SHEAR, _SHIFT = 0.11, 0.055, 0.045, 0.06
_GAMMA, _CONTRAST, _BRIGHTNESS = 0.45, 0.18, 0.1
_NOISE = 0.1
_BLURRED, _COVERED = 0.15, 0.2  # shares of images
_DARKEST = 1e-3


def augment(images: Tensor, side: int, draw: torch.Generator, strength: float = 1.0) -> Tensor:
    """Squares (n, h, w), uint8, as varied images (n, 1, side, side) of values 0-1.

    `strength` is how far they go, in shares of the usual; at 0 images are only mirrored or not.
    What comes into the picture from beyond an image's edge takes the grey of the edge.
    """
    device = images.device
    values = images[:, None].float() / 255
    grid = functional.affine_grid(
        _framings(len(images), draw, strength), [len(images), 1, side, side], align_corners=False
    )
    values = functional.grid_sample(
        values, grid.to(device), padding_mode="border", align_corners=False
    )
    values = _blur(_expose(values, draw, strength), draw, strength)
    grain = _some(len(images), 0, strength * _NOISE, draw)
    noise = torch.randn(values.shape, generator=draw) * grain
    return _cover((values + noise.to(device)).clamp(0, 1), draw, strength)


def _some(count: int, low: float, high: float, draw: torch.Generator) -> Tensor:
    """A number for each image, shaped to be used with images."""
    return torch.empty(count, 1, 1, 1).uniform_(low, high, generator=draw)


def _either(count: int, spread: float, draw: torch.Generator) -> Tensor:
    """A factor for each image, evenly around 1 on a logarithmic scale."""
    return torch.exp(_some(count, -spread, spread, draw))


def _framings(count: int, draw: torch.Generator, strength: float) -> Tensor:
    """Matrices (n, 2, 3) from places in the varied image to places in the image."""

    def within(reach: float) -> Tensor:
        return strength * torch.empty(count).uniform_(-reach, reach, generator=draw)

    angle, zoom, stretch = within(_TURN), torch.exp(within(_ZOOM)), torch.exp(within(_STRETCH))
    wide, high = zoom * stretch, zoom / stretch
    mirror = torch.where(torch.rand(count, generator=draw) < 0.5, -1.0, 1.0)
    leaning = within(_SHEAR) - torch.sin(angle) * wide
    across = torch.stack((torch.cos(angle) * wide * mirror, leaning, within(_SHIFT)), dim=1)
    down = torch.stack(
        (torch.sin(angle) * high * mirror, torch.cos(angle) * high, within(_SHIFT)), dim=1
    )
    return torch.stack((across, down), dim=1)


def _expose(values: Tensor, draw: torch.Generator, strength: float) -> Tensor:
    count, device = len(values), values.device
    values = values.clamp(_DARKEST, 1) ** _either(count, strength * _GAMMA, draw).to(device)
    values = (values - 0.5) * _either(count, strength * _CONTRAST, draw).to(device)
    brighter = strength * _BRIGHTNESS
    return values + 0.5 + _some(count, -brighter, brighter, draw).to(device)


def _blur(values: Tensor, draw: torch.Generator, strength: float) -> Tensor:
    """A part of the images as if taken at a coarser resolution, one for the batch."""
    chosen = (_some(len(values), 0, 1, draw) < strength * _BLURRED).to(values.device)
    side = values.shape[-1]
    coarser = round(side * float(torch.empty(1).uniform_(0.4, 0.9, generator=draw)))
    small = functional.interpolate(values, size=(coarser, coarser), mode="area")
    back = functional.interpolate(small, size=(side, side), mode="bilinear", align_corners=False)
    return torch.where(chosen, back, values)


def _cover(values: Tensor, draw: torch.Generator, strength: float) -> Tensor:
    """A part of the images with one rectangle of one grey on them, as plates and marks have."""
    count, side = len(values), values.shape[-1]
    place = torch.arange(side) / side
    reach = [_some(count, 0.04, 0.125, draw) for _ in range(2)]
    middle = [_some(count, 0, 1, draw) for _ in range(2)]
    tall = (place[:, None] - middle[0]).abs() < reach[0]
    wide = (place[None, :] - middle[1]).abs() < reach[1]
    chosen = _some(count, 0, 1, draw) < strength * _COVERED
    grey = _some(count, 0, 1, draw).to(values.device)
    return torch.where((tall & wide & chosen).to(values.device), grey, values)
