"""Captures the process's standard error while a compiled library writes to it.

The library and all threads share descriptor 2. Python's own messages are not delayed by a capture: `sys.stderr` and the
logging handlers that write to it use a duplicate of the descriptor during the capture.
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
_lock = threading.RLock()  # one thread captures at a time; captures may be nested
_duplicates: list[TextIO] = []  # at most one, never closed, since other code may keep writing to it


@contextmanager
def captured_stderr(log: Callable[[str], object]) -> Iterator[None]:
    """Log line by line, after the block, what libraries wrote to standard error; one thread at a time."""
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
    """Let Python's messages bypass a capture; do nothing if `sys.stderr` is not descriptor 2, as in a nested capture."""
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
    except (OSError, ValueError):  # a stream without a descriptor, or a closed one
        return None


def _duplicate_of(stream: TextIO) -> TextIO:
    """Return a stream to the current target of descriptor 2, with the encoding of another stream."""
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
