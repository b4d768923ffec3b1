"""Runs ffmpeg. What it says when it fails is in the error."""

import logging
import shlex
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

from film.source import FilmError

log = logging.getLogger(__name__)

LAST_LINES = 5  # of what ffmpeg said, shown when it fails
ECHOES = ("Terminating thread", "Task finished", "before EOF", "Nothing was written")


@contextmanager
def running(command: list[str]) -> Iterator[IO[bytes]]:
    """Run ffmpeg and hand out its standard input; if it fails its own last lines are in the error."""
    log.debug("%s", shlex.join(command))
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=said
        )
        assert process.stdin is not None
        try:
            yield process.stdin
            process.stdin.close()
            if process.wait() != 0:
                raise FilmError(_failure(process.returncode, said))
        except BrokenPipeError as error:
            raise FilmError(_failure(process.wait(), said)) from error
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
            _close(process.stdin)


def _close(pipe: IO[bytes]) -> None:
    """Close a pipe whose reader may have gone."""
    try:
        pipe.close()
    except BrokenPipeError:
        log.debug("ffmpeg went before its last frame")


def _failure(code: int, said: IO[bytes]) -> str:
    said.seek(0)
    lines = [line.strip() for line in said.read().decode(errors="replace").splitlines()]
    telling = [line for line in lines if line and not any(words in line for words in ECHOES)]
    return f"ffmpeg failed (exit {code}): " + " | ".join(
        (telling or lines or ["it said nothing"])[-LAST_LINES:]
    )


def run(command: list[str]) -> None:
    """Run ffmpeg to its end without feeding it anything."""
    with running(command):
        pass
