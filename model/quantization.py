"""Static int8 quantization of an inference program, calibrated on the sample photographs.

In Paddle 3.3.1, oneDNN computes in int8 only for programs of the older format (`program_files`). Its passes take the
ranges of activations from attributes of the operators, and those of weights, per channel, from the weights; the stored
weights stay float32.
"""

from collections.abc import Container, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import paddle

from color.arrays import Floats
from image.resize import center_square
from model.contract import network_planes
from model.hints import palette_vector, random_hints
from model.program import MODEL
from model.program_files import opened_older, write_older
from prior.dataset import list_pictures, read_rgb
from prior.lab import rgb2lab
from prior.qspace import QSpace
from runtime.places import IN_SOURCE_TREE, ROOT

Inputs: TypeAlias = tuple[Floats, Floats]  # planes (n, 4, H, W) and palettes (n, Q + 1)

# An installed package has them beside this module.
SAMPLES = (
    ROOT / "data" / "samples" / "color" if IN_SOURCE_TREE else Path(__file__).with_name("samples")
)
SAMPLE_PX = 128
PLANES_RANGE = 1.0  # L/50 - 1, a/110, b/110; int8 keeps the 255 levels of 8-bit gray
SAMPLE_HINTS = 10
# Ranges relative to the largest magnitudes on the samples, tried in turn: a smaller range clips more, but rounds finer.
# With 0.9, PSNR of the released weights is within 0.01 dB of fp32, with 1 it is 0.04 dB below; colorfulness is 1 % less.
RANGE_SHARES = (0.9, 1.0)
CONVOLUTIONS = ("conv2d", "depthwise_conv2d")
RANGED = (*CONVOLUTIONS, "elementwise_add", "relu", "relu6", "pool2d", "concat")


def sample_inputs(bins: Floats, folder: Path = SAMPLES) -> list[Inputs]:
    """Make network inputs of each sample photograph: unguided, and with hints and a palette of its own colors."""
    qspace, inputs = QSpace(bins), []
    for number, picture in enumerate(list_pictures(folder)):
        lab = rgb2lab(center_square(read_rgb(picture), side_px=SAMPLE_PX))
        rng = np.random.default_rng(number)
        hints = random_hints(lab[..., 1:], rng, points=SAMPLE_HINTS)
        both = network_planes(np.stack([lab[..., 0]] * 2), hints=np.stack([0 * hints, hints]))
        palettes = [palette_vector(ab, qspace) for ab in (None, lab[..., 1:])]
        inputs.append((both, np.stack(palettes)))
    return inputs


def quantize(
    source: Path, target: Path, *, inputs: Sequence[Inputs], in_float: Container[str], last: str,
    share: float,
) -> None:  # fmt: skip
    """Write a program of the older format that runs in int8 up to its last quantized convolution.

    source, target : paths of the program, without suffix
    inputs : calibration data
    share : range of each activation, over its largest magnitude
    in_float : convolutions that stay float32, by the names of their weights
    last : the last quantized convolution, by the name of its weights
    """
    with opened_older(source) as (program, feeds, fetched, executor):
        quantized = list(_quantized(program, last))
        ranges = _ranges(program, feeds, [op for op in quantized if op.type in RANGED], inputs)
        for op in quantized:
            if op.type in CONVOLUTIONS and _weights_of(op) not in in_float:
                op._set_attr("quantization_type", "static")  # without it, a pass sets `skip_quant`
            if op.output_arg_names[0] in ranges:
                op._set_attr("out_threshold", share * ranges[op.output_arg_names[0]])
        write_older(target, program, feeds, fetched, executor)
        _give_input_range(target.with_suffix(MODEL), feeds[0])


def _give_input_range(program: Path, planes: str) -> None:
    """Write the range of the input planes into a saved program; saving recreates the feed operator without it."""
    saved = paddle.static.Program.parse_from_string(program.read_bytes())
    for op in saved.global_block().ops:
        if op.type == "feed" and op.output_arg_names == [planes]:
            op._set_attr("out_threshold", PLANES_RANGE)
    program.write_bytes(saved.desc.serialize_to_string())


def _quantized(program: Any, last: str) -> Iterator[Any]:
    """Yield the operators before the last quantized convolution, whose logits stay float32."""
    for op in program.global_block().ops:
        if op.type in CONVOLUTIONS and _weights_of(op) == last:
            op._set_attr("quantization_type", "static")
            return
        yield op


def _weights_of(convolution: Any) -> str:
    return str(convolution.input("Filter")[0])


def _ranges(
    program: Any, feeds: Sequence[str], ops: Sequence[Any], inputs: Sequence[Inputs]
) -> dict[str, float]:
    """Return the largest magnitude of each 4-D output of the operators, by variable name."""
    block, executor = program.global_block(), paddle.static.Executor(paddle.CPUPlace())
    names = [op.output_arg_names[0] for op in ops]
    names = [name for name in names if len(block.var(name).shape) == 4]
    ranges = dict.fromkeys(names, 0.0)
    for planes, palettes in inputs:
        found = executor.run(program, dict(zip(feeds, (planes, palettes), strict=True)), names)
        for name, array in zip(names, found, strict=True):
            ranges[name] = max(ranges[name], float(array.max()), float(-array.min()))
    return ranges
