"""The first and the last moment of a command: Ctrl-C while its modules are imported, and the end of its process.

Imports as little as possible, since a command calls it before all else.
"""

import atexit
import os
import signal
import sys
from typing import NoReturn

INTERRUPTED = 130  # exit code
STOPPED = "interrupted: run the same command to continue"
STDERR = 2


def quit_on_interrupt() -> None:
    """Let Ctrl-C end the process at once in one line; nothing has been begun that would have to be cleaned up."""
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:  # as for a shell's background jobs
        signal.signal(signal.SIGINT, quit_now)


def open_stderr() -> None:
    """Open a standard error that was closed (`2>&-`), to nowhere.

    Otherwise the next file that is opened has its number, and what libraries say is written into it.
    """
    if sys.stderr is not None:
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    if nowhere != STDERR:
        os.dup2(nowhere, STDERR)
        os.close(nowhere)
    sys.stderr = open(STDERR, "w", encoding="utf-8", errors="backslashreplace")  # noqa: SIM115


def one_blas_thread() -> None:
    """Let NumPy's linear algebra, if imported later, use one thread: results do not depend on the number of cores.

    The processes of a pool use the cores; more threads would wait busily beside them.
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


def quit_now(*_: object) -> None:
    """End the process; do not print through a stream that may be half set up."""
    os.write(STDERR, f"{STOPPED}\n".encode())
    os._exit(INTERRUPTED)


def leave(code: int) -> NoReturn:
    """End the process after its threads and the functions registered for its exit.

    The interpreter's own end takes networks apart for a tenth of a second, although nothing is left to be done.
    """
    import threading

    threading._shutdown()  # type: ignore[attr-defined]  # as the interpreter: a thread may still write a file
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:  # which a closed one is
            stream.flush()
    os._exit(code)
