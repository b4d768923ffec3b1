"""Only what a library writes to standard error is captured."""

import os
import subprocess
import sys
from pathlib import Path

from runtime.standard_error import STDERR, captured_stderr

ROOT = Path(__file__).resolve().parent.parent.parent
# In a separate process, because under pytest Python's messages do not go through descriptor 2.
OTHER_THREADS = """
import logging, os, sys, threading
from runtime.standard_error import captured_stderr

logging.basicConfig(format="%(message)s")
lines, kept = [], []

def others():
    print("printed", file=sys.stderr)
    logging.warning("logged")
    kept.append(sys.stderr)

own = sys.stderr
for _ in range(2):
    with captured_stderr(lines.append):
        os.write(2, b"library\\n")
        with captured_stderr(lines.append):
            os.write(2, b"inner\\n")
            thread = threading.Thread(target=others)
            thread.start()
            thread.join()
    assert sys.stderr is own
    logging.warning("logged later")
    print("kept", file=kept[-1])
print(*lines)
"""

BAR_OPENED_BEFORE = """
import logging, os
from runtime.console import log_to_stderr
from runtime.progress import Bar
from runtime.standard_error import captured_stderr

log_to_stderr()
lines, bar = [], Bar()
bar.start("colorizing", 9, unit="photos")
with captured_stderr(lines.append):
    os.write(2, b"library\\n")
    bar.advance(4)
    bar._bar.refresh()
    logging.warning("logged")
bar.advance(5)
bar._bar.refresh()
bar.close()
print(*lines)
"""


def test_lines_of_a_library_are_logged_after_the_block() -> None:
    lines: list[str] = []
    with captured_stderr(lines.append):
        os.write(STDERR, b"one\ntw\xffo\n")
        assert lines == []
    assert lines == ["one", "tw\ufffdo"]


def test_a_capture_within_a_capture_takes_its_own_lines() -> None:
    inner: list[str] = []
    outer: list[str] = []
    with captured_stderr(outer.append):
        os.write(STDERR, b"before\n")
        with captured_stderr(inner.append):
            os.write(STDERR, b"inside\n")
        os.write(STDERR, b"after\n")
    assert (inner, outer) == (["inside"], ["before", "after"])


def test_messages_of_other_threads_reach_the_real_standard_error() -> None:
    done = subprocess.run(
        [sys.executable, "-c", OTHER_THREADS], cwd=ROOT, capture_output=True, text=True, timeout=60,
        check=True,
    )  # fmt: skip
    assert done.stdout.split() == ["inner", "library"] * 2
    assert done.stderr.splitlines() == ["printed", "logged", "logged later", "kept"] * 2


def test_a_bar_opened_before_a_capture_stays_on_the_screen_below_other_lines() -> None:
    done = subprocess.run(
        [sys.executable, "-c", BAR_OPENED_BEFORE], cwd=ROOT, capture_output=True, timeout=60, check=True
    )  # fmt: skip
    assert done.stdout.decode() == "library\n"
    screen = done.stderr.decode()
    before, after = screen.split("logged\n")
    assert "4/9" in before
    assert before.endswith("\r"), "the bar's line is cleared"
    assert "4/9" in after, "and shown again below"
    assert "9/9" in after
    assert screen.endswith("\r"), "a bar that is done leaves nothing"


def test_a_process_without_standard_error_captures_too() -> None:
    code = (
        "import os, sys; from runtime.standard_error import captured_stderr; sys.stderr = None\n"
        "with captured_stderr(print): os.write(2, b'line\\n')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )  # fmt: skip
    assert (done.stdout, done.stderr) == ("line\n", "")
