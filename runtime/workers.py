"""The interface of a map over items, the workers' progress reports, and the queue of submitted items.

Maps that use other processes are in `runtime.pool`, which chooses one, and in `runtime.cluster`.
"""

import multiprocessing
import os
import pickle
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, Protocol, TypeVar

T = TypeVar("T")
R = TypeVar("R")

_BUILDING = threading.RLock()
PER_WORKER = 3  # items submitted at a time: keeps workers busy and bounds memory for endless items
REPORT_S = 0.5  # seconds between two checks for reports from the processes


class WorkerError(ValueError):
    """Workers could not be started or were lost; the message says what to do."""


class Wait:
    """Placeholder: the next item depends on a pending result."""


class Map(Protocol):
    """Applies a picklable function to items, which it consumes only as workers become free."""

    def __call__(
        self,
        function: Callable[[T], R],
        items: Iterable[T | Wait],
        *,
        lost: Callable[[T], R] | None = None,
        advance: Callable[[int], object] | None = None,
    ) -> Iterator[tuple[T, R]]:
        """Yield (item, result) as they finish; an exception in the function ends the map.

        items : after a `Wait`, the next item is requested once a result has been yielded; if none is pending, the
            map ends
        lost : returns the result for an item whose process died; without it WorkerError is raised
        advance : receives the function's reports for its item, see `report`, subtracted again when the item is done
        """
        ...


def report(count: int = 1) -> None:
    """Report, from inside the mapped function, progress on its item."""
    _reported(count)


def ignore(count: int) -> None:
    """Discard a report: the default reporter."""


_reported: Callable[[int], object] = ignore


@contextmanager
def reporting(to: Callable[[int], object]) -> Iterator[None]:
    """Forward an item's reports; subtract them when it is done, since its result counts instead."""
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


def in_flight(
    submit: Callable[[T], Future[R]],
    items: Iterable[T | Wait],
    limit: int,
    look: Callable[[], object],
) -> Iterator[tuple[T, Future[R]]]:
    """Keep at most `limit` items submitted; yield each with its finished future. `look` is called between waits."""
    pending: dict[Future[R], T] = {}

    def finished(*, leave: int) -> Iterator[tuple[T, Future[R]]]:
        """Yield finished items, waiting until at most `leave` are unfinished."""
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


def cores() -> int:
    """Count the processor cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def own_cores() -> int:
    """Count the cores that this process has for itself: one in a pool of processes, else all."""
    return 1 if multiprocessing.parent_process() else cores()


def together(first: Callable[[], T], second: Callable[[], R]) -> tuple[T, R]:
    """Call two functions that release the GIL, side by side if this process has two cores; return both results."""
    if own_cores() < 2:
        return first(), second()
    pending = _thread().submit(first)
    done = second()
    return pending.result(), done


def ahead(function: Callable[[], object]) -> None:
    """Begin a call whose effect is needed later, beside the next ones if this process has two cores; else skip it.

    An error in it is left to the call that needs its effect.
    """
    if own_cores() > 1:
        _thread().submit(function)


@lru_cache(maxsize=1)
def _thread() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(1, thread_name_prefix="together")


def once(factory: Callable[[], T]) -> T:
    """Return what a picklable factory builds, cached in each process until another factory is used."""
    with _BUILDING:  # threads wait for what is being built
        built: T = _built(pickle.dumps(factory))
    return built


@lru_cache(maxsize=1)
def _built(factory: bytes) -> Any:
    return pickle.loads(factory)()


def serial(
    function: Callable[[T], R],
    items: Iterable[T | Wait],
    *,
    lost: Callable[[T], R] | None = None,
    advance: Callable[[int], object] | None = None,
) -> Iterator[tuple[T, R]]:
    """Apply a function to items in this process: a `Map` that never loses an item."""
    for item in items:
        if isinstance(item, Wait):
            return  # no result is pending
        with reporting(advance or ignore):
            result = function(item)
        yield item, result
