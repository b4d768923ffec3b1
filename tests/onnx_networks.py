"""Small ONNX files that compute something known: each output channel is a linear function of the input channels."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from model.onnx_signature import inspected
from model.options import NetworkKind

Size = tuple[int | None, int | None]
FREE: Size = (None, None)
TYPES = {"float32": TensorProto.FLOAT, "float16": TensorProto.FLOAT16}
OPSET = [helper.make_opsetid("", 17)]


def write_linear(
    path: Path,
    matrix: Sequence[Sequence[float]],
    bias: Sequence[float],
    *,
    size: Size = FREE,
    dtype: str = "float32",
    hints: int = 0,
    smaller: int = 1,
) -> Path:
    """Write a network (1, C, H, W) -> matrix (K, C) times the channels, plus bias (K,).

    size : height and width, if fixed
    hints : number of further inputs, all of whose values are added to the output
    smaller : the output has the size of the input over this
    """
    weights = np.array(matrix, dtype)[..., None, None]
    weights = np.broadcast_to(weights / smaller**2, (*weights.shape[:2], smaller, smaller))
    sides = [side or name for side, name in zip(size, ("height", "width"), strict=True)]
    inputs = [_value("input", [1, weights.shape[1], *sides], dtype)]
    nodes = [
        helper.make_node(
            "Conv", ["input", "weights", "bias"], ["output"], strides=[smaller, smaller]
        )
    ]
    for number in range(hints):
        before, nodes[-1].output[0] = f"before_{number}", f"before_{number}"
        inputs.append(_value(f"hints_{number}", [1, 2 - number, *sides], dtype))
        reduced = helper.make_node(
            "ReduceSum", [f"hints_{number}", "axes"], [f"sum_{number}"], keepdims=1
        )
        nodes += [reduced, helper.make_node("Add", [before, f"sum_{number}"], ["output"])]
    outputs = [_value("output", [1, len(bias), "out_height", "out_width"], dtype)]
    constants = [
        numpy_helper.from_array(np.ascontiguousarray(weights, dtype), "weights"),
        numpy_helper.from_array(np.array(bias, dtype), "bias"),
        numpy_helper.from_array(np.array([1], np.int64), "axes"),
    ]
    write(path, nodes, inputs, outputs, constants)
    return path


def write(
    path: Path, nodes: Sequence[Any], inputs: Any, outputs: Any, constants: Any = (), **more: Any
) -> Path:
    """Write a model of these parts."""
    graph = helper.make_graph(nodes, "small", inputs, outputs, constants)
    model = helper.make_model(graph, ir_version=8, **{"opset_imports": OPSET, **more})
    path.write_bytes(model.SerializeToString())
    return path


def _value(name: str, shape: Sequence[int | str], dtype: str = "float32") -> Any:
    return helper.make_tensor_value_info(name, TYPES[dtype], shape)


def picture_values(channels: int = 3, colors: int = 2) -> tuple[list[Any], list[Any]]:
    """Return the inputs and outputs of a colorizer of any size."""
    inputs = [_value("input", [1, channels, "height", "width"])]
    return inputs, [_value("output", [1, colors, "height", "width"])]


def load(path: Path) -> Any:
    """Read a model."""
    return onnx.load(path, load_external_data=False)


def no_network_opens(patch: pytest.MonkeyPatch) -> None:
    """Make a test fail if a network is opened."""

    def opened(*args: object, **options: object) -> None:
        raise AssertionError("a network was opened")

    patch.setattr(onnxruntime, "InferenceSession", opened)


def refused(path: Path, kind: NetworkKind | None = None) -> str:
    """Return the message with which a file is refused, one line that names it."""
    with pytest.raises((ValueError, OSError)) as caught:
        inspected(path, kind)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)
    return str(caught.value)
