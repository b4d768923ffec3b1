"""The open films and their queues: one film is analyzed at a time, and one colorized."""

import logging
import shutil
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request

from web.films import OpenFilm, analyze, colorize

log = logging.getLogger(__name__)

# Limit of open films; beyond it, the oldest idle films are closed and their uploads deleted.
MOST_FILMS = 50


class FilmJobs:
    """The open films by id, in the order of opening."""

    def __init__(self) -> None:
        self._films: OrderedDict[str, OpenFilm] = OrderedDict()
        self._analyses = ThreadPoolExecutor(1, thread_name_prefix="analysis")
        self._jobs = ThreadPoolExecutor(1, thread_name_prefix="film")

    def __getitem__(self, token: str) -> OpenFilm:
        return self._films[token]

    def asked(self, request: Request) -> OpenFilm:
        """Return the film of a request. Raises HTTPException for an unknown one."""
        try:
            return self[request.path_params["id"]]
        except KeyError:
            raise HTTPException(404, "unknown film: open it again") from None

    def all(self) -> list[OpenFilm]:
        """List the open films."""
        return list(self._films.values())

    def opened_as(self, film: OpenFilm) -> OpenFilm:
        """Add and analyze a film; return it, or the one already open, so that several tabs share it."""
        for other in self._films.values():
            same = other.film.size_bytes == film.film.size_bytes
            if same and other.film.path.resolve() == film.film.path.resolve():
                return other
        self._films[film.id] = film
        idle = [f for f in self.all() if not f.job.at_work and f is not film]
        for old in idle[: max(len(self._films) - MOST_FILMS, 0)]:
            old.analysis.stop()
            del self._films[old.id]
            # Deleted after its analysis, which stops at its next frame.
            for folder in filter(None, (old.folder, old.scratch)):
                self._submit(self._analyses, partial(shutil.rmtree, folder, ignore_errors=True))
        film.analysis.wait()
        self._submit(self._analyses, partial(analyze, film))
        return film

    def start(self, film: OpenFilm, *, restart: bool) -> None:
        """Queue a film for colorization, unless it is waiting or running already."""
        if film.job.at_work:
            return
        film.job.wait()
        self._submit(self._jobs, partial(colorize, film, restart=restart))

    def before(self, film: OpenFilm) -> int:
        """Count the films ahead of a waiting one."""
        if film.job.state != "waiting":
            return 0
        return sum(other.job.at_work for other in self.all()) - 1

    def _submit(self, pool: ThreadPoolExecutor, work: Callable[[], Any]) -> None:
        pool.submit(work).add_done_callback(_log_unforeseen)

    def close(self) -> None:
        """Stop all work; a film that is started again resumes."""
        for film in self.all():
            film.analysis.stop()
            film.job.stop()
        for pool in (self._analyses, self._jobs):
            pool.shutdown(cancel_futures=True)


def _log_unforeseen(work: "Future[Any]") -> None:
    if not work.cancelled() and (error := work.exception()):
        log.error("work on a film failed with %r", error, exc_info=error)
