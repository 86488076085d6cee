"""The finished network in use, by onnxruntime: no PyTorch needed."""

from __future__ import annotations

from typing import Final

import attrs
import numpy as np
import numpy.typing as npt
import onnxruntime

from rekognition_xray.local.learning.calibration import Array
from rekognition_xray.local.learning.fast.images import Square
from rekognition_xray.local.learning.pretrained.images import exposed_alike

IMAGES: Final = "images"
ANSWERS: Final = "answers"
_SCALE: Final = 10.0  # logits are divided by it, so that scores lie about between -1 and 1

Graph = npt.NDArray[np.uint8]


@attrs.frozen(eq=False)
class Network:
    """The graph as the bytes of an ONNX file, ready to run; used by any number of threads."""

    graph: Graph
    _session: onnxruntime.InferenceSession

    @classmethod
    def of(cls, graph: Graph) -> Network:
        """Raises `ValueError` for bytes that are no graph of a network of ours."""
        options = onnxruntime.SessionOptions()
        # One image is too little to share among threads, and callers bring their own.
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 4
        try:
            session = onnxruntime.InferenceSession(
                graph.tobytes(), options, providers=["CPUExecutionProvider"]
            )
            names = [each.name for each in (*session.get_inputs(), *session.get_outputs())]
        except Exception as error:  # onnxruntime's own have no common base
            raise ValueError(f"the network cannot be read: {error}") from error
        if names != [IMAGES, ANSWERS]:
            raise ValueError(f"the network is from {names[:1]} to {names[1:]}")
        return cls(graph, session)

    @property
    def labels(self) -> int:
        """How many labels it tells apart."""
        return int(self._session.get_outputs()[0].shape[1])

    def scores(self, images: Square) -> Array:
        """Mean scores (n, labels) of squares (n, side, side) and their mirror images."""
        alike = np.stack([exposed_alike(image) for image in images])
        both = np.concatenate((alike, alike[:, :, ::-1]))
        values = (both[:, None].astype(np.float32) - 127) / 128
        (logits,) = self._session.run([ANSWERS], {IMAGES: values})
        plain, mirrored = np.split(np.asarray(logits, dtype=np.float64), 2)
        return np.asarray((plain + mirrored) / 2 / _SCALE, dtype=np.float64)
