"""Progress of the work, as a protocol: shown on a terminal, or silent."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol, TextIO

from tqdm import tqdm

from runtime.console import printable


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
    """Return a bar if stderr is a terminal and not ``quiet``, else Silent."""
    return Silent() if quiet or not sys.stderr.isatty() else Bar()


def print_line(text: object, *, file: TextIO) -> None:
    """Print text as one safe line, above the bar if there is one."""
    tqdm.write(printable(text), file=file)
