"""Standard error of the whole process, put aside while a compiled library writes to it.

The library's messages and those of all threads share descriptor 2. Python's own messages do not wait for the end of a
capture: `sys.stderr` and the logging handlers that write to it use a duplicate of the descriptor meanwhile.
"""

import logging
import os
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TextIO

STDERR = 2
_lock = threading.RLock()  # one thread captures at a time, and may do so within a capture
_duplicates: list[TextIO] = []  # at most one, never closed: whoever keeps it may go on writing


@contextmanager
def captured_stderr(log: Callable[[str], object]) -> Iterator[None]:
    """Log what libraries write to standard error themselves, line by line, after the block; one thread at once."""
    with _lock, tempfile.TemporaryFile() as captured, _python_beside():
        kept = os.dup(STDERR)
        os.dup2(captured.fileno(), STDERR)
        try:
            yield
        finally:
            os.dup2(kept, STDERR)
            os.close(kept)
            captured.seek(0)
            for line in captured.read().decode(errors="replace").splitlines():
                log(line)


@contextmanager
def _python_beside() -> Iterator[None]:
    """Let Python's messages pass by a capture; where they do not go to descriptor 2, as within another, do nothing."""
    own = sys.stderr
    if _descriptor_of(own) != STDERR:
        yield
        return
    own.flush()
    duplicate = _duplicate_of(own)
    handlers = _handlers_of(own)
    sys.stderr = duplicate
    for handler in handlers:
        handler.setStream(duplicate)
    try:
        yield
    finally:
        for handler in handlers:
            if handler.stream is duplicate:
                handler.setStream(own)
        if sys.stderr is duplicate:
            sys.stderr = own
        duplicate.flush()


def _descriptor_of(stream: TextIO | None) -> int | None:
    try:
        return None if stream is None else stream.fileno()
    except (OSError, ValueError):  # a stream without one, or a closed one
        return None


def _duplicate_of(stream: TextIO) -> TextIO:
    """Return a stream to where descriptor 2 leads now, encoded like another."""
    if _duplicates:
        os.dup2(STDERR, _duplicates[0].fileno(), inheritable=False)
    else:
        _duplicates.append(
            open(  # noqa: SIM115
                os.dup(STDERR), "w", buffering=1, encoding=stream.encoding, errors=stream.errors,
                closefd=False,
            )
        )  # fmt: skip
    return _duplicates[0]


def _handlers_of(stream: TextIO) -> list["logging.StreamHandler[Any]"]:
    """List the logging handlers that write to a stream."""
    loggers = [logging.root, *logging.root.manager.loggerDict.values()]
    handlers = [handler for logger in loggers for handler in getattr(logger, "handlers", ())]
    return [
        handler
        for handler in handlers
        if isinstance(handler, logging.StreamHandler) and handler.stream is stream
    ]
