"""The first and the last moment of a command."""

import subprocess
import sys
from pathlib import Path

import pytest

from runtime.startup import STOPPED

ROOT = Path(__file__).resolve().parent.parent.parent
BEGIN = "import os, signal, sys; from runtime.startup import *; "
INTERRUPT = "quit_on_interrupt(); os.kill(os.getpid(), signal.SIGINT); print('after')"


def test_an_interrupt_while_modules_are_imported_is_one_line() -> None:
    done = run(BEGIN + INTERRUPT)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", f"{STOPPED}\n")


def test_where_interrupts_are_ignored_they_stay_so() -> None:
    """As for a job that a shell runs in the background."""
    done = run(f"{BEGIN} signal.signal(signal.SIGINT, signal.SIG_IGN); {INTERRUPT}")
    assert (done.returncode, done.stdout, done.stderr) == (0, "after\n", "")


def test_a_process_leaves_with_its_code_after_what_was_registered() -> None:
    done = run(
        "import atexit, sys; from runtime.startup import leave; atexit.register(print, 'registered'); "
        "print('flushed', end=' '); print('told', file=sys.stderr); leave(3)"
    )
    assert (done.returncode, done.stdout, done.stderr) == (3, "flushed registered\n", "told\n")


def test_a_process_leaves_when_its_threads_are_done() -> None:
    """As the page's do, which may still write what is kept."""
    done = run(
        "import time; from concurrent.futures import ThreadPoolExecutor; from runtime.startup import leave; "
        "work = ThreadPoolExecutor(1).submit; [work(time.sleep, 0.1), work(print, 'written')]; leave(0)"
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "written\n", "")


@pytest.mark.parametrize("closed", ["stdout", "stderr"])
def test_a_closed_stream_is_no_error(closed: str) -> None:
    done = run(
        f"import sys; sys.{closed} = None; from runtime.console import exit_code; "
        "from runtime.startup import leave; leave(exit_code('x', lambda: 3))"
    )
    assert (done.returncode, done.stdout, done.stderr) == (3, "", "")


def test_a_closed_standard_error_is_no_file_s_number(tmp_path: Path) -> None:
    code = (
        "import os, sys; from runtime.startup import open_stderr; open_stderr(); "
        f"file = open({str(tmp_path / 'result')!r}, 'w'); print('told', file=sys.stderr); os.write(2, b'by a library'); "
        "file.write('whole')"
    )
    words = [sys.executable, "-c", code]
    done = subprocess.run(["sh", "-c", '"$@" 2>&-', "sh", *words], cwd=ROOT, timeout=60)
    assert done.returncode == 0
    assert (tmp_path / "result").read_text() == "whole"


def run(code: str) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, "-c", code]
    return subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=60)
