"""Ctrl-C while a command's modules are imported: one line and exit code 130.

Imports as little as possible, since a command calls it before all else.
"""

import os
import signal

INTERRUPTED = 130  # exit code
STOPPED = "interrupted: run the same command to continue"
STDERR = 2


def quit_on_interrupt() -> None:
    """Let Ctrl-C end the process at once in one line; nothing has been begun that would have to be cleaned up."""
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:  # as for a shell's background jobs
        signal.signal(signal.SIGINT, quit_now)


def quit_now(*_: object) -> None:
    """End the process; do not print through a stream that may be half set up."""
    os.write(STDERR, f"{STOPPED}\n".encode())
    os._exit(INTERRUPTED)
