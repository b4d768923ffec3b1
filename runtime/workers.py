"""One map over items, in this process, a pool of processes or a Dask cluster: results as they finish."""

import logging
import multiprocessing
import os
import pickle
import signal
import tempfile
import threading
import warnings
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing, contextmanager
from functools import lru_cache, partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Protocol, TypeVar

from runtime.files import discard_in_progress

T = TypeVar("T")
R = TypeVar("R")

PER_WORKER = 3  # items submitted at a time: none waits for the next, and endless items stay in bounded memory
REPORT_S = 0.5  # between two looks at what the processes have reported
DASK = f"PYTHONPATH={Path(__file__).resolve().parent.parent} dask"
CANNOT_IMPORT = (
    "the Dask cluster cannot import this program: start its scheduler and workers where it lies"
)
RETRIES = 1  # of an item that fails on a Dask worker: its machine may be the reason


class WorkerError(ValueError):
    """Workers that cannot be had or were lost, and what to do about it."""


class Wait:
    """Stands among items for one that is only known when another is done."""


class Map(Protocol):
    """Applies a picklable function to items; takes the next only when a worker is free for it soon."""

    def __call__(
        self,
        function: Callable[[T], R],
        items: Iterable[T | Wait],
        *,
        lost: Callable[[T], R] | None = None,
        advance: Callable[[int], object] | None = None,
    ) -> Iterator[tuple[T, R]]:
        """Yield (item, result) as they finish; an exception of the function ends it.

        items : after a `Wait` they are asked for the next one when a result has been yielded; with none due, it is the end
        lost : what to yield for an item whose process died; without it WorkerError is raised
        advance : gets what the function reports of its item, see `report`; it is taken back when the item is done
        """
        ...


@contextmanager
def workers(
    number: int = 1,
    *,
    scheduler: str = "",
    start: Callable[[], object] | None = None,
    prepare: Callable[[], object] | None = None,
    packages: Sequence[Path] = (),
) -> Iterator[Map]:
    """Yield a map over the Dask cluster at ``scheduler``, ``number`` processes, or, for one, this process.

    It may be used again and again, one use at a time; its processes are started with the first one.
    start : sets up each process of a pool; quick, and sure not to fail
    prepare : what each process of a pool can do while the first items come
    packages : folders of Python files that a cluster's workers may lack
    """
    if scheduler:
        with _cluster(scheduler, packages) as cluster:
            yield cluster
    elif number > 1:
        with closing(_Pool(number, start, prepare)) as pool:
            yield pool
    else:
        yield _serial


