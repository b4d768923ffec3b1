"""Who does the pieces: processes on this machine, or a Dask cluster that shares the job's folder."""

import logging
import multiprocessing
import os
import signal
import threading
import warnings
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing, contextmanager
from multiprocessing.connection import Connection
from typing import Any

from film.job import Piece
from film.source import FilmError
from film.stages import Done

Work = Callable[[Piece], Done]
Each = Callable[[Work, Iterable[Piece]], Iterator[Done]]
"""Does the work for each piece, in any order; takes a new piece only when one is wanted, so that little is in work."""

AHEAD = 2  # pieces split and waiting, for each worker, so that none waits for the decoder


@contextmanager
def crew(
    workers: int, scheduler: str = "", *, prepare: Callable[[], None] | None = None
) -> Iterator[Each]:
    """Lend the workers: the Dask cluster at ``scheduler``, a pool of processes, or, for one, this process.

    They stay for several films; what is lent does one at a time.
    prepare : what each process of a pool can do before the first piece is there
    """
    if scheduler:
        with cluster(scheduler) as each:
            yield each
    elif workers > 1:
        with closing(Pool(workers, prepare)) as pool:
            yield pool
    else:
        yield map


class Pool:
    """Processes on this machine, started with the first work; none of them outlives this one, however it ends."""

    def __init__(self, workers: int, prepare: Callable[[], None] | None = None) -> None:
        self.workers, self.prepare = workers, prepare
        self._executor: ProcessPoolExecutor | None = None
        self._lifeline: Connection | None = None  # while it is open, the processes go on

    def __call__(self, work: Work, pieces: Iterable[Piece]) -> Iterator[Done]:
        """Do the work for each piece; raise FilmError when a process dies.

        Wherever it ends early, nothing of this film goes on beside the next one.
        """
        executor = self._executor or self._started()
        whole = False
        try:
            yield from _in_flight(lambda piece: executor.submit(work, piece), pieces, self.workers)
            whole = True
        except BrokenProcessPool as error:
            raise FilmError(
                "a worker process died (out of memory?); run the same command to continue, "
                f"with fewer than {self.workers} -workers if it happens again"
            ) from error
        finally:
            if not whole:
                self.close()

    def _started(self) -> ProcessPoolExecutor:
        # Spawned, not forked: a fork copies the threads' locks of libraries already at work here.
        context = multiprocessing.get_context("spawn")
        held_by_workers, self._lifeline = context.Pipe(duplex=False)
        executor = ProcessPoolExecutor(
            self.workers, context, initializer=_obey_parent, initargs=(held_by_workers,)
        )
        self._executor = executor
        for _ in range(self.workers if self.prepare else 0):
            executor.submit(self.prepare)  # type: ignore[arg-type]  # what fails here fails with its piece
        return executor

    def close(self) -> None:
        """End the processes, whatever they are doing: what is unfinished is not under its own name yet."""
        if self._executor and self._lifeline:
            self._lifeline.close()
            self._executor.shutdown(cancel_futures=True)  # waits: its thread must not outlive it
            self._executor = self._lifeline = None


def _obey_parent(lifeline: Connection) -> None:
    """Leave Ctrl-C to the parent, and end with it even if it is killed; speak through results and errors only."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    warnings.simplefilter("ignore")
    logging.disable(logging.INFO)
    logging.getLogger("film").setLevel(
        logging.ERROR
    )  # the parent decodes each frame, too, and warns
    threading.Thread(target=_follow_parent, args=(lifeline,), daemon=True).start()


def _follow_parent(lifeline: Connection) -> None:
    """End this process, whatever it is doing, when the parent lets go of its end of the pipe, or dies."""
    lifeline.poll(None)
    os._exit(1)


def _in_flight(
    submit: Callable[[Piece], Future[Done]], pieces: Iterable[Piece], workers: int
) -> Iterator[Done]:
    pending: set[Future[Done]] = set()
    for piece in pieces:
        pending.add(submit(piece))
        while len(pending) >= workers * (1 + AHEAD):
            finished, pending = wait(pending, return_when=FIRST_COMPLETED)
            yield from (future.result() for future in finished)
        finished = {future for future in pending if future.done()}
        pending -= finished
        yield from (future.result() for future in finished)
    while pending:
        finished, pending = wait(pending, return_when=FIRST_COMPLETED)
        yield from (future.result() for future in finished)


@contextmanager
def cluster(address: str) -> Iterator[Each]:
    """Lend a Dask cluster whose workers see the film and the cache under the same paths."""
    try:
        from distributed import Client
    except ImportError as error:
        raise FilmError(
            "-scheduler needs Dask; install it with: pip install -r requirements-cluster.txt"
        ) from error
    try:
        client = Client(address, timeout="10s")  # type: ignore[no-untyped-call]
    except (OSError, ValueError) as error:
        raise FilmError(
            f"no Dask scheduler answers at {address}; start one with: dask scheduler"
        ) from error
    with client:
        yield lambda work, pieces: _on_cluster(client, work, pieces)


def _on_cluster(client: Any, work: Work, pieces: Iterable[Piece]) -> Iterator[Done]:
    """Hand out pieces; one whose worker is lost goes to another."""
    workers = sum(client.nthreads().values())
    if not workers:
        raise FilmError(
            "the Dask cluster has no workers; start some with: dask worker ADDRESS --nthreads 1"
        )
    executor = client.get_executor(pure=False, retries=1)
    try:
        yield from _in_flight(lambda piece: executor.submit(work, piece), pieces, workers)
    finally:
        executor.shutdown(wait=False)  # cancels what is left of a film that failed
