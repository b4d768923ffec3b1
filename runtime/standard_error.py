"""Standard error of the whole process, put aside while a compiled library writes to it."""

import os
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

STDERR = 2
_lock = threading.Lock()


@contextmanager
def captured_stderr(log: Callable[[str], object]) -> Iterator[None]:
    """Log what libraries write to standard error themselves, line by line, after the block; one thread at once."""
    with _lock, tempfile.TemporaryFile() as captured:
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
