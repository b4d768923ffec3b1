"""Writes the network as an ONNX file, for programs without Paddle: a browser, a phone, OpenVINO, ONNX Runtime.

    python model/onnx_file.py -weights model/weights/colornet.npz -out colornet.onnx

The graph is built from the network's own layers, each BatchNorm folded into its convolution, and compared with the
network before the file gets its name. Inputs and outputs are those of `model.network.ColorNet`, and the backbone's
features besides, which match a picture with a reference.
"""

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if __package__ in {None, ""}:
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

from runtime.console import exit_code, usage_errors
from runtime.files import check_folder, whole_file
from runtime.options import OneLineParser, add_options, option, options_from

if TYPE_CHECKING:
    from onnx import ModelProto

    from model.network import ColorNet

# The first with LayerNormalization; files of this form are read since 2022.
OPSET, IR_VERSION = 17, 8
INPUTS = ("planes", "palette")
OUTPUTS = ("logits", "features")
TOLERANCE = 1e-4  # between file and network, of ab and of logits relative to the largest
CHECK_SIZES = ((1, 64, 96), (2, 128, 64))
USE = (
    "planes (N, 4, H, W), H and W multiples of 32: L/50 - 1, then hints a/110, b/110 and their mask, or zeros; palette "
    "(N, Q + 1): the share of each bin and 1, or zeros. Mean color: softmax(logits / 0.6) over the bins of the metadata."
)


@dataclass(frozen=True)
class OnnxFileOptions:
    """The script's options."""

    weights: Path = option(
        Path(__file__).resolve().parent / "weights" / "colornet.npz", "weights file",
        shown="model/weights/colornet.npz", metavar="FILE",
    )  # fmt: skip
    out: Path = option(Path("colornet.onnx"), "the file to write", metavar="FILE.onnx")
    overwrite: bool = option(False, "replace an existing file")


def write_onnx(weights: Path, out: Path) -> None:
    """Write the network of a weights file as an ONNX file, and check it.

    Raises FileNotFoundError or ValueError for missing or invalid weights and for missing packages, RuntimeError if file
    and network differ.
    """
    from model.onnx_safety import import_onnx
    from model.paddle_import import import_paddle

    onnx = import_onnx()
    import_paddle()
    from model.weights_file import build, read_weights

    stored = read_weights(weights)
    network = build(stored)
    model = onnx_model(network, sha256=stored.sha256)
    onnx.checker.check_model(model, full_check=True)
    with whole_file(out) as part:
        part.write_bytes(model.SerializeToString(deterministic=True))
        check_onnx(part, network)


def onnx_model(network: "ColorNet", *, sha256: str) -> "ModelProto":
    """Return a network in evaluation mode as an ONNX model."""
    from onnx import TensorProto, helper

    from model.contract import PLANES
    from model.efficientnet_lite import FEATURE_CHANNELS
    from prior.qspace import read_bins

    bins = read_bins()
    if network.config.bins != len(bins):
        raise ValueError(f"weights of {network.config.bins} bins, but the prior has {len(bins)}")
    graph = _Graph()
    _network(graph, network)
    shapes: dict[str, list[str | int]] = {
        "planes": ["batch", PLANES, "height", "width"],
        "palette": ["batch", len(bins) + 1],
        "logits": ["batch", len(bins), "quarter_height", "quarter_width"],
        "features": ["batch", FEATURE_CHANNELS[1], "sixteenth_height", "sixteenth_width"],
    }
    inputs, outputs = (
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shapes[name]) for name in names]
        for names in (INPUTS, OUTPUTS)
    )
    model = helper.make_model(
        helper.make_graph(graph.nodes, "colornet", inputs, outputs, graph.constants),
        producer_name="colorizer", doc_string=USE, ir_version=IR_VERSION,
        opset_imports=[helper.make_opsetid("", OPSET)],
    )  # fmt: skip
    centers = json.dumps([[round(value, 4) for value in center] for center in bins.tolist()])
    helper.set_model_props(model, {"weights_sha256": sha256, "bins": centers})
    return model


