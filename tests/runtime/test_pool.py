"""A pool of processes: lost items, lost processes, and none that outlives its parent."""

import functools
import multiprocessing
import multiprocessing.connection
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from helpers import process_of, wait_for, wait_in

from runtime import pool
from runtime.files import whole_file
from runtime.pool import workers
from runtime.workers import WorkerError

ROOT = Path(__file__).resolve().parent.parent.parent


METHODS = ["spawn", "forkserver"] if sys.platform == "linux" else ["spawn"]


@pytest.fixture(params=METHODS, autouse=True)
def method(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Start the processes in both ways."""
    monkeypatch.setattr(pool, "_method", request.param)
    return str(request.param)


BEGIN = {"spawn": "pass", "forkserver": "t.pool.fork_from_server(['test_pool'])"}


def children_of(process: int) -> list[str]:
    """Return the process numbers of a process's own children, on Linux."""
    path = Path(f"/proc/{process}/task/{process}/children")
    return path.read_text().split() if path.exists() else []


def item_and_process(item: int) -> tuple[int, int]:
    return item, os.getpid()


def die_at(item: int, *, at: int) -> int:
    if item == at:
        os.kill(os.getpid(), signal.SIGKILL)
    return item


def write_until_let_go(folder: Path, item: int) -> int:
    with whole_file(folder / f"{item}.png") as part:
        part.touch()
        return wait_in(folder, item)


def write_beside_a_death(folder: Path, item: int) -> int:
    """Write 0.png; on the first try, item 1 kills its process in the middle of writing."""
    begun = folder / "begun"
    while item == 1 and not begun.exists():
        multiprocessing.connection.wait([], 0.01)
    if item == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    with whole_file(folder / "0.png") as part:
        part.touch()
        first = not begun.exists()
        begun.touch()
        while first:
            multiprocessing.connection.wait([], 0.01)
    return item


def fail_at_0(folder: Path, item: int) -> int:
    if item == 0:
        raise ValueError("cannot be colorized")
    return wait_in(folder, item)


@pytest.mark.parametrize("number", [1, 2])
def test_every_item_has_its_result_once_and_processes_stay_for_the_next_map(number: int) -> None:
    processes: set[int] = set()
    with workers(number) as run:
        for items in (range(12), range(12, 20)):
            results = list(run(item_and_process, items))
            assert sorted((item, of) for item, (of, _) in results) == [(i, i) for i in items]
            processes |= {process for _, (_, process) in results}
    assert len(processes) <= number
    assert (os.getpid() in processes) == (number == 1), "one worker is this process"


def test_processes_start_while_the_first_item_is_found() -> None:
    before = set(multiprocessing.active_children())

    def items() -> Iterator[int]:
        wait_for(lambda: len(set(multiprocessing.active_children()) - before) == 2)
        yield 0

    with workers(2) as run:
        assert [item for item, _ in run(process_of, items())] == [0]


def test_a_lost_process_is_one_clear_error_and_the_next_map_works() -> None:
    with workers(2) as run:
        with pytest.raises(
            WorkerError, match=r"a worker process died.*run the same command to con"
        ):
            list(run(functools.partial(die_at, at=5), range(12)))
        assert len(list(run(process_of, range(12)))) == 12


@pytest.mark.parametrize("at", [0, 11])
def test_an_item_that_kills_its_process_is_the_only_one_lost(at: int) -> None:
    with workers(2) as run:
        found = dict(run(functools.partial(die_at, at=at), range(12), lost=lambda item: -item - 1))
    assert found == {item: -item - 1 if item == at else item for item in range(12)}


def test_nothing_of_a_failed_map_goes_on_beside_the_next(tmp_path: Path) -> None:
    with workers(2) as run:
        with pytest.raises(ValueError, match="cannot be colorized"):
            list(run(functools.partial(fail_at_0, tmp_path), range(12)))
        (tmp_path / "go").touch()
        list(run(process_of, range(4)))  # gives a process that still runs time to finish its item
        assert not list(tmp_path.glob("* done"))


def test_a_map_that_ends_early_leaves_no_unfinished_file(tmp_path: Path) -> None:
    def items() -> Iterator[int]:
        yield 0
        while not (tmp_path / "0 begun").exists():
            multiprocessing.connection.wait([], 0.01)
        raise KeyboardInterrupt

    with workers(2) as run, pytest.raises(KeyboardInterrupt):
        list(run(functools.partial(write_until_let_go, tmp_path), items()))
    assert [path.name for path in tmp_path.iterdir()] == ["0 begun"]


def test_a_lost_process_leaves_no_unfinished_file_of_another(tmp_path: Path) -> None:
    with workers(2) as run:
        write = functools.partial(write_beside_a_death, tmp_path)
        assert dict(run(write, [0, 1], lost=lambda item: -item)) == {0: 0, 1: -1}
    assert {path.name for path in tmp_path.iterdir()} == {"begun", "0.png"}


def test_a_pool_ends_its_own_processes_only(tmp_path: Path) -> None:
    other = multiprocessing.get_context("spawn").Process(target=wait_in, args=(tmp_path, 0))
    other.start()
    try:
        with workers(2) as run:
            own = {process for _, process in run(process_of, range(9))}
        assert other.is_alive()
        assert not any(Path(f"/proc/{process}").exists() for process in own)
    finally:
        other.kill()
        other.join()


@pytest.mark.parametrize("busy", [False, True])
def test_a_pool_ends_before_its_interpreter_and_says_nothing(
    tmp_path: Path, busy: bool, method: str
) -> None:
    """Regression: its thread sometimes used the pool's pipes after they were closed."""
    code = (
        "import sys, test_pool as t\n"
        "if __name__ == '__main__':\n"
        f"    {BEGIN[method]}\n"
        "    with t.workers(2) as run:\n"
        "        done = run(t.process_of, range(12))\n"
        f"        [next(done)] if {busy} else list(done)\n"
        "    import threading, multiprocessing\n"
        "    assert threading.enumerate() == [threading.main_thread()], threading.enumerate()\n"
        "    assert not multiprocessing.active_children()\n"
    )
    script = tmp_path / "script.py"
    script.write_text(code)
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(Path(__file__).parent), str(ROOT / "tests")]),
    }
    command = [sys.executable, str(script)]
    run = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
    assert (run.returncode, run.stderr) == (0, "")


