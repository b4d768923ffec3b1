"""Starts workers: processes on this machine, none of which outlives this one, a Dask cluster, or this process."""

import logging
import multiprocessing
import os
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing, contextmanager, suppress
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, TypeVar

from runtime.cluster import cluster_map
from runtime.files import discard_in_progress
from runtime.interrupts import ignore_interrupts, interrupts_blocked, interrupts_delayed
from runtime.workers import (
    PER_WORKER,
    Map,
    Wait,
    WorkerError,
    cores,
    ignore,
    in_flight,
    reporting,
    serial,
)

T = TypeVar("T")
R = TypeVar("R")

# A fork of this process would copy locks held by threads of Paddle and OpenCV, and hang.
_method = "spawn"
_PATHS = ("PYTHONPATH", "PYTHONSAFEPATH")


def fork_from_server(modules: Sequence[str]) -> None:
    """Begin to import modules in another process, from which pool processes are forked, while this one goes on.

    They start half a second sooner, and share memory. That process must run no thread, see `one_blas_thread`, so that
    its forks copy no held lock. On Linux only, and not on a single core, where one process does all.
    """
    global _method
    if sys.platform != "linux" or cores() < 2:
        return
    from multiprocessing import forkserver, resource_tracker

    with _importing_as_here():
        multiprocessing.set_forkserver_preload(list(modules))
        resource_tracker.ensure_running()  # which ends a block of interrupts
        with interrupts_delayed(), interrupts_blocked():
            forkserver.ensure_running()
        _method = "forkserver"


@contextmanager
def _importing_as_here() -> Iterator[None]:
    """Let Python processes that start in the block import from this one's folders, and not first from the current one.

    By default they do, as they start with a line of code: a file of the user's, such as main.py, would be run.
    """
    own = dict(zip(_PATHS, (os.pathsep.join(filter(None, sys.path)), "1"), strict=True))
    before = {name: value for name, value in os.environ.items() if name in own}
    os.environ.update(own)
    try:
        yield
    finally:
        for name in own:
            del os.environ[name]
        os.environ.update(before)


@contextmanager
def workers(
    number: int = 1,
    *,
    scheduler: str = "",
    start: Callable[[], object] | None = None,
    prepare: Callable[[], object] | None = None,
    packages: Sequence[Path] = (),
) -> Iterator[Map]:
    """Yield a map over the Dask cluster at ``scheduler``, ``number`` processes or, if that is 1, this process.

    It can be used repeatedly, once at a time; its processes start at the first use.
    start : sets up each pool process; must be quick and must not fail
    prepare : run in each pool process while the first items arrive
    packages : folders of Python files that a cluster's workers may lack
    """
    if scheduler:
        with cluster_map(scheduler, packages) as cluster:
            yield cluster
    elif number > 1:
        with closing(Pool(number, start, prepare)) as pool:
            yield pool
    else:
        yield serial


