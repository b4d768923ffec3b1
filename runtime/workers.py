"""One map over items, in this process, a pool of processes or a Dask cluster: results as they finish."""

import os
import pickle
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

from runtime.cluster import cluster_map
from runtime.mapping import Map, Wait, ignore, reporting
from runtime.pool import Pool

T = TypeVar("T")
R = TypeVar("R")


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
        with cluster_map(scheduler, packages) as cluster:
            yield cluster
    elif number > 1:
        with closing(Pool(number, start, prepare)) as pool:
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
        with reporting(advance or ignore):
            result = function(item)
        yield item, result