PARENT = """
import os, sys, test_pool as t
if __name__ == "__main__":
    {}
    with t.workers(2) as run:
        print(*{{process for _, process in run(t.process_of, range(9))}}, flush=True)
        sys.stdin.read()
"""


def variable(item: int) -> str | None:
    return os.environ.get(f"POOL_TEST_{item}")


def test_processes_have_the_environment_of_their_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """A film's command sets which ffmpeg its workers run, after the server of their forks has begun."""
    with workers(2) as run:
        assert dict(run(variable, [0, 1])) == {0: None, 1: None}
    monkeypatch.setenv("POOL_TEST_1", "set")
    with workers(2) as run:
        assert dict(run(variable, [0, 1])) == {0: None, 1: "set"}
        assert dict(run(os.getenv, pool._PATHS)) == {
            name: os.environ.get(name) for name in pool._PATHS
        }


def test_files_in_the_current_folder_are_not_imported(tmp_path: Path, method: str) -> None:
    """Regression: a user's main.py was run by the processes that colorize a film."""
    script, current = tmp_path / "parent.py", tmp_path / "current"
    script.write_text(PARENT.format(BEGIN[method]))
    current.mkdir()
    for name in ("test_pool", "helpers", "pickle", "random", "parent", "runtime"):
        (current / f"{name}.py").write_text("open('was_run', 'w')")
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(Path(__file__).parent), str(ROOT / "tests")]),
    }
    done = subprocess.run(
        [sys.executable, script],
        cwd=current, env=environment, input="", capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert not (current / "was_run").exists()


class _Interrupted(threading.Thread):
    """A thread at whose start Ctrl-C is pressed."""

    def start(self) -> None:
        signal.raise_signal(signal.SIGINT)
        super().start()


def test_ctrl_c_while_the_processes_begin_to_start_is_only_that(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Regression: "cannot join thread before it is started", once in 60 interrupts."""
    monkeypatch.setattr(pool, "threading", SimpleNamespace(**vars(threading)))
    monkeypatch.setattr(pool.threading, "Thread", _Interrupted)
    with pytest.raises(KeyboardInterrupt), workers(2) as run:
        list(run(os.getenv, ["HOME"]))


def test_no_process_outlives_a_killed_parent(tmp_path: Path, method: str) -> None:
    script = tmp_path / "parent.py"
    script.write_text(PARENT.format(BEGIN[method]))
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(Path(__file__).parent), str(ROOT / "tests")]),
    }
    pipe, command = subprocess.PIPE, [sys.executable, str(script)]
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, env=environment, text=True) as parent:
        assert parent.stdout is not None
        own = [int(word) for word in parent.stdout.readline().split()]
        own += [int(child) for child in children_of(parent.pid)]
        ends = [os.pidfd_open(process) for process in own]
        parent.kill()
    for end in ends:  # readable once the process has ended
        assert multiprocessing.connection.wait([end], 30)
        os.close(end)


@pytest.mark.skipif(sys.platform != "linux", reason="processes are forked from a server on Linux")
def test_ctrl_c_does_not_reach_the_server_while_it_imports() -> None:
    """Regression: it printed a traceback, as starting the tracker of resources had ended the block of interrupts."""
    code = (
        "from multiprocessing import forkserver; from pathlib import Path; from runtime import pool\n"
        "pool.fork_from_server(['json'])\n"
        "print(Path(f'/proc/{forkserver._forkserver._forkserver_pid}/status').read_text())"
    )
    told = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    blocked = next(line for line in told.stdout.splitlines() if line.startswith("SigBlk:"))
    assert int(blocked.split()[1], 16) & 1 << (signal.SIGINT - 1), told.stderr
