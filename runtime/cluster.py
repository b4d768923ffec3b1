"""A map on a Dask cluster whose workers see the same files under the same paths."""

import tempfile
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from runtime.workers import PER_WORKER, Map, Wait, WorkerError, in_flight

T = TypeVar("T")
R = TypeVar("R")

DASK = f"PYTHONPATH={Path(__file__).resolve().parent.parent} dask"
CANNOT_IMPORT = (
    "the Dask cluster cannot import this program: start its scheduler and workers with its path"
)
RETRIES = 1  # of an item that fails on a Dask worker, possibly because of its machine


@contextmanager
def cluster_map(address: str, packages: Sequence[Path]) -> Iterator[Map]:
    """Connect to a Dask cluster whose workers see the same files under the same paths."""
    try:
        from distributed import Client, KilledWorker
    except ImportError as error:
        raise WorkerError(
            "-scheduler requires Dask; install it with: pip install -r requirements-cluster.txt"
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
        pending: dict[Future[R], Any] = {}

        # Dask's own executor confuses a result with an exception when the worker that has it is lost meanwhile.
        def submit(item: T) -> Future[R]:
            own: Future[R] = Future()
            pending[own] = client.submit(function, item, pure=False, retries=RETRIES)
            pending[own].add_done_callback(partial(_pass_on, own))
            return own

        try:
            for item, future in in_flight(submit, items, PER_WORKER * threads, lambda: None):
                del pending[future]  # the cluster may forget its result
                try:
                    yield item, future.result()
                except KilledWorker as error:
                    if lost is None:
                        raise WorkerError(
                            f"the cluster lost its workers on an item ({error}); run again to continue"
                        ) from error
                    yield item, lost(item)
                except (ImportError, RuntimeError) as error:
                    if isinstance(error, ImportError) or "deserialization" in str(error):
                        raise WorkerError(f"{CANNOT_IMPORT} ({DASK} ...)") from error
                    raise
        finally:
            client.cancel([*pending.values()])  # type: ignore[no-untyped-call]

    with client:
        if packages:
            _upload(client, packages)
        yield cluster


def _pass_on(own: Future[Any], dask_future: Any) -> None:
    """Give a future the outcome of Dask's; if its result is lost with a worker, Dask computes it again."""
    if dask_future.cancelled():
        return
    error = dask_future.exception()
    if error is None:
        own.set_result(dask_future.result())
    else:
        own.set_exception(error)


def _upload(client: Any, packages: Sequence[Path]) -> None:
    """Upload packages to all current and later workers, which then need only the packages' dependencies."""
    with tempfile.TemporaryDirectory() as folder:
        archive = Path(folder) / "packages.zip"
        with zipfile.ZipFile(archive, "w") as file:
            for package in packages:
                for path in sorted(package.glob("*.py")):
                    file.write(path, f"{package.name}/{path.name}")
        client.upload_file(str(archive))
