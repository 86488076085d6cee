"""Draws one chest phantom: a child's chest image as simple geometry, with or without pneumonia.

Coordinates: y from -1 (top of the image) to 1, x in the same unit from the midline, the patient's
right side at the viewer's left. Brightness 0 (black, air) to 1 (white, bone).
"""

from __future__ import annotations

from typing import Final, Literal

import attrs
import numpy as np
import numpy.typing as npt
from PIL import Image

Finding = Literal["normal", "bacterial", "viral"]
Field = npt.NDArray[np.floating]

_MOST_ROWS: Final = 288
_LEAST_ROWS: Final = 144  # below which the threads of the lungs are lost
_LOBES: Final = ((0.42, -0.34), (0.44, 0.0), (0.50, 0.34))


@attrs.frozen
class Patient:
    """What stays the same from image to image: the build, the finding and how bad it is (0-1)."""

    finding: Finding
    severity: float
    side: int
    lobe: int
    lung_width: float
    lung_height: float
    dome: float
    heart: float
    rib_gap: float
    rib_slope: float
    vessels: float
    fat: float

    @classmethod
    def draw(cls, finding: Finding, rng: np.random.Generator) -> Patient:
        """A patient by chance; the build does not depend on the finding."""
        return cls(
            finding=finding,
            severity=rng.uniform(0.5, 1.0),
            side=int(rng.choice((-1, 1))),
            lobe=int(rng.integers(len(_LOBES))),
            lung_width=rng.uniform(0.32, 0.38),
            lung_height=rng.uniform(0.70, 0.80),
            dome=rng.uniform(0.48, 0.62),
            heart=rng.uniform(0.24, 0.33),
            rib_gap=rng.uniform(0.135, 0.165),
            rib_slope=rng.uniform(0.15, 0.40),
            vessels=rng.uniform(0.5, 1.0),
            fat=rng.uniform(0.0, 1.0),
        )


def draw_image(patient: Patient, aspect: float, height: int, rng: np.random.Generator) -> Field:
    """One image of `patient` (rows, rows * aspect), pose and texture by chance, values 0-1.

    It has as many rows as one of `height` needs: small ones are drawn sooner.
    """
    rows = min(max(height, _LEAST_ROWS), _MOST_ROWS)
    x, y = _posed_grid(rows, aspect, rng)
    lungs = _lungs(patient, x, y)
    heart = _heart(patient, x, y)
    open_lung = lungs * (1 - 0.92 * heart)
    air = open_lung * (0.50 - 0.06 * patient.fat)
    air *= 1 - _consolidation(patient, x, y, rng)
    markings, haze = _markings(patient, x, y, rng)
    air *= 1 - haze
    body = _soft(0.98 + 0.08 * patient.fat - np.abs(x), 0.02) * _shoulders(x, y)
    tissue = body * (0.62 + 0.02 * _cloud(x.shape, 6, rng)) - 0.10 * _soft(y - 0.75, 0.2) * body
    image = tissue - air + open_lung * markings + body * _bones(patient, x, y)
    image += 0.06 * body * heart - 0.07 * body * _line(x, 0.035) * _soft(-0.30 - y, 0.05)
    return np.asarray(np.clip(image, 0.0, 1.0), dtype=np.float32)


def _posed_grid(rows: int, aspect: float, rng: np.random.Generator) -> tuple[Field, Field]:
    """Both coordinates of every pixel, for a child that lies a little askew, near or far."""
    columns = round(rows * aspect)
    y, x = np.meshgrid(
        np.linspace(-1, 1, rows, dtype=np.float32),
        np.linspace(-aspect, aspect, columns, dtype=np.float32),
        indexing="ij",
    )
    turn, zoom = np.radians(rng.uniform(-3, 3)), rng.uniform(0.97, 1.09)
    cos, sin = np.float32(zoom * np.cos(turn)), np.float32(zoom * np.sin(turn))
    right, down = np.float32(rng.uniform(-0.04, 0.04)), np.float32(rng.uniform(-0.04, 0.04))
    return cos * x + sin * y + right, cos * y - sin * x + down


def _soft(distance: Field, width: float) -> Field:
    """1 inside (positive distance), 0 outside, with an edge of about `width`."""
    return np.asarray(0.5 + 0.5 * np.tanh(distance / (2 * width)), dtype=np.float32)


def _line(distance: Field, width: float) -> Field:
    return np.asarray(np.exp(-((distance / width) ** 2)), dtype=np.float32)


def _every(distance: Field, gap: float) -> Field:
    """The distance to the nearest of many lines, `gap` apart."""
    return np.asarray((distance + gap / 2) % gap - gap / 2, dtype=np.float32)


def _cloud(shape: tuple[int, ...], cells: int, rng: np.random.Generator) -> Field:
    """Smooth noise with `cells` cells from top to bottom; mean 0, spread about 1."""
    wide = max(2, round(cells * shape[1] / shape[0]))
    coarse = Image.fromarray(rng.standard_normal((cells, wide), dtype=np.float32))
    smooth = coarse.resize((shape[1], shape[0]), Image.Resampling.BICUBIC)
    return np.asarray(smooth, dtype=np.float32) * np.float32(1.4)