def cores() -> int:
    """Count the processor cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def once(factory: Callable[[], T]) -> T:
    """Return what a picklable factory builds: built once in each process, and kept until another is asked for."""
    built: T = _built(pickle.dumps(factory))
    return built


@lru_cache(maxsize=1)
def _built(factory: bytes) -> Any:
    return pickle.loads(factory)()


def report(count: int = 1) -> None:
    """Report, inside the function that is mapped, that so much of its item is done."""
    _reported(count)


def _ignore(count: int) -> None:
    """Drop a report: nobody asked for it, or no way leads to who did."""


_reported: Callable[[int], object] = _ignore


@contextmanager
def _reporting(to: Callable[[int], object]) -> Iterator[None]:
    """Send the reports of an item; when it is done, its result stands for them, so they are taken back."""
    global _reported
    total = 0

    def add(count: int) -> None:
        nonlocal total
        total += count
        to(count)

    before, _reported = _reported, add
    try:
        yield
    finally:
        _reported = before
        if total:
            to(-total)


def _serial(
    function: Callable[[T], R],
    items: Iterable[T | Wait],
    *,
    lost: Callable[[T], R] | None = None,
    advance: Callable[[int], object] | None = None,
) -> Iterator[tuple[T, R]]:
    for item in items:
        if isinstance(item, Wait):
            return  # all are done
        with _reporting(advance or _ignore):
            result = function(item)
        yield item, result


class _Pool:
    """Processes on this machine; none of them outlives this one, however it ends."""

    def __init__(
        self,
        number: int,
        start: Callable[[], object] | None,
        prepare: Callable[[], object] | None,
    ) -> None:
        self.number, self.start, self.prepare = number, start, prepare
        self._executor: ProcessPoolExecutor | None = None
        self._lifeline: Connection | None = None  # while it is open, the processes go on
        self._reports: Connection | None = None

    def __call__(
        self,
        function: Callable[[T], R],
        items: Iterable[T | Wait],
        *,
        lost: Callable[[T], R] | None = None,
        advance: Callable[[int], object] | None = None,
    ) -> Iterator[tuple[T, R]]:
        call = partial(_called, function, reporting=advance is not None)
        suspects: list[T] = []  # one of these ended its process
        whole = False
        try:
            submit, limit = partial(self._submit, call), PER_WORKER * self.number
            for item, future in _in_flight(submit, items, limit, partial(self._pass_on, advance)):
                try:
                    yield item, future.result()
                except BrokenProcessPool as error:
                    if lost is None:
                        raise WorkerError(
                            "a worker process died (out of memory?); run the same command to "
                            f"continue, with fewer than {self.number} of them if it happens again"
                        ) from error
                    suspects.append(item)
            for item in suspects:
                yield item, self._alone(call, item, lost)  # type: ignore[arg-type]
            whole = True
        finally:
            if not whole:  # nothing of these items may go on beside the next ones
                self.close()

    def _submit(self, call: Callable[[T], R], item: T) -> Future[R]:
        if self._executor:
            try:
                return self._executor.submit(call, item)
            except BrokenProcessPool:
                self.close()
        return self._started().submit(call, item)

    def _alone(self, call: Callable[[T], R], item: T, lost: Callable[[T], R]) -> R:
        """Map one item with no other beside it, so that a process that dies is its own doing."""
        try:
            return self._submit(call, item).result()
        except BrokenProcessPool:
            self.close()
            return lost(item)

    def _started(self) -> ProcessPoolExecutor:
        # Spawned, not forked: a fork copies the locks that threads of Paddle and OpenCV hold, and hangs.
        context = multiprocessing.get_context("spawn")
        workers_end, self._lifeline = context.Pipe(duplex=False)
        self._reports, write_reports = context.Pipe(duplex=False)
        self._executor = ProcessPoolExecutor(
            self.number,
            context,
            initializer=_start_process,
            initargs=(workers_end, write_reports, self.start),
        )
        # All processes start here: CPython 3.11 notices the death of one that is started with a later item
        # only when another item is done. What fails in `prepare` fails again with its item.
        for _ in range(self.number):
            self._executor.submit(self.prepare or _nothing)
        return self._executor

    def _pass_on(self, advance: Callable[[int], object] | None) -> None:
        """Hand what the processes have reported to who asked for it."""
        while self._reports and self._reports.poll():
            count = int.from_bytes(self._reports.recv_bytes(), "big", signed=True)
            if advance:
                advance(count)

    def close(self) -> None:
        """End the processes, whatever they are doing: what is unfinished does not have its name yet."""
        if self._executor and self._lifeline and self._reports:
            self._lifeline.close()
            self._executor.shutdown(cancel_futures=True)  # waits: its thread must not outlive it
            self._reports.close()
            self._executor = self._lifeline = self._reports = None


def _nothing() -> None:
    """Start a process, and no more."""


def _called(function: Callable[[T], R], item: T, *, reporting: bool) -> R:
    with _reporting(_report_to_parent if reporting else _ignore):
        return function(item)


_write_reports: Connection | None = None  # of a process of a pool


def _report_to_parent(count: int) -> None:
    """Write a report: so few bytes are written as one, without a lock that a killed process could keep."""
    if _write_reports:
        _write_reports.send_bytes(count.to_bytes(8, "big", signed=True))


def _start_process(
    lifeline: Connection, write_reports: Connection, start: Callable[[], object] | None
) -> None:
    """Leave Ctrl-C to the parent, and end with it even if it is killed; speak through results and errors only."""
    global _write_reports
    _write_reports = write_reports
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _end)  # sent by the pool when another of its processes died
    warnings.simplefilter("ignore")
    logging.disable(logging.INFO)
    threading.Thread(target=_follow_parent, args=(lifeline,), daemon=True).start()
    if start:
        start()


def _follow_parent(lifeline: Connection) -> None:
    """End this process, whatever it is doing, when the parent lets go of its end of the pipe, or dies."""
    lifeline.poll(None)
    _end()


def _end(*_: object) -> None:
    """End this process at once, without the file it is writing: that may lie among the user's own."""
    try:
        discard_in_progress()
    finally:
        os._exit(1)


