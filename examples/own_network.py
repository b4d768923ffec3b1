"""Writes a network as an ONNX file and colorizes with it; put your own in its place.

    python examples/own_network.py data/samples/chelsea.jpg toned.png

This one tones the photo: shadows become blue, lights warm. Needs pip install -r requirements-onnx.txt.
"""

import sys
import tempfile
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from main import main as colorizer

SHADOW, LIGHT = (0.0, -14.0), (4.0, 14.0)  # ab of L 0 and of L 100


def network() -> onnx.ModelProto:
    """Make a network that receives L (N, 1, H, W) 0..100 and returns ab (N, 2, H, W): kind eccv16."""
    slope = [[[[(light - dark) / 100]]] for dark, light in zip(SHADOW, LIGHT, strict=True)]
    constants = [
        numpy_helper.from_array(np.array(slope, np.float32), "slope"),
        numpy_helper.from_array(np.array(SHADOW, np.float32), "shadow"),
    ]
    sides = ("N", "height", "width")
    lightness = helper.make_tensor_value_info("L", TensorProto.FLOAT, [sides[0], 1, *sides[1:]])
    ab = helper.make_tensor_value_info("ab", TensorProto.FLOAT, [sides[0], 2, *sides[1:]])
    tone = helper.make_node("Conv", ["L", "slope", "shadow"], ["ab"])
    graph = helper.make_graph([tone], "tone", [lightness], [ab], constants)
    return helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid("", 17)])


def main(photo: str, out: str) -> int:
    """Colorize a photo with the network; return the exit code."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "tone.onnx"
        onnx.save(network(), path)
        return colorizer(["-img_in", photo, "-save", out, "-network", str(path), "-network_kind", "eccv16"])  # fmt: skip


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: python examples/own_network.py PHOTO OUT")
    sys.exit(main(*sys.argv[1:]))
