"""Node: images arrive over the DICOM network, and what the model found on them goes back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rekognition_xray._doors import lazy
from rekognition_xray.clinic.extras import needs_node
from rekognition_xray.clinic.node.peer import Peer

if TYPE_CHECKING:
    from rekognition_xray.clinic.node.node import RunningNode, run_node
else:
    _load = lazy(__name__, {"node": ("RunningNode", "run_node")})

    def __getattr__(name: str) -> object:
        if name in {"RunningNode", "run_node"}:
            needs_node(f"{__name__}.{name}")
        return _load(name)


__all__ = ["Peer", "RunningNode", "run_node"]
