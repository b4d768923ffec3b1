"""Opens and runs an inference program on the fastest engine, with a slower one as fallback.

Paddle is imported only when needed, after a command has checked what the machine supports.
"""

import filecmp
import functools
import hashlib
import logging
import os
import shutil
import tempfile
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias, get_args

import numpy as np

from color.arrays import Floats
from model.contract import Output
from model.paddle_import import (
    ALONE,
    has_exact_int8,
    import_inference,
    import_paddle,
    processor,
)
from runtime.standard_error import captured_stderr
from runtime.workers import cores

if TYPE_CHECKING:
    from paddle import inference

log = logging.getLogger(__name__)

Device: TypeAlias = Literal["auto", "cpu", "gpu"]
# auto: bf16 or fp32, whichever is faster; fastest: also int8, which changes colors a little (`model.engine_choice`).
Precision: TypeAlias = Literal["auto", "fastest", "fp32", "bf16", "int8"]
# "plain" runs without oneDNN: slow, but always available.
Engine: TypeAlias = Literal["plain", "fp32", "bf16", "int8", "gpu"]

# Files of a program without suffix: in Paddle's older format, and for int8, absent if the weights lose too much.
PROGRAM, INT8_PROGRAM = "program", "int8"
GPU_PROGRAM = "program.json"  # in the newer format
MODEL, PARAMETERS = ".pdmodel", ".pdiparams"
OPTIMIZED = "_optimized"  # named by Paddle
# oneDNN's concatenation cannot join planes of both precisions; of the other operators the choice does not matter.
BF16_OPERATORS = {
    "conv2d", "fused_conv2d", "depthwise_conv2d", "conv2d_transpose", "pool2d", "elementwise_add",
}  # fmt: skip
GPU_MEMORY_MB = 256  # allocated when a program is opened
# Exceptions that Paddle raises when an engine fails.
ENGINE_ERRORS = (RuntimeError, ValueError, NotImplementedError)


class Folder(Protocol):
    """Finds or makes the folder of a program; the folder may be removed after the block."""

    def __call__(
        self, *, output: Output = ..., engine: Engine, temperature: float
    ) -> AbstractContextManager[Path]:
        """Yield the folder of an output's program for an engine, in int8 for one temperature."""
        ...


class Program:
    """An inference program, kept open for many calls from any thread; falls back to the engine without oneDNN.

    engine, threads : what computes it
    others : the engine of its other outputs; default: the same
    temperature : of most calls; in int8 each temperature needs its own program, and only the last one is kept open
    """

    def __init__(
        self,
        folder: Folder,
        *,
        engine: Engine = "fp32",
        others: Engine | None = None,
        threads: int | None = None,
        temperature: float = 1.0,
    ) -> None:
        self.engine = engine
        self._temperature = temperature
        self._folder, self._threads = folder, threads
        self._others: dict[Output, Program] = {}
        self._settings: Any = {"engine": others or engine, "threads": threads}
        self._lock = threading.Lock()
        self._open()

    def __call__(self, planes: Floats, palettes: Floats, *, temperature: float) -> Floats:
        """Predict: `model.contract.Predictor`."""
        with self._lock:
            if self.engine == "int8" and temperature != self._temperature:
                self._temperature = temperature
                self._open()
            try:
                return run_program(self._predictor, planes, palettes, temperature=temperature)
            except ENGINE_ERRORS as error:
                self._fall_back(error)
                self._open()
            return run_program(self._predictor, planes, palettes, temperature=temperature)

    def giving(self, output: Output) -> "Program":
        """Return the program of another output of the same network; open it on first use."""
        with self._lock:
            if output not in self._others:
                folder = functools.partial(self._folder, output=output)
                self._others[output] = Program(folder, **self._settings)
            return self._others[output]

    def _open(self) -> None:
        temperature = self._temperature
        with self._folder(engine=self.engine, temperature=temperature) as folder:
            try:
                self._predictor = open_program(folder, engine=self.engine, threads=self._threads)
                return
            except ENGINE_ERRORS as error:
                self._fall_back(error)
        with self._folder(engine=self.engine, temperature=temperature) as folder:
            self._predictor = open_program(folder, engine=self.engine, threads=self._threads)

    def _fall_back(self, error: Exception) -> None:
        """Replace the engine by the one without oneDNN; raise the error if that one failed."""
        if self.engine == "plain":
            raise error
        first = (str(error).strip() or type(error).__name__).splitlines()[0]
        log.warning("%s failed (%s): continuing without it, more slowly", self.engine, first)
        self.engine = "plain"