def _net(shape: tuple[int, ...], cells: int, rng: np.random.Generator) -> Field:
    """Thin bright threads, 0-1, where smooth noise crosses zero."""
    return _line(_cloud(shape, cells, rng), 0.40)


def _shoulders(x: Field, y: Field) -> Field:
    slope = -0.98 + 0.28 * np.maximum(np.abs(x) - 0.30, 0) / 0.7
    return np.maximum(_soft(y - slope, 0.03), _soft(0.24 - np.abs(x), 0.02))


def _lungs(patient: Patient, x: Field, y: Field) -> Field:
    """Both lung fields, apex to diaphragm, without the heart."""
    out = np.abs(x) - 0.46
    taper = patient.lung_width * (1 - 0.30 * np.clip(-y, 0, 1) ** 2 + 0.10 * np.clip(y, 0, 1))
    rim = 1 - (np.abs(out) / taper) ** 2.6 - (np.abs(y + 0.02) / patient.lung_height) ** 2.6
    left_lower = 0.05 * (x > 0)
    floor = patient.dome + left_lower + 0.9 * np.minimum(out + 0.03, 0.5) ** 2 - y
    return _soft(np.asarray(rim, dtype=np.float32), 0.07) * _soft(floor, 0.014)


def _heart(patient: Patient, x: Field, y: Field) -> Field:
    """Heart and the band of vessels above it."""
    along, across = y - 0.30 + 0.35 * x, x - 0.12 - 0.30 * (y - 0.30)
    width = patient.heart + 0.05 + 0.10 * np.clip(along, -0.3, 0.3)
    heart = _soft(1 - (across / width) ** 2 - (along / (patient.heart + 0.12)) ** 2, 0.05)
    edge = 0.13 + 0.025 * np.sin(7 * y + 1) + 0.02 * (x > 0)
    band = _soft(edge - np.abs(x), 0.015) * _soft(0.5 - y, 0.1)
    return np.maximum(heart, band)


def _bones(patient: Patient, x: Field, y: Field) -> Field:
    """Spine, ribs behind and in front, collar bones."""
    beads = 1 + 0.25 * np.sin(2 * np.pi * y / (0.9 * patient.rib_gap))
    bones = 0.11 * _line(x, 0.075) * beads
    across = np.abs(x)
    chest = _soft(0.88 - across, 0.02)
    bow = 2.4 * patient.rib_slope * np.maximum(across - 0.3, 0) ** 2 - 0.10 * across
    behind = _line(_every(y - bow, patient.rib_gap), 0.026) * _soft(0.55 - (y - bow), 0.02)
    before = y - 0.55 * (0.85 - across)
    before = _line(_every(before, patient.rib_gap), 0.032) * _soft(across - 0.32, 0.03)
    bones += chest * (0.075 * behind + 0.035 * before)
    collar = -0.62 - 0.16 * across + 0.03 * np.sin(9 * across)
    bones += 0.14 * _line(y - collar, 0.030) * _soft(across - 0.08, 0.02) * chest
    return np.asarray(bones, dtype=np.float32)


def _consolidation(patient: Patient, x: Field, y: Field, rng: np.random.Generator) -> Field:
    """The share of air lost: one dense, woolly patch in one lobe, for bacterial pneumonia."""
    if patient.finding != "bacterial":
        return np.zeros_like(x)
    middle, height = _LOBES[patient.lobe]
    reach = 0.21 + 0.13 * patient.severity
    dx = x - patient.side * (middle + rng.uniform(-0.04, 0.04))
    dy = y - height - rng.uniform(-0.05, 0.05)
    woolly = reach + 0.05 * _cloud(x.shape, 9, rng) - np.hypot(dx, 0.9 * dy)
    return (0.65 + 0.30 * patient.severity) * _soft(woolly, 0.03)


def _markings(
    patient: Patient, x: Field, y: Field, rng: np.random.Generator
) -> tuple[Field, Field]:
    """Vessels from the hila, and the share of air lost; viral pneumonia spreads a net over both."""
    hilum = np.hypot(np.abs(x) - 0.18, 0.8 * (y - 0.02))
    near = _line(hilum, 0.34)
    net = 0.5 * _net(x.shape, 26, rng) + 0.5 * _net(x.shape, 48, rng)
    markings = patient.vessels * (0.11 * near * net + 0.10 * _line(hilum, 0.10))
    if patient.finding != "viral":
        return markings, np.zeros_like(x)
    spread = np.clip(0.55 + 0.6 * near + 0.25 * _cloud(x.shape, 5, rng), 0, None)
    streaks = 0.6 * _net(x.shape, 20, rng) + 0.6 * _net(x.shape, 34, rng) + _net(x.shape, 56, rng)
    strength = 0.6 + 0.6 * patient.severity
    return markings + 0.10 * strength * spread * streaks, 0.22 * strength * spread
