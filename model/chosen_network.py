"""The network that the user chose, our weights or an ONNX file: checked before any work, opened, described for films."""

import functools
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from color.segment import WORKING_SIDE, Colorization, NetworkTime, SegmentColorizer
from model.contract import Output, Predictor
from model.decode import AbPredictor
from model.engine_choice import choose_engine, engine_of
from model.one_color import OneColorPredictor
from model.onnx_network import OneColorNetwork, OurOnnx, side_of
from model.onnx_signature import OnnxFile, inspected
from model.options import (
    WORKING_SIZE,
    ColorOptions,
    NetworkKind,
    RunOptions,
    color_settings,
    temperature_of,
)
from model.program import Device, Precision, Program
from model.program_cache import program_for
from model.steady import ANCHOR_EVERY
from model.weights_file import RELEASED, check_weights, weights_sha256
from prior.qspace import read_bins
from runtime.workers import cores

ONNX = ".onnx"
LOADED, PROCESS_BYTES = (
    2.2,
    300_000_000,
)  # memory of a process while it opens a file, in sizes of it, and besides
# Options that need a distribution, or belong to its decoding, and settings without a meaning for one color per place.
DISTRIBUTED = ("palette", "mood", "temperature", "candidates", "confidence", "suggest")
UNUSED = ("temperature", "contrast", "neutral", "palette", "mood")


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
    return _onnx_file(run) or run.weights


def processes_that_fit(run: RunOptions) -> int | None:
    """Return how many processes can have the chosen network in memory at once; None if that is no limit."""
    if run.network is None or not run.network.is_file():
        return None
    import psutil

    each = LOADED * run.network.stat().st_size + PROCESS_BYTES
    fitting = int(psutil.virtual_memory().available // each)
    return max(fitting, 1) if fitting < cores() else None


def open_network(
    network: Path | str | OnnxFile,
    *,
    kind: NetworkKind | None,
    device: Device,
    precision: Precision,
    threads: int,
    temperature: float,
) -> Predictor:
    """Open weights with Paddle, or an ONNX file with ONNX Runtime; the arguments are those of `gray2color.Colorizer`."""
    file = network if isinstance(network, OnnxFile) else Path(network)
    if isinstance(file, Path) and (file.suffix.lower() == ONNX or kind):
        file = inspected(file, kind)
    if isinstance(file, OnnxFile):
        return (OurOnnx if file.kind == "ours" else OneColorNetwork)(file, threads=threads)
    weights_sha256(file)  # reports a bad file before opening, which takes seconds
    folder = functools.partial(program_for, file)
    engine = choose_engine(device, precision)
    # Only means have an int8 program; the other outputs would fall back to fp32, which may not be the fastest.
    others = choose_engine(device, "auto") if engine == "int8" else engine
    return Program(folder, engine=engine, others=others, threads=threads, temperature=temperature)


def prepare(
    run: RunOptions, color: ColorOptions, *, distributes: bool = False, refers: bool = False
) -> None:
    """Export the missing inference programs of a run before many processes need them at once.

    distributes : include the program that returns the distribution
    refers : include the program that returns the features for matching references
    """
    engine = engine_of(run)
    ours = run.network is None  # of an ONNX file's run, only the released features may be needed
    outputs: dict[Output, bool] = {
        "means": ours,
        "distribution": ours and distributes,
        "features": refers,
        "classifier": ours,
    }
    for output in (output for output, needed in outputs.items() if needed):
        own = run.weights if output != "classifier" else None
        weights = own or RELEASED
        with program_for(weights, output=output, engine=engine, temperature=temperature_of(color)):
            pass


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
    """Return the colorization of films by colorizers that use the chosen network. Raises the errors of `photo_settings`."""
    sha256 = check_network(run, vars(color))
    settings = _settings(color, run, films=True, steady=steady)
    by = functools.partial(Colorization, factory, sha256, settings, whole_shots=steady > 0)
    file = _onnx_file(run)
    if file is None or file.kind == "ours":
        return by(color.working_size or WORKING_SIDE)
    side = color.working_size or side_of(file)
    return by(
        side, timer=functools.partial(_timed, file, side, every=ANCHOR_EVERY if steady else 1)
    )


def photo_settings(
    color: ColorOptions, run: RunOptions, given: Mapping[str, object] = MappingProxyType({})
) -> dict[str, object]:
    """Return all settings that affect a photo's colors, the network among them.

    given : the command's options by name
    Raises the errors of `check_network`, and ValueError for a device that this machine lacks.
    """
    sha256 = check_network(run, given)
    settings = _settings(color, run)
    del settings["steady"]
    return {**settings, "weights_sha256": sha256}


def _settings(
    color: ColorOptions, run: RunOptions, *, films: bool = False, steady: float = 0
) -> dict[str, object]:
    """Return all settings, except the network's sha256, that affect the colors."""
    file = _onnx_file(run)
    if file is None:
        return color_settings(color, engine_of(run, films=films), steady=steady)
    settings = color_settings(color, f"ONNX Runtime fp{8 * file.dtype.itemsize}", steady=steady)
    settings |= {"network": file.name, "network_kind": file.kind}
    if file.kind == "ours":
        return settings
    used = {name: value for name, value in settings.items() if name not in UNUSED}
    return {**used, "working_size": color.working_size or side_of(file)}


def _onnx_file(run: RunOptions) -> OnnxFile | None:
    return inspected(run.network, run.network_kind) if run.network else None


def _timed(file: OnnxFile, side: int, *, every: int) -> NetworkTime:
    """Measure the time of another network than ours, which estimates do not know."""
    network = OneColorNetwork(file, threads=1)
    lightness = np.full((side, side), 50, np.float32)
    network.ab(lightness)
    start = time.perf_counter()
    network.ab(lightness)
    return NetworkTime(time.perf_counter() - start, every)
