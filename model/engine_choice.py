"""Chooses the engine that is fastest on this machine, by a measurement that is kept beside the inference programs.

Which one it is follows from no list of processors: with AVX-512 VNNI, int8 is twice as fast as fp32, and on AMD's Zen 4 a
quarter faster than bf16; with AVX2 alone, on Zen 3, int8 is 1.6 times as fast as fp32; on a Xeon of 2023, whose bf16 has no
AMX, bf16 is slower than fp32. All keep PSNR within 0.02 dB (`train/evaluate.py -precision fp32,bf16,int8`).
"""

import functools
import json
import logging
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path

import numpy as np

from model.contract import PLANES
from model.options import TEMPERATURE, RunOptions
from model.paddle_import import (
    gpu_count,
    has_gpu_package,
    paddle_version,
    processor,
    supported_precisions,
)
from model.program import Device, Engine, Precision, open_program, run_program
from model.program_cache import FORM, cache_folder, program_for
from prior.qspace import read_bins
from runtime.files import lock, write_json

log = logging.getLogger(__name__)

MEASURED = "engines.json"
SIDES = (192, 256)  # of a frame; it is run on one core, as a film's worker does
ROUNDS = 20  # of all engines in turn; the least time counts, as other work only ever adds to it


def choose_engine(device: Device, precision: Precision) -> Engine:
    """Resolve "auto" and "fastest". Raises RuntimeError if a GPU is requested but not available."""
    gpus = gpu_count() if device != "cpu" and has_gpu_package() else 0
    if device == "gpu" and not gpus:
        raise RuntimeError("Paddle can use no GPU here: use -device cpu")
    if gpus:
        return "gpu"
    if precision == "auto":
        return _fastest(("fp32", "bf16"))
    if precision == "fastest":
        return _fastest(("fp32", "bf16", "int8"))
    return precision


def engine_of(run: RunOptions, *, films: bool = False) -> Engine:
    """Return the engine that computes the colors here. Raises ValueError for a device that this machine lacks."""
    try:
        return choose_engine(run.device, run.film_precision if films else run.precision)
    except RuntimeError as error:
        raise ValueError(str(error)) from error


def _fastest(engines: Sequence[Engine]) -> Engine:
    """Return the fastest of those that the processor supports."""
    able = [engine for engine in engines if engine in supported_precisions()]
    if len(able) == 1:
        return able[0]
    seconds = _seconds(cache_folder() / MEASURED, tuple(able))
    return min(able, key=lambda engine: seconds[engine])


@functools.cache  # a folder that cannot be written would have each program measured
def _seconds(path: Path, engines: tuple[Engine, ...]) -> dict[str, float]:
    """Return the seconds of each engine, kept in a file; measure what is missing, in one process at a time."""
    kept = _kept_seconds(path)
    if all(engine in kept for engine in engines):
        return kept
    with ExitStack() as stack:
        with suppress(OSError):
            stack.enter_context(lock(path.with_suffix(".lock"), wait=True))
        kept = _kept_seconds(path)  # another process may have measured meanwhile
        if any(engine not in kept for engine in engines):
            kept = {**kept, **measured_seconds(engines)}
            keep_seconds(path.parent, kept)
    return kept


def _kept_seconds(path: Path) -> dict[str, float]:
    """Read the seconds of engines on this machine; nothing from another machine's or a damaged file."""
    with suppress(OSError, ValueError, KeyError, TypeError, AttributeError):
        found = json.loads(path.read_text(encoding="utf-8"))
        if found["machine"] == _machine():
            return {str(name): float(value) for name, value in found["seconds"].items()}
    return {}


def keep_seconds(cache: Path, seconds: Mapping[str, float]) -> None:
    """Keep the seconds of each engine on this machine in a folder of programs, if it can be written."""
    with suppress(OSError):
        write_json(cache / MEASURED, {"machine": _machine(), "seconds": dict(seconds)})


def _machine() -> str:
    """Name what the times depend on."""
    return f"{processor()} {paddle_version()} {FORM}"


def measured_seconds(engines: Sequence[Engine]) -> dict[str, float]:
    """Measure the released weights' program on one core with each engine: seconds per frame of 192 x 256."""
    log.info("measuring which of %s is fastest on this machine (once)", ", ".join(engines))
    rng = np.random.default_rng(0)
    planes = rng.uniform(-1, 1, (1, PLANES, *SIDES)).astype(np.float32)
    palettes = np.zeros((1, len(read_bins()) + 1), np.float32)
    run = functools.partial(run_program, planes=planes, palettes=palettes, temperature=TEMPERATURE)
    programs = {}
    for engine in engines:
        with program_for(engine=engine, temperature=TEMPERATURE) as folder:
            programs[engine] = open_program(folder, engine=engine, threads=1)
        run(programs[engine])
    seconds: dict[str, float] = {}
    for _ in range(ROUNDS):
        for engine, program in programs.items():
            began = time.perf_counter()
            run(program)
            taken = time.perf_counter() - began
            seconds[engine] = min(taken, seconds.get(engine, taken))
    return seconds
