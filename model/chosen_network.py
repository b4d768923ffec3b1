"""The network that the user chose, our weights or an ONNX file: checked before any work, opened, described for films."""

import functools
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import psutil

from color.segment import WORKING_SIDE, Colorization, NetworkTime, SegmentColorizer
from model.contract import Predictor
from model.decode import AbPredictor
from model.one_color import OneColorPredictor
from model.onnx_network import OneColorNetwork, OurOnnx, side_of
from model.onnx_signature import OnnxFile, inspected
from model.options import WORKING_SIZE, ColorOptions, NetworkKind, RunOptions, color_settings
from model.program import Device, Precision, Program
from model.program_cache import program_for
from model.steady import ANCHOR_EVERY
from model.weights_file import check_weights, weights_sha256
from prior.qspace import read_bins
from runtime.workers import cores

ONNX = ".onnx"
LOADED, PROCESS_BYTES = (
    2.2,
    300_000_000,
)  # memory of a process while it opens a file, in sizes of it, and besides
# Options that need a distribution, or belong to its decoding, and settings without a meaning for one color per place.
DISTRIBUTED = ("palette", "mood", "temperature", "candidates", "confidence", "suggest")
UNUSED = ("temperature", "contrast", "neutral", "palette", "mood", "precision")


def check_network(run: RunOptions, given: Mapping[str, object] = MappingProxyType({})) -> str:
    """Return the sha256 of the chosen network, without opening it.

    given : the command's options by name
    Raises FileNotFoundError or ValueError for a missing or invalid file, and for options that it cannot serve.
    """
    if run.network is None:
        return check_weights(run.weights)
    file = inspected(run.network, run.network_kind)
    _check_size(file, given.get("working_size"))
    wanted = [f"-{name}" for name in DISTRIBUTED if given.get(name)]
    if given.get("reference_by") == "histogram":
        wanted.append("-reference_by histogram")
    if wanted and file.kind != "ours":
        raise ValueError(
            f"{file.name} predicts one color for each place, not its likely colors: leave {wanted[0]} out"
        )
    return file.sha256


def _check_size(file: OnnxFile, working_size: object) -> None:
    if working_size and file.fixed_side and working_size != file.fixed_side:
        raise ValueError(
            f"{file.name} has an input of fixed size, {file.fixed_side} pixels: leave -working_size {working_size} out"
        )


def network_of(run: RunOptions) -> Path | OnnxFile | None:
    """Return the chosen network, an ONNX file with what it is, so that workers need not find out; None for ours."""
    return inspected(run.network, run.network_kind) if run.network else run.weights


def processes_that_fit(run: RunOptions) -> int | None:
    """Return how many processes can have the chosen network in memory at once; None if that is no limit."""
    if run.network is None or not run.network.is_file():
        return None
    each = LOADED * run.network.stat().st_size + PROCESS_BYTES
    fitting = int(psutil.virtual_memory().available // each)
    return max(fitting, 1) if fitting < cores() else None


def open_network(
    network: Path | OnnxFile,
    *,
    kind: NetworkKind | None,
    device: Device,
    precision: Precision,
    threads: int,
    temperature: float,
) -> Predictor:
    """Open weights with Paddle, or an ONNX file with ONNX Runtime; the arguments are those of `gray2color.Colorizer`."""
    if isinstance(network, Path) and (network.suffix.lower() == ONNX or kind):
        network = inspected(network, kind)
    if isinstance(network, OnnxFile):
        return (OurOnnx if network.kind == "ours" else OneColorNetwork)(network, threads=threads)
    weights_sha256(network)  # reports a bad file before opening, which takes seconds
    folder = functools.partial(program_for, network)
    return Program(
        folder, device=device, precision=precision, threads=threads, temperature=temperature
    )


def ab_predictor(
    network: Predictor,
    temperature: float,
    saturation: float,
    working_size: int | None,
    **decoding: Any,
) -> AbPredictor:
    """Return what decodes a network's output.

    working_size : None for the network's own
    decoding : smoothing, contrast and neutral, for a network that predicts distributions
    Raises ValueError for any other size than that of an input of fixed size.
    """
    if isinstance(network, OneColorNetwork | OurOnnx):
        _check_size(network.file, working_size)
        working_size = working_size or network.file.fixed_side
    if isinstance(network, OneColorNetwork):
        size = working_size or network.side
        return OneColorPredictor(
            network, read_bins(), temperature, saturation, size, smoothing=False
        )
    size = working_size or WORKING_SIZE
    return AbPredictor(network, read_bins(), temperature, saturation, size, **decoding)


def films_by(
    factory: Callable[[], SegmentColorizer],
    color: ColorOptions,
    run: RunOptions,
    *,
    steady: float,
) -> Colorization:
    """Return the colorization of films by colorizers that use the chosen network. Raises the errors of `check_network`."""
    sha256 = check_network(run, vars(color))
    settings = color_settings(color, run, steady=steady)
    by = functools.partial(Colorization, factory, sha256, whole_shots=steady > 0)
    if run.network is None:
        return by(settings, color.working_size or WORKING_SIDE)
    file = inspected(run.network, run.network_kind)
    settings |= {"network": file.name, "network_kind": file.kind}
    if file.kind == "ours":
        return by(settings, color.working_size or WORKING_SIDE)
    side = color.working_size or side_of(file)
    used = {name: value for name, value in settings.items() if name not in UNUSED}
    timer = functools.partial(_timed, file, side, every=ANCHOR_EVERY if steady else 1)
    return by({**used, "working_size": side}, side, timer=timer)


def _timed(file: OnnxFile, side: int, *, every: int) -> NetworkTime:
    """Measure the time of another network than ours, which estimates do not know."""
    network = OneColorNetwork(file, threads=1)
    lightness = np.full((side, side), 50, np.float32)
    network.ab(lightness)
    start = time.perf_counter()
    network.ab(lightness)
    return NetworkTime(time.perf_counter() - start, every)
