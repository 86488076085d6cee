"""Drawn chest phantoms in the folders and names of the public set, for demos and tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rekognition_xray._doors import lazy

if TYPE_CHECKING:
    from rekognition_xray.data.phantoms.drawn_set import make_phantoms
else:
    __getattr__ = lazy(
        __name__,
        {
            "drawn_set": ("make_phantoms",),
        },
    )

__all__ = [
    "make_phantoms",
]
