"""A finished network as an ONNX graph: written once by a training, run without PyTorch after it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
import numpy.typing as npt
import onnx
from onnx import helper, numpy_helper

from rekognition_xray.local.learning.pretrained.architecture import Block, Layer, blocks, padding
from rekognition_xray.local.learning.pretrained.plan import SIDE
from rekognition_xray.local.learning.pretrained.serving import ANSWERS, IMAGES

Arrays = Mapping[str, npt.NDArray[np.float32]]

_OPSET: Final = 17
_FORMAT: Final = 8  # of the file, by ONNX's own count: what runtimes of 2022 read
_MOST: Final = "most"
_LEAST: Final = "least"


def to_onnx(arrays: Arrays, labels: int) -> bytes:
    """The graph from standardised images (n, 1, SIDE, SIDE) to logits (n, labels)."""
    nodes: list[onnx.NodeProto] = []
    name, side = IMAGES, SIDE
    for block in blocks():
        name, side = _add_block(nodes, block, name, side)
    nodes += [
        helper.make_node("GlobalAveragePool", [name], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["features"]),
        helper.make_node("Gemm", ["features", "head.weight", "head.bias"], [ANSWERS], transB=1),
    ]
    limits = {_LEAST: np.float32(0), _MOST: np.float32(6)}
    held = {**arrays, **{key: np.asarray(value) for key, value in limits.items()}}
    graph = helper.make_graph(
        nodes,
        "network",
        [helper.make_tensor_value_info(IMAGES, onnx.TensorProto.FLOAT, ["n", 1, SIDE, SIDE])],
        [helper.make_tensor_value_info(ANSWERS, onnx.TensorProto.FLOAT, ["n", labels])],
        [numpy_helper.from_array(np.ascontiguousarray(held[key]), key) for key in sorted(held)],
    )
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", _OPSET)], ir_version=_FORMAT
    )
    return bytes(model.SerializeToString(deterministic=True))


def _add_block(nodes: list[onnx.NodeProto], block: Block, name: str, side: int) -> tuple[str, int]:
    """The name and the side of what `block` makes of the values `name`."""
    came = name
    for layer in block.layers:
        name, side = _add_layer(nodes, layer, name, side)
    if not block.adds:
        return name, side
    total = f"{name} added"
    nodes.append(helper.make_node("Add", [came, name], [total]))
    return total, side


def _add_layer(nodes: list[onnx.NodeProto], layer: Layer, name: str, side: int) -> tuple[str, int]:
    before, after = padding(side, layer)
    nodes.append(
        helper.make_node(
            "Conv",
            [name, f"{layer.name}.weight", f"{layer.name}.bias"],
            [layer.name],
            kernel_shape=[layer.kernel, layer.kernel],
            strides=[layer.stride, layer.stride],
            pads=[before, before, after, after],
            group=layer.into if layer.alone else 1,
        )
    )
    side = -(-side // layer.stride)
    if not layer.bounded:
        return layer.name, side
    bounded = f"{layer.name} bounded"
    nodes.append(helper.make_node("Clip", [layer.name, _LEAST, _MOST], [bounded]))
    return bounded, side