class _Graph:
    """Nodes and constants of a graph; values are known by name."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def add(self, kind: str, *inputs: str, output: str = "", **attributes: Any) -> str:
        """Add a node; return the name of its output."""
        from onnx import helper

        name = output or f"{kind}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [name], name=name, **attributes))
        return name

    def constant(self, array: Any) -> str:
        """Add a constant; return its name."""
        from onnx import numpy_helper

        name = f"constant_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(array, name))
        return name

    def conv(self, x: str, conv: Any, norm: Any = None, *, output: str = "") -> str:
        """Add a convolution, with the BatchNorm behind it folded in."""
        from model.export import folded

        layer = conv if norm is None else folded(conv, norm)
        top, bottom, left, right = _padding(layer)
        return self.add(
            "Conv", x, self.constant(layer.weight.numpy()), self.constant(layer.bias.numpy()),
            output=output, strides=_pair(layer._stride), pads=[top, left, bottom, right],
            group=layer._groups, kernel_shape=list(layer.weight.shape[2:]),
        )  # fmt: skip

    def relu(self, x: str) -> str:
        return self.add("Relu", x)

    def relu6(self, x: str, *, output: str = "") -> str:
        import numpy as np

        low, high = (self.constant(np.float32(limit)) for limit in (0, 6))
        return self.add("Clip", x, low, high, output=output)

    def linear(self, x: str, linear: Any) -> str:
        weight, bias = (self.constant(part.numpy()) for part in (linear.weight, linear.bias))
        return self.add("Gemm", x, weight, bias)

    def concat(self, *inputs: str) -> str:
        return self.add("Concat", *inputs, axis=1)

    def doubled(self, x: str, expand: Any) -> str:
        """Double the size by a 1x1 convolution and a pixel shuffle."""
        return self.add("DepthToSpace", self.conv(x, expand), blocksize=2, mode="CRD")


def _pair(size: Any) -> list[int]:
    return [size, size] if isinstance(size, int) else list(size)


def _padding(conv: Any) -> list[int]:
    """Return the padding of a convolution at the top, bottom, left and right."""
    sides = _pair(conv._padding)
    return sides if len(sides) == 4 else [sides[0], sides[0], sides[1], sides[1]]


def _network(g: _Graph, net: Any) -> None:
    """Add what `ColorNet.forward` computes."""
    import numpy as np

    first = g.add("Slice", "planes", *(g.constant(np.array([i], np.int64)) for i in (0, 1, 1)))
    f8, f16, f32 = _backbone(g, net.backbone, first)
    x = g.relu(g.conv("planes", net.stem, net.stem_bn))
    x = g.add("MaxPool", x, kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
    at4 = _blocks(g, net.stage1, x)
    at8 = _blocks(g, net.stage2, at4)
    x = g.concat(_blocks(g, net.stage3, at8), f16, g.doubled(f32, net.backbone_expand))
    x = g.relu(g.conv(x, net.fuse, net.fuse_bn))
    x = _block(g, net.bottom, g.add("Add", x, _context(g, net, f32)))
    x = _up(g, net.up2, x, g.concat(at8, f8))
    g.conv(_up(g, net.up1, x, at4), net.head, output=OUTPUTS[0])


def _backbone(g: _Graph, backbone: Any, x: str) -> list[str]:
    """Add `EfficientNetLite0`; return its features, those at 1/16 as an output of the graph."""
    from model.efficientnet_lite import FEATURE_BLOCKS

    x = g.relu6(g.conv(x, backbone.stem, backbone.bn))
    features = []
    for number, block in enumerate(backbone.blocks):
        y = x if block.expand is None else g.relu6(g.conv(x, block.expand, block.bn0))
        y = g.relu6(g.conv(y, block.depthwise, block.bn1))
        named = OUTPUTS[1] if number == FEATURE_BLOCKS[1] else ""
        if block.residual:
            x = g.add("Add", g.conv(y, block.project, block.bn2), x, output=named)
        else:
            x = g.conv(y, block.project, block.bn2, output=named)
        if number in FEATURE_BLOCKS:
            features.append(x)
    return features


def _blocks(g: _Graph, stage: Any, x: str) -> str:
    for block in stage:
        x = _block(g, block, x)
    return x


def _block(g: _Graph, block: Any, x: str) -> str:
    """Add a `BasicBlock`."""
    short = x if block.short is None else g.conv(x, *block.short)
    y = g.relu(g.conv(x, block.conv1, block.bn1))
    return g.relu(g.add("Add", g.conv(y, block.conv2, block.bn2), short))


def _up(g: _Graph, up: Any, x: str, skip: str) -> str:
    """Add an `UpBlock`."""
    return g.relu(g.conv(g.concat(g.doubled(x, up.expand), skip), up.conv, up.bn))


def _context(g: _Graph, net: Any, f32: str) -> str:
    """Add `ColorNet.context`."""
    import numpy as np

    norm = net.context_norm
    mean = g.add("Flatten", g.add("GlobalAveragePool", f32))
    x = g.relu(g.linear(g.concat(mean, INPUTS[1]), net.context1))
    scale, shift = (g.constant(part.numpy()) for part in (norm.weight, norm.bias))
    x = g.add("LayerNormalization", g.linear(x, net.context2), scale, shift, epsilon=norm._epsilon)
    return g.add("Unsqueeze", x, g.constant(np.array([2, 3], np.int64)))


def check_onnx(path: Path, network: "ColorNet") -> None:
    """Compare an ONNX file with the network at two sizes, with hints, with and without a palette."""
    import numpy as np
    import onnxruntime
    import paddle

    network.eval()
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    rng = np.random.default_rng(0)
    for number, height, width in CHECK_SIZES:
        planes = rng.uniform(-1, 1, (number, 4, height, width)).astype(np.float32)
        palette = np.zeros((number, network.config.bins + 1), np.float32)
        palette[1:, [0, -1]] = 1
        with paddle.no_grad():
            tensors = [paddle.to_tensor(array) for array in (planes, palette)]
            expected = [network(*tensors).numpy(), network.backbone(tensors[0][:, :1])[1].numpy()]
        found = session.run(list(OUTPUTS), dict(zip(INPUTS, (planes, palette), strict=True)))
        for name, ours, theirs in zip(OUTPUTS, expected, found, strict=True):
            difference = np.abs(ours - theirs).max() / max(1, np.abs(ours).max())
            if not difference < TOLERANCE:
                raise RuntimeError(
                    f"{name} of the ONNX file differ from the network's by {difference}"
                )


def main(argv: Sequence[str] | None = None) -> int:
    """Run the script and return its exit code."""
    parser = OneLineParser(prog="onnx_file.py", description=(__doc__ or "").split("\n", 1)[0])
    add_options(parser, OnnxFileOptions)
    options = options_from(parser.parse_args(argv), OnnxFileOptions)

    def work() -> int:
        with usage_errors():
            if options.out.exists() and not options.overwrite:
                raise ValueError(f"{options.out} exists already: add -overwrite, or name another")
            check_folder(options.out.parent, option="-out")
            from model.weights_file import check_weights

            check_weights(options.weights)
        options.out.parent.mkdir(parents=True, exist_ok=True)
        write_onnx(options.weights, options.out)
        print(options.out)
        return 0

    return exit_code(parser.prog, work)


if __name__ == "__main__":
    sys.exit(main())
