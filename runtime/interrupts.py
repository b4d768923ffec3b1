"""Ctrl-C while a command works, starts processes and ends; for the time before, see `runtime.startup`."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from runtime.startup import quit_now

IMPORT_CHECKED_EVERY_S = 0.02


@contextmanager
def interrupts_raised() -> Iterator[None]:
    """Let Ctrl-C raise KeyboardInterrupt in the block, after `quit_on_interrupt`, and ignore it after the block.

    It waits for the end of an import: C code of NumPy and others, interrupted there, prints a traceback or says something
    else. While the interpreter ends, Ctrl-C would only cut short the cleaning up, with a traceback. Without
    `quit_on_interrupt`, the caller has other plans for the process: nothing changes.
    """
    if signal.getsignal(signal.SIGINT) is not quit_now:
        yield
        return

    def interrupt(_: int, frame: FrameType | None) -> None:
        if _imports(frame):
            again = threading.Timer(IMPORT_CHECKED_EVERY_S, _interrupt_main_thread)
            again.daemon = True
            again.start()
            return
        raise KeyboardInterrupt

    signal.signal(signal.SIGINT, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)


def _interrupt_main_thread() -> None:
    """Send Ctrl-C again, as a signal, to wake what the main thread waits for; Windows has no `pthread_kill`."""
    if hasattr(signal, "pthread_kill"):
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
    else:
        signal.raise_signal(signal.SIGINT)


def _imports(frame: FrameType | None) -> bool:
    """Whether a frame is part of an import."""
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            return True
        frame = frame.f_back
    return False


@contextmanager
def stops_handled(handler: Callable[..., object]) -> Iterator[None]:
    """Let Ctrl-C and SIGTERM call a handler in the block, and have their earlier handlers again after it."""
    names = (signal.SIGINT, signal.SIGTERM)
    before = {name: signal.signal(name, handler) for name in names}
    try:
        yield
    finally:
        for name, earlier in before.items():
            if earlier is not None:  # set by other means than Python's
                signal.signal(name, earlier)


@contextmanager
def interrupts_delayed() -> Iterator[None]:
    """Delay Ctrl-C until the end of the block; only the main thread receives it."""
    before = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(before):
        yield
        return
    received: list[Any] = []
    signal.signal(signal.SIGINT, lambda *arguments: received.append(arguments))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if received:
        before(*received[0])


@contextmanager
def interrupts_blocked() -> Iterator[None]:
    """Start processes in the block with Ctrl-C blocked: until they ignore it, it would end them with tracebacks.

    A terminal sends it to all processes of a command. Windows has no signal masks.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def ignore_interrupts() -> None:
    """Ignore Ctrl-C in a process started in `interrupts_blocked`; its own children start without the block."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])
