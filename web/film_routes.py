"""Answers the requests about films."""

import asyncio
import secrets
import shutil
from collections.abc import Sequence
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from web.film_jobs import FilmJobs
from web.films import OpenFilm, described, guide, open_for_page, plan_film
from web.kept_films import KeptFilms
from web.messages import file_name
from web.options import Settings
from web.photos import Photos
from web.requests import json_of, write_upload


class FilmRoutes:
    """Answers requests about films; reads and waits in threads."""

    def __init__(
        self, folder: Path, settings: Settings, photos: Photos, jobs: FilmJobs, *,
        roots: Sequence[Path] | None = None, kept: KeptFilms | None = None,
    ) -> None:  # fmt: skip
        self._kept = kept
        self._folder, self._settings, self._photos, self._jobs = folder, settings, photos, jobs
        self._roots = None if roots is None else [folder.resolve() for folder in roots]

    def routes(self) -> list[Route]:
        """Return the routes below /films."""
        return [
            Route("/films", self.all, methods=["GET"]),
            Route("/films", self.upload, methods=["POST"]),
            Route("/films/open", self.open, methods=["POST"]),
            Route("/films/{id}", self.describe, methods=["GET"]),
            Route("/films/{id}/guidance", self.guide, methods=["POST"]),
            Route("/films/{id}/plan", self.plan, methods=["POST"]),
            Route("/films/{id}/start", self.start, methods=["POST"]),
            Route("/films/{id}/stop", self.stop, methods=["POST"]),
            Route("/films/{id}/file", self.download, methods=["GET"]),
        ]

    async def all(self, request: Request) -> Response:
        """List the open films, and then those on this machine whose edits are kept."""
        films = self._jobs.all()
        found: list[dict[str, str]] = [
            {"id": f.id, "name": f.film.path.name, "state": f.job.state} for f in films
        ]
        if self._kept:
            opened = {str(f.film.path.resolve()) for f in films}
            recent = await asyncio.to_thread(self._kept.recent)
            found += [one._asdict() for one in recent if one.path not in opened]
        return JSONResponse(found)

    async def upload(self, request: Request) -> Response:
        """Store an uploaded film and open it."""
        folder = self._folder / secrets.token_urlsafe(16)
        folder.mkdir()
        opened = None
        try:
            path = folder / file_name(request.query_params.get("name", ""), "film")
            await write_upload(request, path)
            opened = await self._open(path, folder=folder)
        finally:  # also if the visitor disconnects during the upload
            if opened is None:
                shutil.rmtree(folder, ignore_errors=True)
        return JSONResponse(await self._described(opened))

    async def open(self, request: Request) -> Response:
        """Open a film on this machine by its path."""
        text = (await json_of(request)).get("path")
        if not isinstance(text, str) or not text.strip():
            raise ValueError("the film's path is empty: enter one")
        path = Path(text.strip()).expanduser()
        if self._roots is not None and not any(map(path.resolve().is_relative_to, self._roots)):
            raise HTTPException(
                403,
                "this page opens no films there: upload it, or start the page with -web_root FOLDER",
            )
        opened = await self._open(path)
        return JSONResponse(await self._described(opened))

    async def _open(self, path: Path, *, folder: Path | None = None) -> OpenFilm:
        opened = await asyncio.to_thread(open_for_page, path, self._settings)
        opened.folder, opened.scratch = folder, self._folder / opened.id
        if self._kept and folder is None:
            await asyncio.to_thread(self._kept.restore, opened, self._photos.references)
        return self._jobs.opened_as(opened)

    async def describe(self, request: Request) -> Response:
        """Send everything that the page shows about a film, of its shots those from a number on."""
        since = request.query_params.get("since", "0")
        if not since.isdecimal() or len(since) > 9:
            raise ValueError(f"invalid shot {since[:20]!r}: expected a number")
        return JSONResponse(await self._described(self._jobs.asked(request), since=int(since)))

    async def guide(self, request: Request) -> Response:
        """Store the edits of a film."""
        film, values = self._jobs.asked(request), await json_of(request)
        await asyncio.to_thread(guide, film, values, self._photos.references)
        await self._keep(film)
        return JSONResponse({})

    async def plan(self, request: Request) -> Response:
        """Store how a film is to be written."""
        film, values = self._jobs.asked(request), await json_of(request)
        await asyncio.to_thread(plan_film, film, values)
        await self._keep(film)
        return JSONResponse(await self._described(film))

    async def _keep(self, film: OpenFilm) -> None:
        if self._kept:
            await asyncio.to_thread(self._kept.write, film)

    async def start(self, request: Request) -> Response:
        """Start or resume a film's job."""
        film, values = self._jobs.asked(request), await json_of(request)
        self._jobs.start(film, restart=values.get("restart") is True)
        return JSONResponse(await self._described(film))

    async def stop(self, request: Request) -> Response:
        """Stop a film's job at its next frame."""
        film = self._jobs.asked(request)
        film.job.stop()
        return JSONResponse(await self._described(film))

    async def download(self, request: Request) -> Response:
        """Send the finished film."""
        target = (film := self._jobs.asked(request)).plan.target
        if not await asyncio.to_thread(lambda: film.plan.has_result):
            raise HTTPException(404, "this film is not finished: colorize it first")
        kind = "inline" if "show" in request.query_params else "attachment"
        return FileResponse(target, filename=target.name, content_disposition_type=kind)

    async def _described(self, film: OpenFilm, *, since: int = 0) -> dict[str, object]:
        # In a thread, because it opens the result, which would block all other requests.
        found = await asyncio.to_thread(described, film, since=since)
        return {**found, "since": since, "before": self._jobs.before(film)}
