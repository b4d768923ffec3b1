"""The command line of this folder's scripts: options from one dataclass, errors in one line."""

from collections.abc import Callable
from typing import TypeVar

from runtime.console import exit_code, log_to_stderr
from runtime.options import OneLineParser, add_options

T = TypeVar("T")


def run_script(name: str, work: Callable[[T], int], options: type[T], *, description: str) -> int:
    """Parse a script's options from the command line, run it, and return the exit code."""
    parser = OneLineParser(prog=name, description=description)
    add_options(parser, options)
    given = parser.collect(parser.parse_args(), options)
    log_to_stderr()
    return exit_code(name, lambda: work(given))
