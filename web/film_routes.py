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
from web.films import (
    OpenFilm,
    described,
    guide,
    latest,
    open_for_page,
    shot_gray,
    shot_likely,
    shot_picture,
)
from web.network import Network, Queue
from web.options import Settings
from web.photos import Photos, printable_name, shown_colors
from web.requests import colors_of, json_of, place_of, write_upload

LONGEST_NAME = 120  # letters; a file system holds 255 bytes
NO_FILE_HAS = '%\\/:*?"<>|'


class FilmRoutes:
    """Answers requests about films; reads, computes and waits in threads."""

    def __init__(
        self, folder: Path, network: Network, queue: Queue, settings: Settings, photos: Photos, *,
        roots: Sequence[Path] | None = None,
    ) -> None:  # fmt: skip
        self._folder, self._network, self._queue = folder, network, queue
        self._settings, self._photos = settings, photos
        self._roots = None if roots is None else [folder.resolve() for folder in roots]
        self.jobs = FilmJobs()

    def routes(self) -> list[Route]:
        """Return the routes below /films."""
        return [
            Route("/films", self.all, methods=["GET"]),
            Route("/films", self.upload, methods=["POST"]),
            Route("/films/open", self.open, methods=["POST"]),
            Route("/films/{id}", self.describe, methods=["GET"]),
            Route("/films/{id}/guidance", self.guide, methods=["POST"]),
            Route("/films/{id}/shots/{shot:int}/gray", self.gray, methods=["GET"]),
            Route("/films/{id}/shots/{shot:int}/color", self.color, methods=["GET"]),
            Route("/films/{id}/shots/{shot:int}/likely", self.likely, methods=["GET"]),
            Route("/films/{id}/shots/{shot:int}/shown", self.shown, methods=["GET"]),
            Route("/films/{id}/start", self.start, methods=["POST"]),
            Route("/films/{id}/stop", self.stop, methods=["POST"]),
            Route("/films/{id}/latest", self.latest, methods=["GET"]),
            Route("/films/{id}/file", self.download, methods=["GET"]),
        ]

    async def all(self, request: Request) -> Response:
        """List the open films."""
        films = self.jobs.all()
        return JSONResponse(
            [{"id": f.id, "name": f.film.path.name, "state": f.job.state} for f in films]
        )

    async def upload(self, request: Request) -> Response:
        """Store an uploaded film and open it."""
        folder = self._folder / secrets.token_urlsafe(16)
        folder.mkdir()
        opened = None
        try:
            path = folder / film_name(request.query_params.get("name", ""))
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
        opened.folder = folder
        return self.jobs.opened_as(opened)

    async def describe(self, request: Request) -> Response:
        """Send everything that the page shows about a film."""
        return JSONResponse(await self._described(self._film(request)))

    async def guide(self, request: Request) -> Response:
        """Store the edits of a film."""
        film, values = self._film(request), await json_of(request)
        await asyncio.to_thread(guide, film, values, self._photos.references)
        return JSONResponse({})

    async def gray(self, request: Request) -> Response:
        """Send a shot's frame."""
        film, shot = self._shot(request)
        data = await asyncio.to_thread(shot_gray, film, shot)
        return Response(data, media_type="image/jpeg")

    async def color(self, request: Request) -> Response:
        """Send a shot's frame, colorized with the current edits."""
        film, shot = self._shot(request)
        large = "large" in request.query_params
        data = await self._queue.run(shot_picture, film, shot, self._network, large=large)
        return Response(data, media_type="image/jpeg")

    async def likely(self, request: Request) -> Response:
        """Send the likely colors at a place of a shot's frame."""
        film, shot = self._shot(request)
        x, y = place_of(request)
        return JSONResponse(await self._queue.run(shot_likely, film, shot, x, y, self._network))

    async def shown(self, request: Request) -> Response:
        """Send what colors become at the lightness of a place of a shot's frame."""
        film, shot = self._shot(request)
        x, y = place_of(request)
        return JSONResponse(shown_colors(film.shots[shot].gray, x, y, colors_of(request)))

    async def start(self, request: Request) -> Response:
        """Start or resume a film's job."""
        film, values = self._film(request), await json_of(request)
        self.jobs.start(film, restart=values.get("restart") is True)
        return JSONResponse(await self._described(film))

    async def stop(self, request: Request) -> Response:
        """Stop a film's job at its next frame."""
        film = self._film(request)
        film.job.stop()
        return JSONResponse(await self._described(film))

    async def latest(self, request: Request) -> Response:
        """Send the latest finished frame of a job in progress."""
        data = await asyncio.to_thread(latest, self._film(request))
        return Response(data, media_type="image/jpeg") if data else Response(status_code=204)

    async def download(self, request: Request) -> Response:
        """Send the finished film."""
        film = self._film(request)
        if not await asyncio.to_thread(lambda: film.has_result):
            raise HTTPException(404, "this film is not finished: colorize it first")
        shown = "show" in request.query_params
        kind = "inline" if shown else "attachment"
        return FileResponse(film.target, filename=film.target.name, content_disposition_type=kind)

    async def _described(self, film: OpenFilm) -> dict[str, object]:
        # In a thread, because it opens the result, which would block all other requests.
        return {**await asyncio.to_thread(described, film), "before": self.jobs.before(film)}

    def _film(self, request: Request) -> OpenFilm:
        try:
            return self.jobs[request.path_params["id"]]
        except KeyError:
            raise HTTPException(404, "unknown film: open it again") from None

    def _shot(self, request: Request) -> tuple[OpenFilm, int]:
        """Find a film and the index of a shot; shot numbers in addresses start at 1."""
        film, number = self._film(request), request.path_params["shot"]
        if not 1 <= number <= len(film.shots):
            raise HTTPException(404, f"no shot {number}: the film has {len(film.shots)}")
        return film, number - 1


def film_name(name: str) -> str:
    """Make a valid file name from a visitor's; jobs are named after it, so that the command can resume them."""
    letters = printable_name(name)[-LONGEST_NAME:]
    kept = "".join("_" if letter in NO_FILE_HAS else letter for letter in letters)
    return kept.strip(". ") or "film"
