"""Import of Paddle, whole or only its inference part; capabilities of Paddle and of the processor."""

import ctypes
import os
import platform
import signal
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any

from runtime.extension import load_extension, package_folder

PACKAGES = ("paddlepaddle", "paddlepaddle-gpu")
METADATA = ".dist-info"  # how the name of a package's folder of metadata ends
HANDLED = (signal.SIGTERM, signal.SIGINT)
SIGACTION = 512  # bytes; more than the structure of any system
# Flags of /proc/cpuinfo; any of them is enough.
BF16_FLAGS = frozenset({"avx512_bf16", "amx_bf16"})
EXACT_INT8_FLAGS = frozenset({"avx512_vnni", "avx_vnni", "amx_int8"})
INT8_FLAGS = EXACT_INT8_FLAGS | {"avx2"}
LIBRARY = "paddle.base.libpaddle"  # name under which Paddle imports its compiled part

_LOADING = threading.Lock()
# Paddle cannot open two programs at once, and exporting one switches its mode for the whole process.
ALONE = threading.RLock()


def import_paddle() -> Any:
    """Import Paddle without its notices, unless GLOG_minloglevel asks for them, and without its signal handlers.

    The handlers would print a traceback to standard output when a process pool terminates a worker.
    """
    _set_defaults()
    new = "paddle" not in sys.modules
    with _own_signal_handlers(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "No ccache found", UserWarning)
        import paddle

        if new:
            paddle.disable_signal_handler()
        # If the compiled part was loaded alone before, Paddle does not find it as an attribute.
        paddle.base.libpaddle = sys.modules[LIBRARY]
    return paddle


def _set_defaults() -> None:
    """Set the environment variables that Paddle's libraries read as they are loaded, unless the user has set them.

    OpenMP's threads wait busily for the next operator for 1 ms; with its default of 200 ms, they take a core from what
    follows, as composition or the next batch's pictures (training on two cores: 16.8 instead of 15.5 pictures/s).
    """
    os.environ.setdefault("GLOG_minloglevel", "2")
    os.environ.setdefault("KMP_BLOCKTIME", "1")


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
    """
    return compiled_part() or import_paddle().base.libpaddle


def compiled_part() -> Any | None:
    """Return Paddle's compiled part, loaded without the rest; None if it cannot be, as that of the package for GPUs.

    A later import of Paddle finds it in `sys.modules`.
    """
    _set_defaults()
    with _LOADING:
        if LIBRARY not in sys.modules and not has_gpu_package() and (path := _library_path()):
            # Paddle sets this, too; each program sets its own number of threads.
            os.environ.setdefault("OMP_NUM_THREADS", "1")
            eager = sys.getdlopenflags()
            sys.setdlopenflags(os.RTLD_LAZY)  # a fifth faster
            try:
                library = load_extension(LIBRARY, path)
            finally:
                sys.setdlopenflags(eager)
            sys.modules[LIBRARY] = library
    return sys.modules.get(LIBRARY)


def _library_path() -> Path | None:
    """Find Paddle's compiled part; None if it cannot be loaded alone (on Windows, Paddle locates its libraries)."""
    paddle = package_folder("paddle")
    if platform.system() == "Windows" or paddle is None:
        return None
    path = paddle / "base" / "libpaddle.so"
    return path if path.is_file() else None


def paddle_version() -> str:
    """Return the installed version of Paddle without importing it."""
    versions = _installed()
    return next(iter(versions.values())) if versions else str(import_paddle().__version__)


def has_gpu_package() -> bool:
    """Return whether the installed Paddle is built for GPUs, without importing it (which takes seconds)."""
    return "paddlepaddle-gpu" in _installed()


@cache
def _installed() -> dict[str, str]:
    """Return the versions of the installed packages of Paddle, from the names of their folders of metadata if possible."""
    folder = package_folder("paddle")
    if folder is None:
        return {}
    found = {
        name: info.name.removesuffix(METADATA).rpartition("-")[2]
        for name in PACKAGES
        for info in folder.parent.glob(f"{name.replace('-', '_')}-*{METADATA}")
    }
    return found or _known_to_pip()


def _known_to_pip() -> dict[str, str]:
    import importlib.metadata  # imports the modules of e-mails, in a fiftieth of a second

    found = {}
    for name in PACKAGES:
        with suppress(importlib.metadata.PackageNotFoundError):
            found[name] = importlib.metadata.version(name)
    return found


def gpu_count() -> int:
    """Count the GPUs that this Paddle can use."""
    paddle = import_paddle()
    return int(paddle.device.cuda.device_count()) if paddle.is_compiled_with_cuda() else 0


def supported_precisions() -> tuple[str, ...]:
    """Name the precisions that the processor has instructions for; detected on Linux on x86 only, elsewhere fp32."""
    found = {"bf16": BF16_FLAGS, "int8": INT8_FLAGS}
    return ("fp32", *(name for name, needed in found.items() if _flags() & needed))


def has_exact_int8() -> bool:
    """Return whether products of 8-bit integers are added in 32 bits; AVX2 alone adds pairs of them in 16, which overflow."""
    return bool(_flags() & EXACT_INT8_FLAGS)


def _flags() -> set[str]:
    return set(_cpuinfo().get("flags", "").split())


def is_amd() -> bool:
    """Return whether the processor is made by AMD; detected on Linux only."""
    return _cpuinfo().get("vendor_id") == "AuthenticAMD"


def processor() -> str:
    """Return the processor's name."""
    return _cpuinfo().get("model name") or platform.processor() or platform.machine()


def _cpuinfo() -> dict[str, str]:
    """Return Linux's description of the first processor, empty elsewhere."""
    path = Path("/proc/cpuinfo")
    if not path.is_file():
        return {}
    first, _, _ = path.read_text(encoding="utf-8").partition("\n\n")
    lines = (line.partition(":") for line in first.splitlines())
    return {name.strip(): value.strip() for name, _, value in lines}


def uses_gpu(device: str) -> bool:
    """Return whether `device` selects a GPU here; then one process, with one network, does all the work.

    For Paddle's CPU package this returns False without the seconds of importing it.
    """
    return device != "cpu" and has_gpu_package() and gpu_count() > 0
