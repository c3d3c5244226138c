"""Tiny ONNX models made on the spot."""

from __future__ import annotations

from pathlib import Path

import onnx
from onnx import TensorProto, helper


def save(path: Path, nodes: list, inputs: dict[str, list], outputs: dict[str, list], constants: list = ()) -> Path:
    """Write a model of float inputs and outputs."""
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in inputs.items()],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in outputs.items()],
        list(constants),
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    onnx.save(model, path)
    return path


def channel_model(path: Path, shape: list, channel: int = 0, axis: int = 1) -> Path:
    """Write a model whose output is one channel of its input."""
    constants = [
        helper.make_tensor("start", TensorProto.INT64, [1], [channel]),
        helper.make_tensor("end", TensorProto.INT64, [1], [channel + 1]),
        helper.make_tensor("axis", TensorProto.INT64, [1], [axis]),
    ]
    node = helper.make_node("Slice", ["image", "start", "end", "axis"], ["mask"])
    return save(path, [node], {"image": shape}, {"mask": [None] * 4}, constants)


def difference_model(path: Path, height: int | str = "h", width: int | str = "w") -> Path:
    """Write a model shaped like BackgroundMattingV2: pha is the mean absolute difference of src and bgr."""
    nodes = [
        helper.make_node("Sub", ["src", "bgr"], ["difference"]),
        helper.make_node("Abs", ["difference"], ["far"]),
        helper.make_node("ReduceMean", ["far"], ["pha"], axes=[1], keepdims=1),
        helper.make_node("Identity", ["src"], ["fgr"]),
    ]
    shape = [1, 3, height, width]
    return save(path, nodes, {"src": shape, "bgr": shape}, {"fgr": shape, "pha": [1, 1, height, width]})
