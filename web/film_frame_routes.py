"""Answers the requests about frames, keyframes and finished parts of films."""

import asyncio
import secrets
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar
from urllib.parse import quote

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from film.report import timecode
from web.film_frames import (
    color_picture,
    frame_file,
    frame_likely,
    frame_shown,
    gray_picture,
    small_picture,
)
from web.film_jobs import FilmJobs
from web.film_keyframes import add_keyframe, reach_overlay
from web.film_parts import listed_parts, part_file
from web.films import OpenFilm
from web.messages import file_name
from web.network import Network, Queue
from web.requests import colors_of, place_of, write_upload

LARGEST_KEYFRAME = 200_000_000  # bytes
MOST_KEYFRAMES = 500  # uploaded for a film

T = TypeVar("T")


class FrameRoutes:
    """Answers requests about frames; reads in threads, and computes in the network's queue."""

    def __init__(self, network: Network, queue: Queue, jobs: FilmJobs) -> None:
        self._network, self._queue, self._jobs = network, queue, jobs
        self._writing = asyncio.Semaphore()  # parts: one at a time
        # Of their own, so that descriptions do not wait for frames far from where decoding can begin.
        self._decoding = ThreadPoolExecutor(2, thread_name_prefix="frames")

    def routes(self) -> list[Route]:
        """Return the routes of frames, keyframes and parts below /films."""
        frame = "/films/{id}/frames/{frame:int}"
        return [
            Route(f"{frame}/gray", self.gray, methods=["GET"]),
            Route(f"{frame}/color", self.color, methods=["GET"]),
            Route(f"{frame}/likely", self.likely, methods=["GET"]),
            Route(f"{frame}/shown", self.shown, methods=["GET"]),
            Route(f"{frame}/file", self.file, methods=["GET"]),
            Route(f"{frame}/reach", self.reach, methods=["GET"]),
            Route(f"{frame}/keyframe", self.keyframe, methods=["POST"]),
            Route("/films/{id}/parts", self.parts, methods=["GET"]),
            Route("/films/{id}/parts/{part:int}", self.part, methods=["GET"]),
        ]

    async def gray(self, request: Request) -> Response:
        """Send a frame, small or at screen size."""
        film, frame = self._frame(request)
        picture = small_picture if "small" in request.query_params else gray_picture
        data = await self._decoded(picture, film, frame)
        return Response(
            data, media_type="image/jpeg", headers={"X-Time": timecode(film.film, frame)}
        )

    async def color(self, request: Request) -> Response:
        """Send a frame, colorized with the current edits, small or at screen size."""
        film, frame = self._frame(request)
        large = "small" not in request.query_params
        data = await self._queue.run(color_picture, film, frame, self._network, large=large)
        return Response(data, media_type="image/jpeg")

    async def likely(self, request: Request) -> Response:
        """Send the likely colors at a place of a frame."""
        film, frame = self._frame(request)
        x, y = place_of(request)
        return JSONResponse(await self._queue.run(frame_likely, film, frame, x, y, self._network))

    async def shown(self, request: Request) -> Response:
        """Send what colors become at the lightness of a place of a frame."""
        film, frame = self._frame(request)
        x, y = place_of(request)
        found = await self._decoded(frame_shown, film, frame, x, y, colors_of(request))
        return JSONResponse(found)

    async def file(self, request: Request) -> Response:
        """Send a frame at full size, gray or colorized as a start, to be colored in another program."""
        film, frame = self._frame(request)
        if "color" in request.query_params:
            name, data = await self._queue.run(frame_file, film, frame, self._network)
        else:
            name, data = await self._decoded(frame_file, film, frame)
        kept = {"Content-Disposition": f"attachment; filename*=UTF-8''{quote(name)}"}
        return Response(data, media_type="image/png", headers=kept)

    async def keyframe(self, request: Request) -> Response:
        """Store a colored copy of a frame; send its id and the frame that it shows."""
        film, frame = self._frame(request)
        if len(film.keyframes) >= MOST_KEYFRAMES:
            raise ValueError(f"the film has {MOST_KEYFRAMES} keyframes already: open it again")
        assert film.scratch, film.id
        folder = film.scratch / secrets.token_urlsafe(16)
        folder.mkdir(parents=True)
        path = folder / file_name(request.query_params.get("name", ""), "keyframe")
        token = folder.name
        try:
            await write_upload(request, path, largest=LARGEST_KEYFRAME)
            at = await self._queue.run(add_keyframe, film, token, path, frame, self._network)
        finally:  # also if the visitor disconnects during the upload
            if token not in film.keyframes:
                shutil.rmtree(folder, ignore_errors=True)
        return JSONResponse({"id": token, "frame": at, "name": path.name})

    async def reach(self, request: Request) -> Response:
        """Send a tint of what the shot's keyframes do not reach, and the share of the shot that they reach."""
        film, frame = self._frame(request)
        share, data = await self._queue.run(reach_overlay, film, frame)
        return Response(data, media_type="image/png", headers={"X-Share": f"{share:.3f}"})

    async def parts(self, request: Request) -> Response:
        """List the finished parts of a job in progress."""
        return JSONResponse(await asyncio.to_thread(listed_parts, self._jobs.asked(request)))

    async def part(self, request: Request) -> Response:
        """Send a finished part of a job in progress, to be played."""
        film = self._jobs.asked(request)
        assert film.scratch, film.id
        async with self._writing:
            path = await asyncio.to_thread(
                part_file, film, request.path_params["part"], film.scratch
            )
        return FileResponse(path, media_type="video/mp4") if path else Response(status_code=204)

    async def _decoded(self, function: Callable[..., T], *args: Any) -> T:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._decoding, function, *args)

    def _frame(self, request: Request) -> tuple[OpenFilm, int]:
        """Return a request's film and the number of a frame that the page shows."""
        film, frame = self._jobs.asked(request), request.path_params["frame"]
        first, last = film.span
        if not first <= frame < last:
            raise HTTPException(404, f"no frame {frame}: the film has frames {first} to {last - 1}")
        return film, frame
