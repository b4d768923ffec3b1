"""A map over items, whoever does the work: what it is, what workers report, how items stay in flight.

The maps of other processes are in `runtime.pool`, which chooses one, and in `runtime.cluster`.
"""

import os
import pickle
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, Protocol, TypeVar

T = TypeVar("T")
R = TypeVar("R")

PER_WORKER = 3  # items submitted at a time: none waits for the next, and endless items stay in bounded memory
REPORT_S = 0.5  # between two looks at what the processes have reported


class WorkerError(ValueError):
    """Workers could not be started or were lost; the message says what to do."""


class Wait:
    """Takes the place of an item that is only known when another is done."""


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

        items : after a `Wait`, the next one is asked for when a result has been yielded; if none is due, the map ends
        lost : what to yield for an item whose process died; without it WorkerError is raised
        advance : gets what the function reports of its item, see `report`; it is taken back when the item is done
        """
        ...


def report(count: int = 1) -> None:
    """Report, inside the function that is mapped, that so much of its item is done."""
    _reported(count)


def ignore(count: int) -> None:
    """Drop a report: nobody asked for it, or it cannot reach who did."""


_reported: Callable[[int], object] = ignore


@contextmanager
def reporting(to: Callable[[int], object]) -> Iterator[None]:
    """Send the reports of an item; when it is done, its result counts instead, so they are taken back."""
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


def serial(
    function: Callable[[T], R],
    items: Iterable[T | Wait],
    *,
    lost: Callable[[T], R] | None = None,
    advance: Callable[[int], object] | None = None,
) -> Iterator[tuple[T, R]]:
    """Apply a function to items in this process: a `Map`, of which nothing is ever lost."""
    for item in items:
        if isinstance(item, Wait):
            return  # all are done
        with reporting(advance or ignore):
            result = function(item)
        yield item, result