class Pool:
    """Processes on this machine, none of which outlives this one, however it ends."""

    def __init__(
        self,
        number: int,
        start: Callable[[], object] | None,
        prepare: Callable[[], object] | None,
    ) -> None:
        self.number, self.start, self.prepare = number, start, prepare
        self._executor: ProcessPoolExecutor | None = None
        self._lifeline: Connection | None = None  # the processes run while it is open
        self._reports: Connection | None = None
        self._starting = threading.Lock()
        self._starter: threading.Thread | None = None

    def __call__(
        self,
        function: Callable[[T], R],
        items: Iterable[T | Wait],
        *,
        lost: Callable[[T], R] | None = None,
        advance: Callable[[int], object] | None = None,
    ) -> Iterator[tuple[T, R]]:
        call = partial(_called, function, reports=advance is not None)
        suspects: list[T] = []  # one of these killed its process
        whole = False
        try:
            self._start_ahead()
            submit, limit = partial(self._submit, call), PER_WORKER * self.number
            for item, future in in_flight(submit, items, limit, partial(self._pass_on, advance)):
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
            if not whole:  # these items must not keep running beside the next ones
                self.close()

    def _submit(self, call: Callable[[T], R], item: T) -> Future[R]:
        if self._executor:
            try:
                return self._executor.submit(call, item)
            except BrokenProcessPool:
                self.close()
        return self._started().submit(call, item)

    def _alone(self, call: Callable[[T], R], item: T, lost: Callable[[T], R]) -> R:
        """Map one item alone, so that only it can be the cause if its process dies."""
        try:
            return self._submit(call, item).result()
        except BrokenProcessPool:
            self.close()
            return lost(item)

    def _start_ahead(self) -> None:
        """Start the processes, which then load their programs, while the first items are found."""

        def start() -> None:
            with suppress(OSError, EOFError, RuntimeError):  # which will recur with the first item
                self._started()

        if not self._executor:
            with interrupts_delayed():  # a thread that has half started cannot be joined
                self._starter = threading.Thread(target=start)
                self._starter.start()

    def _started(self) -> ProcessPoolExecutor:
        with self._starting:
            if not self._executor:
                self._executor = self._start()
            return self._executor

    def _start(self) -> ProcessPoolExecutor:
        environment = dict(os.environ)
        with _importing_as_here():
            return self._start_with(environment)

    def _start_with(self, environment: dict[str, str]) -> ProcessPoolExecutor:
        context: Any = multiprocessing.get_context(_method)
        workers_end, self._lifeline = context.Pipe(duplex=False)
        self._reports, write_reports = context.Pipe(duplex=False)
        executor = ProcessPoolExecutor(
            self.number,
            context,
            initializer=_start_process,
            initargs=(workers_end, write_reports, environment, self.start),
        )
        # All processes start here: CPython 3.11 notices the death of a process started with a later item
        # only when another item is done. A failure in `prepare` recurs with an item and is reported then.
        with interrupts_delayed(), interrupts_blocked():
            # An executor that has half started cannot be shut down.
            for _ in range(self.number):
                executor.submit(self.prepare or _nothing)
        return executor

    def _pass_on(self, advance: Callable[[int], object] | None) -> None:
        """Forward the processes' reports."""
        while self._reports and self._reports.poll():
            count = int.from_bytes(self._reports.recv_bytes(), "big", signed=True)
            if advance:
                advance(count)

    def close(self) -> None:
        """End the processes at once; unfinished files do not have their final names yet."""
        if self._starter:
            self._starter.join()
        if self._executor and self._lifeline and self._reports:
            self._lifeline.close()
            self._executor.shutdown(cancel_futures=True)  # waits: its thread must not outlive it
            self._reports.close()
            self._executor = self._lifeline = self._reports = None


def _nothing() -> None:
    """Do nothing, to start a process."""


def _called(function: Callable[[T], R], item: T, *, reports: bool) -> R:
    with reporting(_report_to_parent if reports else ignore):
        return function(item)


_write_reports: Connection | None = None  # set in a pool process


def _report_to_parent(count: int) -> None:
    """Send a report: 8 bytes are written atomically, without a lock that a killed process could hold."""
    if _write_reports:
        _write_reports.send_bytes(count.to_bytes(8, "big", signed=True))


def _start_process(
    lifeline: Connection,
    write_reports: Connection,
    environment: dict[str, str],
    start: Callable[[], object] | None,
) -> None:
    """Ignore Ctrl-C, follow the parent's end even if it is killed, and silence warnings and info messages.

    environment : the parent's, which may have changed since the server of forks began
    """
    global _write_reports
    for name in set(_PATHS) & os.environ.keys() - environment.keys():
        del os.environ[name]
    os.environ.update(environment)
    _write_reports = write_reports
    ignore_interrupts()
    signal.signal(signal.SIGTERM, _end)  # sent by the pool when another of its processes died
    warnings.simplefilter("ignore")
    logging.disable(logging.INFO)
    threading.Thread(target=_follow_parent, args=(lifeline,), daemon=True).start()
    if start:
        start()


def _follow_parent(lifeline: Connection) -> None:
    """End this process at once when the parent closes its end of the pipe or dies."""
    lifeline.poll(None)
    _end()


def _end(*_: object) -> None:
    """End this process at once, deleting its unfinished files, which may be in the user's folders."""
    try:
        discard_in_progress()
    finally:
        os._exit(1)
