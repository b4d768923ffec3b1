"""Many pictures, many hands: the same tasks in this process, in a pool, or on a Dask cluster."""

import importlib
import logging
import multiprocessing
import os
import signal
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import cv2

from prior.pictures import PictureError

T = TypeVar("T")
R = TypeVar("R")
Tasks = Iterable[tuple[int, T]]
Results = Iterator[tuple[int, R]]

IN_FLIGHT = 3  # tasks per worker: none waits for work, and an endless list stays in bounded memory
PACKAGE = Path(__file__).resolve().parent

log = logging.getLogger(__name__)


def cores() -> int:
    """Count the processor cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def exit_code(work: Callable[[], int]) -> int:
    """Do a command's work; a user's mistake becomes one line and 1, an interruption 130."""
    logging.basicConfig(format="%(message)s", level=logging.INFO)
    try:
        return work()
    except PictureError as error:
        log.error("error: %s", error)
    except OSError as error:
        log.error("error: %s: %s", error.filename or "this machine", error.strerror or error)
    except KeyboardInterrupt:
        log.error("interrupted: run the same command to continue")
        return 130
    return 1


def run_tasks(function: Callable[[T], R], tasks: Tasks[T], *, processes: int) -> Results[R]:
    """Yield (number, function(task)) as they finish, from a pool of single-threaded processes."""
    if processes <= 1:
        yield from ((number, function(task)) for number, task in tasks)
        return
    context = multiprocessing.get_context("spawn")  # forking beside OpenCV's threads may hang
    pool = ProcessPoolExecutor(processes, mp_context=context, initializer=_prepare_worker)
    waiting = iter(tasks)
    running: dict[Future[R], int] = {}
    try:
        while True:
            for number, task in islice(waiting, IN_FLIGHT * processes - len(running)):
                running[pool.submit(function, task)] = number
            if not running:
                return
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                yield running.pop(future), future.result()
    except BrokenProcessPool as error:
        raise PictureError(
            "a worker process was killed (out of memory?): run the same command to continue, "
            "perhaps with fewer -processes"
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


def run_on_cluster(function: Callable[[T], R], tasks: Tasks[T], *, scheduler: str) -> Results[R]:
    """Yield (number, function(task)) as they finish on a Dask cluster that sees the same files.

    Every result comes exactly once: tasks of a worker that dies are done again by another.
    """
    try:
        distributed: Any = importlib.import_module("distributed")  # optional, and slow to import
    except ImportError as error:
        raise PictureError("-scheduler needs: pip install -r requirements-cluster.txt") from error
    try:
        client = distributed.Client(scheduler, timeout="10s", set_as_default=False)
    except (OSError, ValueError) as error:
        raise PictureError(f"no Dask scheduler answers at {scheduler}") from error
    with client:
        _ship_package(client)
        waiting = iter(tasks)
        numbers: dict[Any, int] = {}

        def submit(count: int) -> list[Any]:
            futures = []
            for number, task in islice(waiting, count):
                futures.append(client.submit(function, task, pure=False))
                numbers[futures[-1].key] = number
            return futures

        hands = max(1, sum(client.nthreads().values()))
        running = distributed.as_completed(submit(IN_FLIGHT * hands), loop=client.loop)
        try:
            for future in running:
                yield numbers.pop(future.key), future.result()
                running.update(submit(1))
        except distributed.KilledWorker as error:
            raise PictureError(f"the cluster gave up a task: {error}") from error


def _prepare_worker() -> None:
    """One thread each; Ctrl-C is the parent's to handle."""
    cv2.setNumThreads(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _ship_package(client: Any) -> None:
    """Give all workers, also later ones, this package: they need only its requirements."""
    with tempfile.TemporaryDirectory() as folder:
        archive = Path(folder) / "prior.zip"
        with zipfile.ZipFile(archive, "w") as file:
            for path in sorted(PACKAGE.glob("*.py")):
                file.write(path, f"{PACKAGE.name}/{path.name}")
        client.upload_file(str(archive))


def add_source_options(add: Callable[..., Any], *, default: list[Path], shown: str) -> None:
    """Give a script's parser, through its add_argument, the pictures to read and the processes."""
    text = f"folders or .tar files of pictures (default: {shown})"
    add("-data", "--data", nargs="+", type=Path, default=default, metavar="PATH", help=text)
    text = "default: all cores, here %(default)s"
    add("-processes", "--processes", type=int, default=cores(), metavar="N", help=text)
