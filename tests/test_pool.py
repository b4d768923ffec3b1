"""Who does the pieces: a pool whose workers may die, and a Dask cluster over a shared folder."""

import functools
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from films import packets, painting
from helpers import wait_for

from conversion import FilmOptions, color_film
from film.job import Piece
from film.pool import crew
from film.source import FilmError
from film.stages import Done

ROOT = Path(__file__).resolve().parent.parent
PIECES = [Piece(index, 0, index, 1) for index in range(12)]


def work(piece: Piece) -> Done:
    """Do nothing for a piece but say who did it."""
    return Done(piece, {"by": os.getpid()})


def die_at(piece: Piece, index: int) -> Done:
    if piece.index == index:
        os.kill(os.getpid(), signal.SIGKILL)
    return work(piece)


@pytest.mark.parametrize("workers", [1, 2])
def test_every_piece_is_done_once(workers: int) -> None:
    with crew(workers) as each:
        done = list(each(work, PIECES))
    assert sorted(one.piece.index for one in done) == list(range(12))
    assert (workers == 1) == (os.getpid() in {one.seconds["by"] for one in done})


def test_pieces_are_taken_only_when_wanted() -> None:
    taken = []

    def counted() -> Iterator[Piece]:
        for piece in PIECES * 10:
            taken.append(piece)
            yield piece

    with crew(2) as each:
        next(iter(each(functools.partial(rest, seconds=0.05), counted())))
        assert len(taken) <= 12


def rest(piece: Piece, seconds: float) -> Done:
    time.sleep(seconds)
    return work(piece)


def test_a_dead_worker_is_one_clear_error() -> None:
    with (
        crew(2) as each,
        pytest.raises(FilmError, match=r"a worker process died.*run the same command to continue"),
    ):
        list(each(functools.partial(die_at, index=5), PIECES))


def test_workers_stay_for_the_next_film() -> None:
    with crew(2) as each:
        first, second = ({one.seconds["by"] for one in each(work, PIECES)} for _ in range(2))
    assert len(first | second) <= 2


def test_a_dead_worker_does_not_stop_the_next_film() -> None:
    with crew(2) as each:
        with pytest.raises(FilmError, match="a worker process died"):
            list(each(functools.partial(die_at, index=5), PIECES))
        assert len(list(each(work, PIECES))) == len(PIECES)


def mark(piece: Piece, folder: Path) -> Done:
    """Fail at the first piece, take a while for the others and leave a mark."""
    if piece.index == 0:
        raise FilmError("cannot be painted")
    time.sleep(0.5)
    (folder / piece.name).touch()
    return work(piece)


def test_nothing_of_a_failed_film_goes_on_beside_the_next(tmp_path: Path) -> None:
    with crew(2) as each:
        with pytest.raises(FilmError, match="cannot be painted"):
            list(each(functools.partial(mark, folder=tmp_path), PIECES))
        left = set(tmp_path.iterdir())
        time.sleep(1.5)
        assert set(tmp_path.iterdir()) == left


def test_a_pool_ends_its_own_processes_only() -> None:
    other = multiprocessing.get_context("spawn").Process(target=time.sleep, args=(60,))
    other.start()
    try:
        with crew(2) as each:
            own = {one.seconds["by"] for one in each(work, PIECES)}
        assert other.is_alive()
        assert not any(Path(f"/proc/{pid:.0f}").exists() for pid in own)
    finally:
        other.kill()
        other.join()


@pytest.mark.parametrize("busy", [False, True])
def test_a_pool_ends_before_its_interpreter_and_says_nothing(tmp_path: Path, busy: bool) -> None:
    """Its thread used the pool's pipes until the very end, at times after they were closed."""
    code = (
        "import functools, sys, test_pool\n"
        "if __name__ == '__main__':\n"
        "    with test_pool.crew(2) as each:\n"
        "        done = each(functools.partial(test_pool.rest, seconds=0.2), test_pool.PIECES)\n"
        f"        [next(done)] if {busy} else list(done)\n"
        "    import threading, multiprocessing\n"
        "    assert threading.enumerate() == [threading.main_thread()], threading.enumerate()\n"
        "    assert not multiprocessing.active_children()\n"
    )
    script = tmp_path / "script.py"
    script.write_text(code)
    path = os.pathsep.join([str(ROOT), str(ROOT / "tests")])
    environment = {**os.environ, "PYTHONPATH": path}
    run = subprocess.run(
        [sys.executable, script], env=environment, capture_output=True, text=True, timeout=120
    )
    assert (run.returncode, run.stderr) == (0, "")


@pytest.mark.slow
def test_no_scheduler_is_one_clear_error() -> None:
    with (
        pytest.raises(FilmError, match=r"no Dask scheduler answers at tcp://127\.0\.0\.1:9"),
        crew(1, "tcp://127.0.0.1:9"),
    ):
        pass


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[tuple[str, list[subprocess.Popen[bytes]]]]:
    """Run a Dask scheduler and two worker processes; yield its address and the workers."""
    pytest.importorskip("distributed")
    path = os.pathsep.join([str(ROOT), str(ROOT / "tests")])
    environment = {
        **os.environ,
        "PYTHONPATH": path,
        "DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "3",
    }
    told = tmp_path / "scheduler.json"
    dask = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", "0",
            "--no-dashboard", "--scheduler-file", told]  # fmt: skip
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": tmp_path}
    running = [subprocess.Popen(dask, env=environment, **quiet)]  # type: ignore[call-overload]
    try:
        wait_for(told.exists)
        worker = [sys.executable, "-m", "distributed.cli.dask_worker", "--scheduler-file", told,
                  "--nthreads", "1", "--no-nanny", "--no-dashboard"]  # fmt: skip
        for _ in range(2):
            running.append(subprocess.Popen(worker, env=environment, **quiet))  # type: ignore[call-overload]
        from distributed import Client

        with Client(scheduler_file=str(told), timeout="60s") as client:  # type: ignore[no-untyped-call]
            client.wait_for_workers(2, timeout=60)
            address = client.scheduler.address
        yield address, running[1:]
    finally:
        for process in running:
            process.kill()
            process.wait()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")
def test_a_cluster_survives_the_loss_of_a_worker(
    cluster: tuple[str, list[subprocess.Popen[bytes]]],
    gray_film: Path,
    finished: Path,
    options: FilmOptions,
    tmp_path: Path,
) -> None:
    address, workers = cluster
    shots = functools.partial(tmp_path.glob, "cache/*/shots/*.mkv")

    def kill_one_in_the_middle() -> None:
        wait_for(lambda: list(shots()))
        workers[0].kill()

    blow = threading.Thread(target=kill_one_in_the_middle)
    blow.start()
    color_film(
        gray_film,
        tmp_path / "out.mkv",
        painting=painting(pause_s=1.0),
        options=replace(options, scheduler=address),
    )
    blow.join()
    assert workers[0].poll() is not None
    assert packets(tmp_path / "out.mkv") == packets(finished)
