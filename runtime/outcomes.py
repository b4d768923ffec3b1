"""Outcomes of many files: each result or one-line failure is printed when it is ready, and failures again at the end."""

import logging
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from runtime.console import DONE, FAILED, complain, drop_output, one_line, printable
from runtime.progress import print_line, print_name

log = logging.getLogger(__name__)


class Outcome(Protocol):
    """The outcome of a file: lines of output and notes, or its failure in one line."""

    @property
    def output(self) -> Sequence[str]: ...

    @property
    def notes(self) -> Sequence[str]: ...

    @property
    def error(self) -> str | None: ...


class Account(Protocol):
    """What became of each file."""

    @property
    def failures(self) -> Sequence[str]:
        """Return a line for each file that failed before the work."""
        ...

    def closing(self) -> Sequence[str]:
        """Return the last lines."""
        ...


class FailureOf:
    """Turns any exception in a block into one line about its file, so that it does not stop the other files.

    Decoders may raise any exception.
    passing : exceptions that propagate because they concern the command, not the file
    line : the failure, or None
    """

    def __init__(self, file: Path, *, passing: tuple[type[Exception], ...] = ()) -> None:
        self._file, self._passing = file, passing
        self.line: str | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool:
        if not isinstance(error, Exception) or isinstance(error, self._passing):
            return False
        log.debug("%s", self._file, exc_info=error)
        self.line = one_line(self._file, error)
        return True


def finish(
    account: Account, outcomes: Iterable[Outcome], *, quiet: bool, print0: bool = False
) -> int:
    """Print the account's failures, then each file's outcome; repeat several failures at the end, then close the account.

    print0 : end each line of output with NUL instead of a line's end
    Return the exit code.
    """
    for line in account.failures:
        complain(line)
    failures = [*account.failures, *_reported(outcomes, quiet=quiet, print0=print0)]
    if len(failures) > 1:
        complain(f"{len(failures)} failed:")
        for line in failures:
            complain(f"  {printable(line)}")
    for line in () if quiet else account.closing():
        complain(line)
    return FAILED if failures else DONE


def _reported(outcomes: Iterable[Outcome], *, quiet: bool, print0: bool) -> Iterator[str]:
    """Print each file's outcome; yield a line for each failure."""
    for outcome in outcomes:
        if outcome.error is not None:
            print_line(outcome.error, file=sys.stderr)
            yield outcome.error
            continue
        try:
            for line in outcome.output:
                if print0:
                    print_name(line)
                else:
                    print_line(line, file=sys.stdout)
        except BrokenPipeError:
            raise
        except OSError as error:  # the list cannot be written, as on a full disk, but the files can
            drop_output()
            line = one_line(Path("standard output"), error)
            print_line(line, file=sys.stderr)
            yield line
        for line in outcome.notes if not quiet else ():
            print_line(line, file=sys.stderr)
