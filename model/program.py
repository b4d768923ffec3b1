"""Opens and runs an inference program on the fastest engine, with a slower one as fallback.

Paddle is imported only when needed, after a command has checked what the machine supports.
"""

import functools
import logging
import threading
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias, get_args

import numpy as np

from color.arrays import Floats
from model.contract import Output
from model.paddle_import import ALONE, import_inference
from runtime.standard_error import captured_stderr
from runtime.workers import cores

if TYPE_CHECKING:
    from paddle import inference

log = logging.getLogger(__name__)

Device: TypeAlias = Literal["auto", "cpu", "gpu"]
# auto: bf16 or fp32, whichever is faster; fastest: also int8, which takes a quarter of a second longer to open
# (`model.engine_choice`).
Precision: TypeAlias = Literal["auto", "fastest", "fp32", "bf16", "int8"]
# "plain" runs without oneDNN: slow, but always available.
Engine: TypeAlias = Literal["plain", "fp32", "bf16", "int8", "gpu"]

INT8_PROGRAM = "program.pdmodel"  # absent if the weights lose too much in int8
GPU_MEMORY_MB = 256  # allocated when a program is opened
# Exceptions that Paddle raises when an engine fails.
ENGINE_ERRORS = (RuntimeError, ValueError, NotImplementedError)


class Folder(Protocol):
    """Finds or makes the folder of a program; the folder may be removed after the block."""

    def __call__(
        self, *, output: Output = ..., int8: bool, temperature: float
    ) -> AbstractContextManager[Path]:
        """Yield the folder of an output's program, for int8 at one temperature or for the other engines."""
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
        int8, temperature = self.engine == "int8", self._temperature
        with self._folder(int8=int8, temperature=temperature) as folder:
            try:
                self._predictor = open_program(folder, engine=self.engine, threads=self._threads)
                return
            except ENGINE_ERRORS as error:
                self._fall_back(error)
        with self._folder(int8=False, temperature=temperature) as folder:
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
    """Open a program, which takes up to two seconds; callers keep it open."""
    assert engine in get_args(Engine), engine
    with ALONE:
        return _opened(folder, engine, threads or cores())


def _opened(folder: Path, engine: Engine, threads: int) -> "inference.Predictor":
    inference = import_inference()
    int8 = engine == "int8" and (folder / INT8_PROGRAM).is_file()
    config = inference.AnalysisConfig(
        str(folder / (INT8_PROGRAM if int8 else "program.json")),
        str(folder / "program.pdiparams"),
    )
    config.disable_glog_info()
    config.set_cpu_math_library_num_threads(threads)
    if engine == "gpu":
        config.enable_use_gpu(GPU_MEMORY_MB, 0)
        return inference.create_predictor(config)
    config.disable_gpu()
    if engine == "plain":
        config.disable_mkldnn()
    else:
        config.enable_mkldnn()
    if engine == "bf16":
        config.enable_mkldnn_bfloat16()
    if int8:
        config.enable_new_ir(False)
        config.enable_mkldnn_int8()
        # Planes share memory, which stays in the cache: at least a tenth faster. The newer format does not support it.
        config.enable_memory_optim()
        with captured_stderr(log.debug):  # the optimization passes print messages
            return inference.create_predictor(config)
    return inference.create_predictor(config)


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
