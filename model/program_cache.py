"""The user's cache of inference programs: each is exported on first use, and removed after long disuse.

Paddle is imported only if a program is missing.
"""

import hashlib
import logging
import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from model.contract import Output
from model.paddle_import import ALONE, import_paddle, paddle_version
from model.program import Engine
from model.weights_file import RELEASED
from prior.qspace import BINS_PATH, read_bins
from runtime.places import user_cache

log = logging.getLogger(__name__)

FORM = 12  # version of the programs of `model.export`; a change invalidates all cached programs
# What each kind of program computes, as users are told.
PURPOSES: dict[Output, str] = {
    "means": "colors", "distribution": "likely colors", "features": "references", "classifier": "objects",
}  # fmt: skip
CACHE_VARIABLE = "COLORIZER_CACHE"

PROGRAM_NAME = re.compile(r"[0-9a-f]{24}(-[a-z]+)?")
PART_NAME = re.compile(r"part-\w{8}")  # temporary folder in which a program is made
ABANDONED_S = 24 * 3600.0  # age of a temporary folder after which it is abandoned
UNUSED_S = 90 * 24 * 3600.0  # time since last use after which a program is removed
LARGEST_BYTES = 1_000_000_000  # total size of all programs


def cache_folder() -> Path:
    """Return the user's folder of inference programs; COLORIZER_CACHE overrides the default."""
    if chosen := os.environ.get(CACHE_VARIABLE):
        return Path(chosen)
    return user_cache()


@contextmanager
def program_for(
    weights: Path = RELEASED,
    *,
    bins: Path = BINS_PATH,
    output: Output = "means",
    engine: Engine = "fp32",
    temperature: float = 1.0,
) -> Iterator[Path]:
    """Yield the folder with the program of a weights file; export it if it is missing.

    output : what the program returns: see `model.export`
    engine : what will run it; int8 and a GPU have programs that no other engine can run, int8 only of means
    temperature : of the int8 program, which has it built in; other programs take it with each call

    Processes may run this concurrently: each works in its own folder, and the first to finish wins. Threads wait for
    each other. If the cache cannot be read or written, the program is removed after the block.
    """
    if engine == "int8" and output != "means":
        engine = "fp32"
    kind = {"int8": f" int8 {temperature}", "gpu": " gpu"}.get(engine, "")
    name = _name_of(weights, bins, kind)
    folder = cache_folder() / (name if output == "means" else f"{name}-{output}")
    with ExitStack() as stack:
        with ALONE:
            if not _is_readable(folder):
                work = _work_folder(folder.parent)
                stack.callback(shutil.rmtree, work, ignore_errors=True)
                log.info("preparing %s for this machine: %s (once)", weights.name, PURPOSES[output])
                import_paddle()
                from model.export import export

                export(
                    weights, work, bins=read_bins(bins), output=output,
                    engine=engine, temperature=temperature,
                )  # fmt: skip
                with suppress(OSError):  # another process finished first, or the cache is read-only
                    work.rename(folder)
                if _is_readable(folder):
                    sweep(folder.parent, kept=folder)
        with suppress(OSError):
            os.utime(folder)  # time of last use
        yield folder if _is_readable(folder) else work


def _is_readable(folder: Path) -> bool:
    """Return whether a folder is there, in a cache that may be read."""
    return os.access(folder, os.R_OK | os.X_OK) and folder.is_dir()


def sweep(cache: Path, *, kept: Path) -> None:
    """Remove leftovers of killed runs, programs unused for 90 days, and beyond 1 GB the least recently used.

    This also removes programs of earlier versions, which are never used again. `kept` and other files are not touched.
    """
    now, total = time.time(), 0
    for used, size, folder in _by_last_use(cache, first=kept):
        if PART_NAME.fullmatch(folder.name):
            stale = now - used > ABANDONED_S
        else:
            total += size
            stale = now - used > UNUSED_S or total > LARGEST_BYTES
        if stale and folder != kept:
            log.debug("removing %s", folder)
            shutil.rmtree(folder, ignore_errors=True)


def _by_last_use(cache: Path, *, first: Path) -> list[tuple[float, int, Path]]:
    """List the program folders in a cache as (time of last use in s, bytes, folder), `first` and then latest first."""
    found = []
    for folder in cache.iterdir():
        if PROGRAM_NAME.fullmatch(folder.name) or PART_NAME.fullmatch(folder.name):
            with suppress(OSError):  # another process may sweep concurrently
                size = sum(path.stat().st_size for path in folder.rglob("*"))
                found.append((folder.stat().st_mtime, size, folder))
    return sorted(found, key=lambda one: (one[2] != first, -one[0]))


def _name_of(weights: Path, bins: Path, kind: str) -> str:
    """Derive the name of a program from everything that it depends on."""
    key = hashlib.sha256(bins.read_bytes())
    key.update(f"{_digest_of(weights)} {FORM} {paddle_version()}{kind}".encode())
    return key.hexdigest()[:24]


def _digest_of(weights: Path) -> str:
    """Hash the whole file (milliseconds): a changed file must not use a cached program, whatever sha256 it states."""
    with weights.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _work_folder(cache: Path) -> Path:
    """Make a temporary folder beside the final one, or in the system's temporary folder if that fails."""
    try:
        cache.mkdir(parents=True, exist_ok=True)
        return Path(tempfile.mkdtemp(prefix="part-", dir=cache))
    except OSError as error:
        log.warning("cannot write to %s (%s): preparing again next time", cache, error.strerror)
        return Path(tempfile.mkdtemp(prefix="colorizer-"))
