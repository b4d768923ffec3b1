"""Export of the dynamic network to a static inference program, which is checked against the network.

The program takes planes (N, 4, H, W), a palette (N, Q + 1) and a temperature (1,), and returns three planes
(N, 3, H/4, W/4): the mean a, b and chroma of the predicted distribution; softmax and bin centers are included. A second
program returns the distribution itself, (N, Q, H/4, W/4), a third the backbone's features at 1/16, a fourth those of the
published backbone at all scales. All run on the floating-point engines; the first also exists for int8 (see
`quantization`).

The graph is the one that oneDNN in Paddle 3.3.1 optimizes and runs fastest: no BatchNorm (folding it took 3 of 4
seconds), upsampling by transposed convolution.
"""

import dataclasses
import logging
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import paddle
import paddle.nn.functional as F
from paddle import Tensor, nn
from paddle.base.layer_helper import LayerHelper
from paddle.static import InputSpec

from color.arrays import Floats
from model.contract import PLANES, Output
from model.efficientnet_lite import PYRAMID_BLOCKS
from model.network import BasicBlock, ColorNet, UpBlock, annealed, annealed_mean
from model.program import INT8_PROGRAM, PROGRAM, Engine, open_program, run_program
from model.program_files import write_newer, write_program
from model.quantization import RANGE_SHARES, Inputs, quantize, sample_inputs
from model.weights_file import Weights, build, load_into, read_backbone, read_weights

log = logging.getLogger(__name__)

TOLERANCE_AB = 1e-3  # between program and network, fp32
ROUNDING = 5e-5  # relative to the largest ab, if that is more: after 30 training steps, noise gives ab of 100 and errors of 1.2e-3
TOLERANCE_SHARE = 1e-5  # between program and network, probabilities
# RMS difference over the standard deviation of ab; the released weights differ by 0.04.
TOLERANCE_INT8 = 0.2
CHECK_SIZES = ((1, 64, 96), (2, 128, 64))
CHECKED_SAMPLES = 2
# These layers have few channels and wide ranges: in int8 they would reduce the chroma by 5 %.
IN_FLOAT = "backbone.blocks.0."
ALIGNED = 16  # float32 values in a cache line
LARGEST_LOGIT = 70.0  # e^70 times the number of bins and the largest chroma still fits a float32
ONES = 16  # constant channels that carry the bias; a multiple of 16 keeps oneDNN's layouts aligned


class TransposedUp(nn.Layer):
    """An `UpBlock` whose 1x1 convolution and pixel shuffle are merged into one transposed convolution.

    This is faster under oneDNN. The bias of the expansion differs within each 2x2 square, unlike the bias of a
    transposed convolution, so constant input channels carry it.
    """

    def __init__(self, up: UpBlock) -> None:
        super().__init__()
        filters, bias = up.expand.weight.numpy(), up.expand.bias.numpy()
        upper, inputs = len(filters) // 4, filters.shape[1]
        joined = np.zeros((inputs + ONES, upper, 2, 2), np.float32)
        joined[:inputs] = filters.reshape(upper, 2, 2, inputs).transpose(3, 0, 1, 2)
        joined[inputs] = bias.reshape(upper, 2, 2)
        self.expand = nn.Conv2DTranspose(inputs + ONES, upper, 2, stride=2, bias_attr=False)
        self.expand.weight.set_value(joined)
        self.conv = folded(up.conv, up.bn)

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        ones = paddle.ones_like(x[:, :1]).expand([-1, ONES, -1, -1])
        x = self.expand(paddle.concat([x, ones], axis=1))
        return F.relu(self.conv(paddle.concat([x, skip], axis=1)))


def folded(conv: nn.Conv2D, bn: nn.BatchNorm2D) -> nn.Conv2D:
    """Fold a BatchNorm in evaluation mode into the bias-free convolution before it."""
    scale = bn.weight.numpy() / np.sqrt(bn._variance.numpy() + bn._epsilon)
    filters = conv.weight.numpy()
    joined = nn.Conv2D(
        filters.shape[1] * conv._groups,
        len(filters),
        filters.shape[2:],
        stride=conv._stride,
        padding=conv._padding,
        groups=conv._groups,
    )
    joined.weight.set_value(filters * scale[:, None, None, None])
    joined.bias.set_value(bn.bias.numpy() - bn._mean.numpy() * scale)
    return joined


class InferenceNet(ColorNet):
    """Compute the same function as `ColorNet` with the layers that oneDNN runs fastest."""

    def rearrange(self) -> None:
        """Fold every BatchNorm and replace the upsampling; call once, after loading the weights."""
        for layer in self.sublayers(include_self=True):
            for conv, norm in getattr(layer, "NORMALIZED", ()):
                if getattr(layer, conv) is not None:
                    setattr(layer, conv, folded(getattr(layer, conv), getattr(layer, norm)))
                    setattr(layer, norm, nn.Identity())
            if isinstance(layer, BasicBlock) and layer.short is not None:
                layer.short = folded(*layer.short)
        self.up1, self.up2 = TransposedUp(self.up1), TransposedUp(self.up2)


