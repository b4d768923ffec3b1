"""A command prints one safe line per message, and its exit code tells how it ended."""

import errno
import logging
import subprocess
import sys
from pathlib import Path

import pytest

from runtime.console import (
    BROKEN_PIPE,
    FAILED,
    USAGE,
    UsageError,
    exit_code,
    log_to_stderr,
    one_line,
    printable,
    usage_errors,
)
from runtime.progress import Bar
from runtime.startup import INTERRUPTED

ROOT = Path(__file__).resolve().parent.parent.parent


def test_nothing_that_is_printed_commands_a_terminal() -> None:
    assert printable("a\x1b[31m\nb é") == "a\\x1b[31m\\nb é"


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (ValueError("no\nfilm"), FAILED, "film.py: no\\nfilm\n"),
        (OSError("no disk"), FAILED, "film.py: no disk\n"),
        (UsageError("no -img_in"), USAGE, "film.py: no -img_in\n"),
        (KeyboardInterrupt(), INTERRUPTED, "interrupted: run the same command to continue\n"),
    ],
)
def test_mistakes_are_one_line_and_an_exit_code(
    error: BaseException, code: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    def work() -> int:
        raise error

    assert exit_code("film.py", work) == code
    assert capsys.readouterr().err == said


def test_what_cannot_be_resumed_is_not_said_to_be(capsys: pytest.CaptureFixture[str]) -> None:
    def work() -> int:
        raise KeyboardInterrupt

    assert exit_code("film.py", work, resumes=False) == INTERRUPTED
    assert capsys.readouterr().err == "interrupted\n"


def test_a_reader_that_has_enough_ends_a_command_quietly() -> None:
    """As `| head` does: the pipe is closed before all is written, whether by print or at the end."""
    for lines in (1, 100_000):
        code = f"import sys, runtime.console as c; sys.stdin.read(); c.exit_code('x', lambda: print('line\\n' * {lines}) or 0)"
        code = code.replace("c.exit_code(", "sys.exit(c.exit_code(") + ")"
        pipe = subprocess.PIPE
        with subprocess.Popen(
            [sys.executable, "-c", code], cwd=ROOT, stdin=pipe, stdout=pipe, stderr=pipe
        ) as work:
            assert work.stdout is not None
            assert work.stdin is not None
            assert work.stderr is not None
            work.stdout.close()
            work.stdin.close()
            assert work.stderr.read() == b""
        assert work.returncode == BROKEN_PIPE


def test_what_checks_refuse_is_a_usage_error_and_nothing_else_is() -> None:
    for error in (ValueError("no film"), OSError("no film")):
        with pytest.raises(UsageError, match="no film"), usage_errors():
            raise error
    with pytest.raises(ZeroDivisionError), usage_errors():
        raise ZeroDivisionError


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ValueError("not a\nfilm"), "a.png: not a film"),
        (ValueError("a.png is no film"), "a.png is no film"),
        (
            OSError(errno.ENOSPC, "No space left on device", "b.png"),
            "a.png: the disk is full; free",
        ),
        (FileNotFoundError(errno.ENOENT, "No such file", "b.png"), "b.png: No such file"),
        (MemoryError(), "a.png: not enough memory"),
        (ZeroDivisionError("in a\ndecoder"), "a.png: ZeroDivisionError (in a decoder)"),
    ],
)
def test_what_goes_wrong_with_a_file_is_one_line(error: Exception, said: str) -> None:
    assert one_line(Path("a.png"), error).startswith(said)


def test_log_messages_are_one_printable_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    root = logging.Logger("root")
    monkeypatch.setattr(logging, "root", root)
    log_to_stderr(quiet=True)
    root.info("left out")
    root.error("a\nb")
    assert capsys.readouterr().err == "a\\nb\n"


def test_log_messages_stand_above_a_progress_bar(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    root = logging.Logger("root")
    monkeypatch.setattr(logging, "root", root)
    log_to_stderr()
    bar = Bar()
    bar.start("counting", 9, unit="pictures")
    root.info("left out: x.jpg")
    bar.close()
    assert "left out: x.jpg" in capsys.readouterr().err.splitlines()  # the bar's text ends in \r


def test_a_full_disk_is_said_in_words(capsys: pytest.CaptureFixture[str]) -> None:
    def work() -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    assert exit_code("x", work) == FAILED
    assert capsys.readouterr().err.startswith("x: the disk is full; free some space")
