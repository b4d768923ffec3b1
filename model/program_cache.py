"""The user's cache of inference programs: each is made on first use, and swept when it has not been used for long.

Nothing here imports Paddle while a program is there already.
"""

import hashlib
import logging
import os
import re
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from model.contract import Output
from model.options import ColorOptions, RunOptions, temperature_of
from model.paddle_import import import_paddle, paddle_version
from model.program import choose_engine
from model.weights_file import RELEASED
from prior.qspace import BINS_PATH, read_bins
from runtime.places import user_cache

log = logging.getLogger(__name__)

_MAKING = threading.Lock()
FORM = 10  # of the program, as `model.export` makes it; a change there makes every cached one stale
CACHE_VARIABLE = "COLORIZER_CACHE"

PROGRAM_NAME = re.compile(r"[0-9a-f]{24}(-[a-z]+)?")
PART_NAME = re.compile(r"part-\w{8}")  # of a folder in which a program is made
ABANDONED_S = 24 * 3600.0  # age of such a folder from which on its run counts as killed
UNUSED_S = 90 * 24 * 3600.0  # time without use after which a program is swept
LARGEST_BYTES = 1_000_000_000  # of all programs together


def cache_folder() -> Path:
    """Name the user's folder of inference programs; COLORIZER_CACHE overrides the usual place."""
    if chosen := os.environ.get(CACHE_VARIABLE):
        return Path(chosen)
    return user_cache()


@contextmanager
def program_for(
    weights: Path = RELEASED,
    *,
    bins: Path = BINS_PATH,
    output: Output = "means",
    int8: bool = False,
    temperature: float = 1.0,
) -> Iterator[Path]:
    """Yield the folder with the program of a weights file, made now if it is not there yet.

    output : what the program gives: see `model.export`
    int8 : the program for that engine, which no other can run; of means only, other outputs are the same for all
    temperature : of the program for int8, which has it in its weights; all others take it with each call

    Two processes may do so at once: each works in a folder of its own, the first to finish wins. Threads take turns.
    A program that cannot be kept, because the cache is read-only, is removed after the block.
    """
    int8 = int8 and output == "means"
    kind = f" int8 {temperature}" if int8 else ""
    name = _name_of(weights, bins, kind)
    folder = cache_folder() / (name if output == "means" else f"{name}-{output}")
    with ExitStack() as stack:
        with _MAKING:  # Paddle's mode while it makes one is the whole process's
            if not folder.is_dir():
                work = _work_folder(folder.parent)
                stack.callback(shutil.rmtree, work, ignore_errors=True)
                log.info("preparing %s for this machine (once)", weights.name)
                import_paddle()
                from model.export import export

                export(
                    weights, work, bins=read_bins(bins), output=output,
                    int8=int8, temperature=temperature,
                )  # fmt: skip
                with suppress(OSError):  # another process was faster, or the cache is read-only
                    work.rename(folder)
                if folder.is_dir():
                    sweep(folder.parent, kept=folder)
        with suppress(OSError):
            os.utime(folder)  # the time of its last use
        yield folder if folder.is_dir() else work


def prepare(
    run: RunOptions, color: ColorOptions, *, distributes: bool = False, refers: bool = False
) -> None:
    """Make the inference programs that a run needs and this machine lacks, before many processes want them at once.

    distributes, refers : also those that give the distribution, and the features that references are matched by
    """
    int8 = choose_engine(run.device, run.precision) == "int8"
    outputs: dict[Output, bool] = {"means": True, "distribution": distributes, "features": refers}
    for output in (output for output, needed in outputs.items() if needed):
        weights = run.weights or RELEASED
        with program_for(weights, output=output, int8=int8, temperature=temperature_of(color)):
            pass


def sweep(cache: Path, *, kept: Path) -> None:
    """Remove from a cache what killed runs left, programs unused for 90 days, and the longest unused beyond 1 GB.

    Programs of earlier versions end so: nothing uses them again. Other files and folders stay, and so does `kept`.
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
    """List this program's folders in a cache, each with the time (s) of its last use and its bytes, the latest first."""
    found = []
    for folder in cache.iterdir():
        if PROGRAM_NAME.fullmatch(folder.name) or PART_NAME.fullmatch(folder.name):
            with suppress(OSError):  # another process sweeps, too
                size = sum(path.stat().st_size for path in folder.iterdir())
                found.append((folder.stat().st_mtime, size, folder))
    return sorted(found, key=lambda one: (one[2] != first, -one[0]))


def _name_of(weights: Path, bins: Path, kind: str) -> str:
    """Name the program of a weights file after all that it depends on."""
    key = hashlib.sha256(bins.read_bytes())
    key.update(f"{_digest_of(weights)} {FORM} {paddle_version()}{kind}".encode())
    return key.hexdigest()[:24]


def _digest_of(weights: Path) -> str:
    """Hash the whole file, in milliseconds: one whose numbers were changed has no program, whatever sha256 it names."""
    with weights.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _work_folder(cache: Path) -> Path:
    """Make a folder to work in beside the final one, or where temporary files go."""
    try:
        cache.mkdir(parents=True, exist_ok=True)
        return Path(tempfile.mkdtemp(prefix="part-", dir=cache))
    except OSError as error:
        log.warning("%s cannot be written (%s): preparing again next time", cache, error.strerror)
        return Path(tempfile.mkdtemp(prefix="colorizer-"))