class AnnealedNet(nn.Layer):
    """Combine network, annealed mean and bin centers: planes -> mean a, b and chroma."""

    def __init__(self, network: ColorNet, bins: Floats) -> None:
        super().__init__()
        self.network = network
        averaged = np.column_stack([bins, np.hypot(bins[:, 0], bins[:, 1])])
        filters = averaged.T[:, :, None, None].astype(np.float32)
        self.register_buffer("filters", paddle.to_tensor(filters))

    def forward(self, planes: Tensor, palette: Tensor, temperature: Tensor) -> Tensor:
        logits = self.network(planes, palette)  # (N, Q, h, w)
        return annealed_mean(logits, self.filters, temperature=temperature)  # (N, 3, h, w)

    @paddle.no_grad()
    def predict(self, planes: Floats, palettes: Floats, *, temperature: float) -> Floats:
        """Predict from arrays with the signature of a program (`model.contract.Predictor`)."""
        assert not self.network.training, "the network must be in evaluation mode"
        inputs = (planes, palettes, np.array([temperature], np.float32))
        means: Floats = self(*map(paddle.to_tensor, inputs)).numpy()
        return means


class FixedNet(AnnealedNet):
    """Compute `AnnealedNet` at a fixed temperature, with fewer passes over the Q planes of the distribution.

    The head's weights are divided by the temperature. Their mean over the bins has no effect on the softmax and is
    subtracted: the largest logit at a position is then never below 0, so the softmax needs no subtraction of the
    maximum. It is normalized after averaging, on three planes instead of Q. The number of planes is rounded up to a
    multiple of `ALIGNED` with repeated planes of weight 0.
    """

    def __init__(self, network: ColorNet, bins: Floats, temperature: float) -> None:
        super().__init__(network, bins)
        weight, bias = network.head.weight.numpy(), network.head.bias.numpy()
        planes = -(-len(bins) // ALIGNED) * ALIGNED
        repeated = np.arange(planes) % len(bins)
        network.head = nn.Conv2D(weight.shape[1], planes, 1)
        network.head.weight.set_value(((weight - weight.mean(axis=0)) / temperature)[repeated])
        network.head.bias.set_value(((bias - bias.mean()) / temperature)[repeated])
        weighted = np.zeros((4, planes, 1, 1), np.float32)
        weighted[:3, : len(bins)] = self.filters.numpy()
        weighted[3, : len(bins)] = 1
        self.register_buffer("weighted", paddle.to_tensor(weighted))

    def forward(self, planes: Tensor, palette: Tensor) -> Tensor:  # type: ignore[override]
        logits = self.network(planes, palette).clip(-LARGEST_LOGIT, LARGEST_LOGIT)
        sums = F.conv2d(_exponentials(logits), self.weighted)
        return sums[:, :3] / sums[:, 3:]


def _exponentials(planes: Tensor) -> Tensor:
    """Append the operator to a program of the older format, which `exp` of Paddle 3.3.1 does not support."""
    helper = LayerHelper("exp")
    found = helper.create_variable_for_type_inference(planes.dtype)
    helper.append_op(type="exp", inputs={"X": planes}, outputs={"Out": found})
    return found


class DistributionNet(AnnealedNet):
    """Combine network and softmax: planes -> probability of each bin at each position."""

    def forward(self, planes: Tensor, palette: Tensor, temperature: Tensor) -> Tensor:
        return annealed(self.network(planes, palette), temperature=temperature)  # (N, Q, h, w)


class FeatureNet(AnnealedNet):
    """Run the backbone alone: planes -> features of the lightness at 1/16."""

    def forward(self, planes: Tensor, palette: Tensor, temperature: Tensor) -> Tensor:
        _, f16, _ = self.network.backbone(planes[:, :1])
        # Paddle cannot save a program with an unused input.
        unused = (palette[:, :1] * temperature).reshape([-1, 1, 1, 1])
        return f16 + 0 * unused  # (N, C, H/16, W/16)


class ClassifierNet(AnnealedNet):
    """Run the backbone alone: planes -> its features at all scales, flat (N, sum of C h w)."""

    def forward(self, planes: Tensor, palette: Tensor, temperature: Tensor) -> Tensor:
        scales = self.network.backbone.features(planes[:, :1], PYRAMID_BLOCKS)
        unused = palette[:, :1] * temperature
        return paddle.concat([scale.flatten(1) for scale in scales], axis=1) + 0 * unused


KINDS: dict[Output, type[AnnealedNet]] = {
    "means": AnnealedNet,
    "distribution": DistributionNet,
    "features": FeatureNet,
    "classifier": ClassifierNet,
}


def export(
    weights: Path,
    folder: Path,
    *,
    bins: Floats,
    output: Output = "means",
    engine: Engine = "fp32",
    temperature: float = 1.0,
) -> None:
    """Write the program of a weights file into a folder, and check it against the network.

    output : what the program returns
    engine : what will run it; for int8 it is quantized (means only), unless the weights lose too much
    temperature : of the int8 program, which has it built in

    Raises RuntimeError if program and network differ.
    """
    kind = KINDS[output]
    stored = read_weights(weights)
    if stored.config.bins != len(bins):
        raise ValueError(f"{weights} has {stored.config.bins} bins, the prior has {len(bins)}")
    if output == "classifier":
        arrays = {**stored.arrays, **read_backbone()}
        stored = dataclasses.replace(stored, arrays=arrays)
    reference = kind(build(stored), bins)
    folder.mkdir(parents=True, exist_ok=True)
    if engine == "int8":
        fixed = FixedNet(_rearranged(stored), bins, temperature)
        if _saved_int8(fixed, reference, folder, sample_inputs(bins), temperature=temperature):
            return
    write = write_newer if engine == "gpu" else write_program
    net = kind(_rearranged(stored), bins)
    write(net, folder, _inputs(net))
    _check(reference, folder)


def _rearranged(stored: Weights) -> InferenceNet:
    network = InferenceNet(stored.config)
    load_into(network, stored.arrays)
    network.rearrange()
    return network


def _inputs(net: AnnealedNet) -> list[InputSpec]:
    bins = net.network.config.bins
    specs = [
        InputSpec([None, PLANES, None, None], "float32", "planes"),
        InputSpec([None, bins + 1], "float32", "palette"),
        InputSpec([1], "float32", "temperature"),
    ]
    return specs[:-1] if isinstance(net, FixedNet) else specs


def _check(net: AnnealedNet, folder: Path) -> None:
    """Compare program and network at two sizes, with and without a palette."""
    net.eval()
    predictor = open_program(folder, engine="plain")
    shares = isinstance(net, DistributionNet)
    tolerance = TOLERANCE_SHARE if shares else TOLERANCE_AB
    rng = np.random.default_rng(0)
    for number, height, width in CHECK_SIZES:
        planes = rng.uniform(-1, 1, (number, PLANES, height, width)).astype(np.float32)
        palette = np.zeros((number, net.network.config.bins + 1), np.float32)
        palette[1:, [0, -1]] = 1
        expected = net.predict(planes, palette, temperature=1.0)
        output = run_program(predictor, planes, palette, temperature=1.0)
        difference = np.abs(output - expected).max()
        if not difference < max(tolerance, ROUNDING * np.abs(expected).max()):
            raise RuntimeError(f"the inference program differs from the network by {difference}")


def _saved_int8(
    net: FixedNet, reference: AnnealedNet, folder: Path, inputs: Sequence[Inputs],
    *, temperature: float,
) -> bool:  # fmt: skip
    """Write the int8 program, and keep it if it is close to the network."""
    weights = {name: array.name for name, array in net.network.named_parameters()}
    samples = inputs[:CHECKED_SAMPLES]
    in_float = {weights[name] for name in weights if name.startswith(IN_FLOAT)}
    with tempfile.TemporaryDirectory() as traced:
        write_program(net, Path(traced), _inputs(net))
        for share in RANGE_SHARES:
            with tempfile.TemporaryDirectory(dir=folder) as tried:
                quantize(
                    Path(traced, PROGRAM), Path(tried, INT8_PROGRAM), inputs=inputs,
                    in_float=in_float, last=weights["head.weight"], share=share,
                )  # fmt: skip
                difference = _difference(reference, Path(tried), samples, temperature=temperature)
                if difference < TOLERANCE_INT8:
                    for made in Path(tried).iterdir():
                        made.rename(folder / made.name)
                    return True
    log.warning("in int8, ab would differ by %.0f %%: using fp32", 100 * difference)
    return False


def _difference(
    annealed: AnnealedNet, folder: Path, inputs: Sequence[Inputs], *, temperature: float
) -> float:
    """Return the RMS difference of ab between int8 program and network, over the standard deviation of ab."""
    annealed.eval()
    predictor = open_program(folder, engine="int8")
    expected = [annealed.predict(*arrays, temperature=temperature)[:, :2] for arrays in inputs]
    found = [run_program(predictor, *arrays, temperature=temperature)[:, :2] for arrays in inputs]
    return float(np.sqrt(np.mean(np.subtract(found, expected) ** 2)) / np.std(expected))
