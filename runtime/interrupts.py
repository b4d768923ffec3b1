"""Ctrl-C while a command works, starts processes and ends; for the time before, see `runtime.startup`."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from runtime.startup import quit_now


@contextmanager
def interrupts_raised() -> Iterator[None]:
    """Let Ctrl-C raise KeyboardInterrupt in the block, after `quit_on_interrupt`, and ignore it after the block.

    While the interpreter ends, it would only cut short the cleaning up, with a traceback. Without `quit_on_interrupt`,
    the caller has other plans for the process: nothing changes.
    """
    if signal.getsignal(signal.SIGINT) is not quit_now:
        yield
        return
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)


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
