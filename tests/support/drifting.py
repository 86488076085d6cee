"""Journals for tests, written line by line without a model."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

import numpy as np

ARN = "arn:aws:rekognition:us-east-1:111122223333:project/chest/version/v1/1690556751958"


def line(source: str, pneumonia: float, **changes: object) -> dict[str, object]:
    """A diagnosis as a journal holds it."""
    return {
        "rxray_journal": 1,
        "kind": "diagnosis",
        "written_at": "2026-11-29T12:00:00+00:00",
        "file": None,
        "source": source,
        "finding": "normal",
        "confidences": {"normal": 1 - pneumonia, "pneumonia": pneumonia},
        "referred": False,
        "reason": "",
        "policy": None,
        "threshold": None,
        "version_arn": ARN,
        "image_sha256": "0" * 64,
        "request_id": "r",
        "seconds": 0.1,
        **changes,
    }


def failure(source: str) -> dict[str, object]:
    return {
        "rxray_journal": 1,
        "kind": "failure",
        "file": None,
        "source": source,
        "reason": "no image",
        "error": "ImageError",
        "retryable": False,
        "version_arn": ARN,
    }


def append(path: Path, lines: Iterable[dict[str, object]]) -> Path:
    with path.open("a") as stream:
        stream.writelines(json.dumps(one) + "\n" for one in lines)
    return path


def confidences(count: int, *, ill: float = 0.3, seed: int = 0) -> list[float]:
    """Of a model that separates well: near 1 for this share of the images, near 0 for the rest."""
    rng = np.random.default_rng(seed)
    beta = np.where(rng.random(count) < ill, rng.beta(6, 1, count), rng.beta(1, 6, count))
    return [float(value) for value in beta.round(8)]


def quiet(path: Path, count: int, *, ill: float = 0.3, seed: int = 0, gate: bool = True) -> Path:
    """Adds images that are alike, with gate scores and one referral in twenty."""
    rng = np.random.default_rng(seed + 1)
    scores, referred = rng.exponential(size=count), rng.random(count) < 0.05
    return append(
        path,
        (
            line(
                f"{seed}-{number}.png",
                value,
                referred=bool(referred[number]),
                **({"gate_score": float(scores[number])} if gate else {}),
            )
            for number, value in enumerate(confidences(count, ill=ill, seed=seed))
        ),
    )
