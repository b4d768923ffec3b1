"""Import of Paddle, whole or only its inference part; capabilities of Paddle and of the processor."""

import ctypes
import importlib.metadata
import importlib.util
import os
import platform
import signal
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.machinery import ExtensionFileLoader
from pathlib import Path
from typing import Any

PACKAGES = ("paddlepaddle", "paddlepaddle-gpu")
HANDLED = (signal.SIGTERM, signal.SIGINT)
SIGACTION = 512  # bytes; more than the structure of any system
LIBRARY = "paddle.base.libpaddle"  # name under which Paddle imports its compiled part

_LOADING = threading.Lock()


def import_paddle() -> Any:
    """Import Paddle without its notices, unless GLOG_minloglevel asks for them, and without its signal handlers.

    The handlers would print a traceback to standard output when a process pool terminates a worker.
    """
    os.environ.setdefault("GLOG_minloglevel", "2")
    new = "paddle" not in sys.modules
    with _own_signal_handlers(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "No ccache found", UserWarning)
        import paddle

        if new:
            paddle.disable_signal_handler()
    return paddle


@contextmanager
def _own_signal_handlers() -> Iterator[None]:
    """Restore what SIGTERM and Ctrl-C do after the block, also in a thread, where Python cannot set handlers.

    Paddle replaces them, and resets them to end the process when its own are disabled.
    """
    if sys.platform == "win32":
        yield
        return
    libc = ctypes.CDLL(None)
    kept = [(number, ctypes.create_string_buffer(SIGACTION)) for number in HANDLED]
    for number, action in kept:
        libc.sigaction(number, None, action)
    try:
        yield
    finally:
        for number, action in kept:
            libc.sigaction(number, action, None)


def import_inference() -> Any:
    """Return the module with `AnalysisConfig` and `create_predictor`: Paddle's compiled part.

    Training and setuptools take three quarters of Paddle's import time, so on a CPU the compiled part is loaded alone.
    A later import of Paddle finds it in `sys.modules`.
    """
    os.environ.setdefault("GLOG_minloglevel", "2")
    with _LOADING:
        if LIBRARY not in sys.modules and not has_gpu_package() and (path := _library_path()):
            # Paddle sets this, too; each program sets its own number of threads.
            os.environ.setdefault("OMP_NUM_THREADS", "1")
            loader = ExtensionFileLoader(LIBRARY, str(path))
            spec = importlib.util.spec_from_file_location(LIBRARY, path, loader=loader)
            assert spec is not None, path
            library = importlib.util.module_from_spec(spec)
            loader.exec_module(library)
            sys.modules[LIBRARY] = library
    return sys.modules.get(LIBRARY) or import_paddle().base.libpaddle


def _library_path() -> Path | None:
    """Find Paddle's compiled part; None if it cannot be loaded alone (on Windows, Paddle locates its libraries)."""
    spec = importlib.util.find_spec("paddle")
    if platform.system() == "Windows" or spec is None or not spec.submodule_search_locations:
        return None
    path = Path(spec.submodule_search_locations[0], "base", "libpaddle.so")
    return path if path.is_file() else None


def paddle_version() -> str:
    """Return the installed version of Paddle without importing it."""
    for package in PACKAGES:
        try:
            return importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return str(import_paddle().__version__)


def has_gpu_package() -> bool:
    """Return whether the installed Paddle is built for GPUs, without importing it (which takes seconds)."""
    try:
        return bool(importlib.metadata.version("paddlepaddle-gpu"))
    except importlib.metadata.PackageNotFoundError:
        return False


def gpu_count() -> int:
    """Count the GPUs that this Paddle can use."""
    paddle = import_paddle()
    return int(paddle.device.cuda.device_count()) if paddle.is_compiled_with_cuda() else 0


def is_amd() -> bool:
    """Return whether the processor is made by AMD."""
    return "AuthenticAMD" in _processor()


def has_bf16() -> bool:
    """Return whether the processor multiplies in bfloat16; detected on Linux on x86 only, elsewhere False."""
    processor = _processor()
    return "avx512_bf16" in processor or "amx_bf16" in processor


def faster_in_bf16() -> bool:
    """Return whether the processor is faster in bfloat16 than in fp32.

    AMD processors from Zen 4 on are nearly twice as fast. Intel processors need AMX: with AVX-512 alone, a Xeon of 2023
    took 1.4 times as long as in fp32.
    """
    return has_bf16() and (is_amd() or "amx_bf16" in _processor())


def faster_in_int8() -> bool:
    """Return whether int8 is fastest on this processor: with AVX-512 VNNI it is twice as fast as fp32."""
    return "avx512_vnni" in _processor() and not faster_in_bf16()


def _processor() -> str:
    """Return Linux's description of the processor; elsewhere its name and vendor."""
    path = Path("/proc/cpuinfo")
    return path.read_text(encoding="utf-8") if path.is_file() else platform.processor()


def uses_gpu(device: str) -> bool:
    """Return whether `device` selects a GPU here; then one process, with one network, does all the work.

    For Paddle's CPU package this returns False without the seconds of importing it.
    """
    return device != "cpu" and has_gpu_package() and gpu_count() > 0