def open_program(
    folder: Path, *, engine: Engine, threads: int | None = None
) -> "inference.Predictor":
    """Open a program; callers keep it open.

    oneDNN's optimized form of a program is kept beside it: made in half a second, it opens in a thirtieth.
    """
    assert engine in get_args(Engine), engine
    with ALONE:
        inference, config = import_inference(), _config(folder, engine, threads or cores())
        if engine in ("plain", "gpu"):
            return inference.create_predictor(config)
        kept = folder / f"{engine}-{_digest_of_processor()}"
        if kept.is_dir():
            with suppress(*ENGINE_ERRORS):
                predictor = _open_optimized(config, kept)
                if predictor.get_output_names():  # the end of a truncated program is missing
                    return predictor
            shutil.rmtree(kept, ignore_errors=True)  # damaged, as by a power cut
            config = _config(folder, engine, threads or cores())
        halves = _in_int8(folder, engine) and not has_exact_int8()
        with _keeping(kept, anywhere=halves) as part:
            if part:
                config.set_optim_cache_dir(str(part))
                config.enable_save_optim_model(True)
            with captured_stderr(log.debug):  # the optimization passes print messages
                predictor = inference.create_predictor(config)
            if part and halves:
                import_paddle()
                from model.older_format import halve_weights

                halve_weights(part / f"{OPTIMIZED}{MODEL}")
                predictor = _open_optimized(_config(folder, engine, threads or cores()), part)
            return predictor


def _open_optimized(config: "inference.Config", kept: Path) -> "inference.Predictor":
    config.set_optim_cache_dir(str(kept))
    config.use_optimized_model(True)
    return import_inference().create_predictor(config)


def _config(folder: Path, engine: Engine, threads: int) -> "inference.Config":
    inference = import_inference()
    newer = (folder / GPU_PROGRAM).is_file()
    int8 = _in_int8(folder, engine)
    name = INT8_PROGRAM if int8 else PROGRAM
    model = folder / (GPU_PROGRAM if newer else f"{name}{MODEL}")
    config = inference.AnalysisConfig(str(model), str(folder / f"{name}{PARAMETERS}"))
    config.disable_glog_info()
    config.set_cpu_math_library_num_threads(threads)
    if engine == "gpu":
        config.enable_use_gpu(GPU_MEMORY_MB, 0)
        return config
    config.disable_gpu()
    if not newer:
        config.enable_new_ir(False)
        # Planes share memory, which stays in the cache: at least a tenth faster. The newer format does not support it.
        config.enable_memory_optim()
    if engine == "plain":
        config.disable_mkldnn()
    else:
        config.enable_mkldnn()
    if engine == "bf16":
        config.enable_mkldnn_bfloat16()
        config.set_bfloat16_op(BF16_OPERATORS)
    if int8:
        config.enable_mkldnn_int8()
    return config


def _in_int8(folder: Path, engine: Engine) -> bool:
    return engine == "int8" and (folder / f"{INT8_PROGRAM}{MODEL}").is_file()


def _digest_of_processor() -> str:
    """Name the processor, on whose instructions an optimized program depends: a folder may be shared by machines."""
    return hashlib.sha256(processor().encode()).hexdigest()[:8]


@contextmanager
def _keeping(kept: Path, *, anywhere: bool) -> Iterator[Path | None]:
    """Yield a folder to save an optimized program to, which gets its name afterwards; None if none can be made.

    The program's parameters, which do not change, are one file with those beside it.
    anywhere : if none can be made there, yield one of the system's temporary folders, which does not get the name
    """
    part = None
    for folder in (kept.parent, None) if anywhere else (kept.parent,):
        with suppress(OSError):
            part = Path(tempfile.mkdtemp(prefix="part-", dir=folder))
            break
    try:
        yield part
        if part and part.parent == kept.parent:
            with suppress(OSError):  # the file system has no links
                _share_parameters(part / f"{OPTIMIZED}{PARAMETERS}")
            with suppress(OSError):  # another process finished first
                part.rename(kept)
    finally:
        if part:
            shutil.rmtree(part, ignore_errors=True)


def _share_parameters(copy: Path) -> None:
    for original in copy.parent.parent.glob(f"*{PARAMETERS}"):
        if filecmp.cmp(original, copy, shallow=False):
            linked = copy.with_name(f"{copy.name}.link")
            os.link(original, linked)
            linked.replace(copy)


def run_program(
    predictor: "inference.Predictor", planes: Floats, palettes: Floats, *, temperature: float
) -> Floats:
    """Run planes (N, 4, H, W) and palettes (N, Q + 1) through a program.

    temperature : of the annealed mean; an int8 program ignores it

    Returns the mean a, b and chroma of the distribution at each position, (N, 3, H/4, W/4), or the distribution,
    (N, Q, H/4, W/4), or the backbone's features, (N, C, H/16, W/16), or those of the classifier, flat (N, ...).
    """
    inputs = (planes, palettes, np.array([temperature], np.float32))
    given = dict(zip(("planes", "palette", "temperature"), inputs, strict=True))
    for name in predictor.get_input_names():
        predictor.get_input_handle(name)._copy_from_cpu_bind(
            np.ascontiguousarray(given[name], np.float32)
        )
    predictor.run()
    output: Floats = predictor.get_output_handle(predictor.get_output_names()[0]).copy_to_cpu()
    return output
