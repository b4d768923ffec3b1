"""Ctrl-C is quiet at any moment: one line, exit code 130, no traceback of this process or of its workers."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from helpers import wait_for

from runtime.interrupts import (
    ignore_interrupts,
    interrupts_blocked,
    interrupts_delayed,
    interrupts_raised,
    stops_handled,
)
from runtime.startup import INTERRUPTED, STOPPED

ROOT = Path(__file__).resolve().parent.parent.parent
SAMPLES = ROOT / "data" / "samples"
BEGIN = "import os, signal, sys; from runtime.interrupts import *; from runtime.startup import *; quit_on_interrupt(); "
INTERRUPT = "os.kill(os.getpid(), signal.SIGINT); "


def run(code: str) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, "-c", code]
    return subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=60)


def test_an_interrupt_during_the_work_is_raised_and_after_it_ignored() -> None:
    work = f"\ntry:\n with interrupts_raised(): {INTERRUPT}\nexcept KeyboardInterrupt: print('raised')\n"
    done = run(BEGIN + work + INTERRUPT + "print('after')")
    assert (done.returncode, done.stdout, done.stderr) == (0, "raised\nafter\n", "")


def test_an_interrupt_waits_for_the_end_of_an_import(tmp_path: Path) -> None:
    """C code of NumPy, interrupted in its import, prints a traceback."""
    (tmp_path / "slow.py").write_text(
        "import os, signal, time\nos.kill(os.getpid(), signal.SIGINT)\ntime.sleep(0.1)\n"
    )
    work = f"\nsys.path.append({str(tmp_path)!r})\ndef work(): import slow; print('imported'); time.sleep(9)\n"
    begin = BEGIN + "import time; from runtime.console import exit_code; "
    begun_s = time.monotonic()
    done = run(f"{begin}{work}sys.exit(exit_code('colorize', work))\n")
    assert time.monotonic() - begun_s < 5
    assert (done.returncode, done.stdout, done.stderr) == (
        INTERRUPTED,
        "imported\n",
        f"{STOPPED}\n",
    )


def test_a_caller_of_the_command_keeps_its_own_handler() -> None:
    before = signal.getsignal(signal.SIGINT)
    with interrupts_raised():
        assert signal.getsignal(signal.SIGINT) is before
    assert signal.getsignal(signal.SIGINT) is before


def test_a_stop_is_handled_in_the_block_only() -> None:
    received: list[str] = []
    before = [signal.getsignal(name) for name in (signal.SIGINT, signal.SIGTERM)]
    with stops_handled(lambda *_: received.append("stop")):
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGTERM)
    assert received == ["stop", "stop"]
    assert [signal.getsignal(name) for name in (signal.SIGINT, signal.SIGTERM)] == before


def test_ctrl_c_while_workers_start_waits_until_they_have() -> None:
    """An executor that has half started could not be shut down."""
    reached = []

    @interrupts_delayed()
    def interrupted() -> None:
        os.kill(os.getpid(), signal.SIGINT)
        reached.append("end")

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert reached == ["end"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_process_that_is_started_in_the_block_is_not_interrupted_before_it_ignores_it() -> None:
    code = "import sys; sys.stdout.write('up'); sys.stdout.flush(); sys.stdin.read()"
    pipe = subprocess.PIPE
    with interrupts_blocked():
        started = subprocess.Popen(
            [sys.executable, "-c", code], stdin=pipe, stdout=pipe, stderr=pipe
        )
    started.send_signal(signal.SIGINT)  # as the interpreter starts
    assert started.stdout is not None
    assert started.stdout.read(2) == b"up"
    _, errors = started.communicate(b"")
    assert (started.returncode, errors) == (0, b"")
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, [])


def test_a_worker_s_own_children_receive_interrupts_again() -> None:
    before = signal.getsignal(signal.SIGINT)
    try:
        with interrupts_blocked():
            ignore_interrupts()
            assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, [])
            assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


# Run by Python before the command: makes a file as soon as the command handles Ctrl-C.
TELLS_WHEN_HANDLED = """
import os, signal
set_handler = signal.signal
def told(number, handler):
    before = set_handler(number, handler)
    if number == signal.SIGINT:
        open(os.environ["BEGUN"], "w").close()
    return before
signal.signal = told
"""


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("kind", ["film", "photos"])
def test_ctrl_c_is_quiet_at_any_of_thirty_moments(tmp_path: Path, kind: str) -> None:
    """As a terminal sends it: to all processes of the command. While Python itself starts, nobody can be quiet."""
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(TELLS_WHEN_HANDLED)
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "site")}
    for name in (f"{number}.jpg" for number in range(12)):
        (tmp_path / name).write_bytes((SAMPLES / "chelsea.jpg").read_bytes())
    words = {
        "film": ["-movie_in", SAMPLES / "film.mp4", "-workers", "2"],
        "photos": ["-img_in", tmp_path, "-threads", "2"],
    }[kind]
    if kind == "film":
        words += ["-cache", tmp_path / "cache"]
    interrupted = 0
    for number in range(30):
        out = tmp_path / f"out{number}" / ("out.mp4" if kind == "film" else "")
        argv = [
            sys.executable,
            ROOT / "main.py",
            *words,
            "-save",
            f"{out}{os.sep if kind == 'photos' else ''}",
        ]
        process = subprocess.Popen(
            list(map(str, argv)), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            start_new_session=True, env={**environment, "BEGUN": str(begun := tmp_path / f"begun{number}")},
        )  # fmt: skip
        wait_for(begun.exists)
        moment_s = number * 0.15
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(moment_s)
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGINT)
        _, errors = process.communicate(timeout=120)
        assert process.returncode in {0, 130}, (moment_s, errors)
        assert "Traceback" not in errors, (moment_s, errors)
        assert "Fatal" not in errors, (moment_s, errors)
        assert "Exception" not in errors, (moment_s, errors)
        if process.returncode == 130:
            assert errors.splitlines()[-1] == STOPPED, (moment_s, errors)
            interrupted += 1
    assert interrupted > 5
