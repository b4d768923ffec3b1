"""How far work has come, as a protocol: on a terminal, or in silence."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol, TextIO

from tqdm import tqdm

from runtime.console import printable


class Progress(Protocol):
    """What a driver reports to. One piece of work at a time: start, advance and note, close."""

    def start(self, work: str, total: int, *, unit: str) -> None:
        """Begin some work of so many units."""
        ...

    def advance(self, count: int = 1, *, earlier: bool = False) -> None:
        """Add units that are done, or take back (negative); `earlier` ones, of a run before, say nothing of speed."""
        ...

    def note(self, text: str) -> None:
        """Say in a word or two what is at work now."""
        ...

    def close(self) -> None:
        """End the work that was started, done or not."""
        ...


class Silent:
    """Progress that nobody sees."""

    def start(self, work: str, total: int, *, unit: str) -> None: ...

    def advance(self, count: int = 1, *, earlier: bool = False) -> None: ...

    def note(self, text: str) -> None: ...

    def close(self) -> None: ...


class Bar(Silent):
    """A progress bar on stderr, which goes when the work is done."""

    _bar: "tqdm[Any] | None" = None

    def start(self, work: str, total: int, *, unit: str) -> None:
        """Show the bar."""
        self._bar = tqdm(
            desc=work, total=total, unit=f" {unit}", leave=False, smoothing=0.1, dynamic_ncols=True
        )

    def advance(self, count: int = 1, *, earlier: bool = False) -> None:
        """Move the bar."""
        if self._bar is not None:
            self._bar.initial += count if earlier else 0
            self._bar.update(count)

    def note(self, text: str) -> None:
        """Show a text behind the bar."""
        if self._bar is not None:
            self._bar.set_postfix_str(text, refresh=False)

    def close(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None


class Stopwatch(dict[str, float]):
    """The seconds that each stage of some work took."""

    @contextmanager
    def of(self, stage: str) -> Iterator[None]:
        """Add the time spent inside to a stage's seconds."""
        began = time.perf_counter()
        try:
            yield
        finally:
            self[stage] = self.get(stage, 0.0) + time.perf_counter() - began


def progress_for(*, quiet: bool) -> Progress:
    """Return a bar where a person would see it, silence elsewhere."""
    return Silent() if quiet or not sys.stderr.isatty() else Bar()


def print_line(text: object, *, file: TextIO) -> None:
    """Print one printable line, above the bar if there is one."""
    tqdm.write(printable(text), file=file)
