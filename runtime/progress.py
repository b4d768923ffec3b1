"""Progress of the work, as a protocol: a bar on a terminal, a line a minute in a log, or silent."""

import logging
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol, TextIO

from runtime.console import beside_bars, printable

if TYPE_CHECKING:  # slow module
    from tqdm import tqdm

log = logging.getLogger(__name__)

LINE_S = 60  # between two lines in a log


class Progress(Protocol):
    """Receives a driver's progress, one piece of work at a time: start, advance and note, close."""

    def start(self, work: str, total: int, *, unit: str) -> None:
        """Start a piece of work with a total number of units."""
        ...

    def advance(self, count: int = 1, *, earlier: bool = False) -> None:
        """Add finished units (negative: subtract); `earlier` ones, from a previous run, do not count toward speed."""
        ...

    def note(self, text: str) -> None:
        """Show in a few words what is being processed."""
        ...

    def close(self) -> None:
        """End the current work, finished or not."""
        ...


class Silent:
    """Progress that is not shown."""

    def start(self, work: str, total: int, *, unit: str) -> None: ...

    def advance(self, count: int = 1, *, earlier: bool = False) -> None: ...

    def note(self, text: str) -> None: ...

    def close(self) -> None: ...


class _Stderr:
    """The `sys.stderr` of the moment, because a capture replaces it while a bar is open: see runtime.standard_error."""

    def __getattr__(self, name: str) -> Any:
        return getattr(sys.stderr, name)

    def write(self, text: str) -> None:
        sys.stderr.write(text)

    def flush(self) -> None:
        sys.stderr.flush()

    def __eq__(self, other: object) -> bool:
        """Return whether lines written to another stream appear beside the bar, which tqdm then clears."""
        return other is sys.stderr


class Bar(Silent):
    """A progress bar on stderr, removed when the work is done."""

    _bar: "tqdm[Any] | None" = None

    def start(self, work: str, total: int, *, unit: str) -> None:
        """Show the bar."""
        from tqdm import tqdm

        self._bar = tqdm(
            desc=work, total=total, unit=f" {unit}", leave=False, smoothing=0.1, dynamic_ncols=True,
            file=_Stderr(),
        )  # fmt: skip

    def advance(self, count: int = 1, *, earlier: bool = False) -> None:
        """Advance the bar."""
        if self._bar is not None:
            self._bar.initial += count if earlier else 0
            self._bar.update(count)

    def note(self, text: str) -> None:
        """Show a text after the bar."""
        if self._bar is not None:
            self._bar.set_postfix_str(text, refresh=False)

    def close(self) -> None:
        """Remove the bar."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None


class Lines(Silent):
    """Progress as a line a minute, where no terminal would show a bar: in a log, or under a scheduler."""

    _work = _unit = _note = ""
    _total = _done = _earlier = 0
    _began_s = _due_s = 0.0

    def start(self, work: str, total: int, *, unit: str) -> None:
        """Start to count; a work of less than a minute shows nothing."""
        self._work, self._total, self._unit, self._note = work, total, unit, ""
        self._done = self._earlier = 0
        self._began_s = time.monotonic()
        self._due_s = self._began_s + LINE_S

    def advance(self, count: int = 1, *, earlier: bool = False) -> None:
        """Count, and log a line if one is due."""
        self._done += count
        self._earlier += count if earlier else 0
        if time.monotonic() >= self._due_s:
            self._due_s = time.monotonic() + LINE_S
            log.info("%s", self._line(time.monotonic() - self._began_s))

    def note(self, text: str) -> None:
        """Show a text in the next lines."""
        self._note = text

    def _line(self, passed_s: float) -> str:
        done, total, unit = self._done, self._total, self._unit
        parts = [f"{self._work}: {done} of {total} {unit} ({100 * done // max(total, 1)} %)"]
        rate = (done - self._earlier) / passed_s
        if rate > 0:
            left = spoken_time((total - done) / rate)
            parts += [f"{rate:.1f} {unit}/s", f"about {left} left"]
        return ", ".join([*parts, self._note] if self._note else parts)


def spoken_time(seconds: float) -> str:
    """Return a duration as a person would say it: "2 h 10 min", "5 min", "20 s"."""
    if seconds < 60:
        return f"{max(1, round(seconds))} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min"


@contextmanager
def shown_work(progress: Progress, work: str, total: int, *, unit: str) -> Iterator[None]:
    """Show the progress of a piece of work while the block runs."""
    progress.start(work, total, unit=unit)
    try:
        yield
    finally:
        progress.close()


class Stopwatch(dict[str, float]):
    """Seconds spent in each stage of some work."""

    @contextmanager
    def of(self, stage: str) -> Iterator[None]:
        """Add the time spent inside to a stage's seconds."""
        began = time.perf_counter()
        try:
            yield
        finally:
            self[stage] = self.get(stage, 0.0) + time.perf_counter() - began


def progress_for(*, quiet: bool) -> Progress:
    """Return a bar if stderr is a terminal, else lines; Silent if ``quiet``."""
    if quiet:
        return Silent()
    return Bar() if sys.stderr.isatty() else Lines()


def print_line(text: object, *, file: TextIO) -> None:
    """Print text as one safe line, above the bar if there is one."""
    with beside_bars(file):
        print(printable(text), file=file)


def print_name(text: str) -> None:
    """Print a text to standard output as its bytes, ended by NUL, as `xargs -0` reads."""
    sys.stdout.flush()
    sys.stdout.buffer.write(os.fsencode(text) + b"\0")
    sys.stdout.buffer.flush()
