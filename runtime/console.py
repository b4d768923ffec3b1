"""Console output of every command: one line per message, text that is safe to print, exit codes."""

import errno
import logging
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any

from runtime.interrupts import interrupts_raised
from runtime.startup import INTERRUPTED, STOPPED

DONE, FAILED, USAGE = 0, 1, 2  # exit codes, and INTERRUPTED
FULL = "the disk is full; free some space and run the same command to continue"
BROKEN_PIPE = 141  # as of a program that SIGPIPE ends


class UsageError(ValueError):
    """A command is invalid; raised before any work begins."""


class _HandlerBesideBars(logging.StreamHandler[Any]):
    """Writes a line above a progress bar."""

    def emit(self, record: logging.LogRecord) -> None:
        with beside_bars(self.stream):
            super().emit(record)


def beside_bars(stream: Any) -> AbstractContextManager[None]:
    """Clear the progress bars while a line is written to a stream; without its slow module, none is shown."""
    shown = sys.modules.get("tqdm")
    return shown.tqdm.external_write_mode(file=stream) if shown else nullcontext()


class _OneLineFormatter(logging.Formatter):
    def formatMessage(self, record: logging.LogRecord) -> str:
        return printable(super().formatMessage(record))


def log_to_stderr(*, quiet: bool = False) -> None:
    """Send log messages to stderr, each as one printable line."""
    handler = _HandlerBesideBars(sys.stderr)
    handler.setFormatter(_OneLineFormatter("%(message)s"))
    logging.basicConfig(level=logging.ERROR if quiet else logging.INFO, handlers=[handler])


def printable(text: object) -> str:
    """Return a text as one line without terminal control codes, which file names may contain."""
    letters = (c if c.isprintable() else c.encode("unicode_escape").decode() for c in str(text))
    return "".join(letters)


def counted(count: int, noun: str) -> str:
    """Return a number with its noun in the singular or plural: "1 shot", "2 shots"."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def one_line(file: Path, error: Exception) -> str:
    """Describe in one line an error in processing a file."""
    if isinstance(error, OSError | ValueError) and str(file) in str(error):
        return str(error)
    text = " ".join(str(error).split())
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        text = FULL
    elif isinstance(error, OSError) and error.strerror:
        return f"{error.filename or file}: {error.strerror}"
    elif isinstance(error, MemoryError):
        text = "not enough memory"
    elif not isinstance(error, OSError | ValueError):
        text = f"{type(error).__name__} ({text})"
    return f"{file}: {text}"


def complain(text: object) -> None:
    """Print one line to stderr."""
    print(printable(text), file=sys.stderr)


def drop_output() -> None:
    """Let all that is written to standard output go nowhere, also what waits in it for the interpreter's last flush."""
    with suppress(OSError, ValueError):  # a caller's own stream has no file
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@contextmanager
def usage_errors(
    kinds: tuple[type[Exception], ...] = (OSError, ValueError),
) -> Iterator[None]:
    """Convert exceptions of some kinds, raised by the checks inside, to UsageError."""
    try:
        yield
    except kinds as error:
        raise UsageError(str(error)) from error


def exit_code(program: str, work: Callable[[], int], *, resumes: bool = True) -> int:
    """Run a command's work; print a user's mistake or Ctrl-C as one line and return the exit code.

    resumes : the same command continues where it was interrupted
    """
    try:
        with interrupts_raised():
            code = work()
            if sys.stdout is not None:  # which a closed one is
                sys.stdout.flush()  # here, where a closed pipe can still be handled
            return code
    except BrokenPipeError:
        # The reader has all it wants, as `| head`.
        drop_output()
        return BROKEN_PIPE
    except UsageError as error:
        complain(f"{program}: {error}")
        return USAGE
    except (OSError, ValueError) as error:
        is_full = isinstance(error, OSError) and error.errno == errno.ENOSPC
        complain(f"{program}: {FULL if is_full else error}")
        return FAILED
    except KeyboardInterrupt:
        complain(STOPPED if resumes else "interrupted")
        return INTERRUPTED
