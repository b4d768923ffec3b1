"""Ctrl-C before a command's work has begun."""

import subprocess
import sys
from pathlib import Path

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


def run(code: str) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, "-c", code]
    return subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=60)