def _in_flight(
    submit: Callable[[T], Future[R]],
    items: Iterable[T | Wait],
    limit: int,
    look: Callable[[], object],
) -> Iterator[tuple[T, Future[R]]]:
    """Keep at most `limit` items submitted; yield each with its finished future. `look` is called in between."""
    pending: dict[Future[R], T] = {}

    def finished(*, leave: int) -> Iterator[tuple[T, Future[R]]]:
        """Yield what is finished, and wait until only so many are not."""
        while pending:
            timeout_s = 0 if len(pending) <= leave else REPORT_S
            done = wait(pending, timeout_s, return_when=FIRST_COMPLETED).done
            look()
            for future in done:
                yield pending.pop(future), future
            if len(pending) <= leave:
                return

    for item in items:
        if not isinstance(item, Wait):
            pending[submit(item)] = item
            yield from finished(leave=limit - 1)
        elif pending:
            yield from finished(leave=len(pending) - 1)
        else:
            return
    yield from finished(leave=0)


@contextmanager
def _cluster(address: str, packages: Sequence[Path]) -> Iterator[Map]:
    """Connect to a Dask cluster whose workers see the same files under the same paths."""
    try:
        from distributed import Client, KilledWorker
    except ImportError as error:
        raise WorkerError(
            "-scheduler needs Dask; install it with: pip install -r requirements-cluster.txt"
        ) from error
    try:
        client = Client(address, timeout="10s", set_as_default=False)  # type: ignore[no-untyped-call]
    except (OSError, ValueError) as error:
        raise WorkerError(
            f"no Dask scheduler answers at {address}; start one with: {DASK} scheduler"
        ) from error

    def cluster(
        function: Callable[[T], R],
        items: Iterable[T | Wait],
        *,
        lost: Callable[[T], R] | None = None,
        advance: Callable[[int], object] | None = None,
    ) -> Iterator[tuple[T, R]]:
        threads = sum(client.nthreads().values())  # type: ignore[no-untyped-call]
        if not threads:
            raise WorkerError(
                f"the Dask cluster has no workers; start some with: {DASK} worker ADDRESS --nthreads 1"
            )
        executor = client.get_executor(pure=False, retries=RETRIES)  # type: ignore[no-untyped-call]
        try:
            submit: Callable[[T], Future[R]] = partial(executor.submit, function)
            for item, future in _in_flight(submit, items, PER_WORKER * threads, lambda: None):
                try:
                    yield item, future.result()
                except KilledWorker as error:
                    if lost is None:
                        raise WorkerError(f"the cluster gave up an item: {error}") from error
                    yield item, lost(item)
                except (ImportError, RuntimeError) as error:
                    if isinstance(error, ImportError) or "deserialization" in str(error):
                        raise WorkerError(f"{CANNOT_IMPORT} ({DASK} ...)") from error
                    raise
        finally:
            executor.shutdown(wait=False)  # cancels what is left when it ends early

    with client:
        if packages:
            _upload(client, packages)
        yield cluster


def _upload(client: Any, packages: Sequence[Path]) -> None:
    """Give all workers, also later ones, these packages: they then need only what these require."""
    with tempfile.TemporaryDirectory() as folder:
        archive = Path(folder) / "packages.zip"
        with zipfile.ZipFile(archive, "w") as file:
            for package in packages:
                for path in sorted(package.glob("*.py")):
                    file.write(path, f"{package.name}/{path.name}")
        client.upload_file(str(archive))
