"""Answers the requests about projects that are kept; every visitor is the user of this machine, whose they are."""

from collections.abc import Callable
from functools import partial
from pathlib import PurePosixPath
from typing import TypeVar

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from web.kept import KeptProjects, Project
from web.photo_routes import described
from web.photos import MOST_PHOTOS, Photos
from web.requests import json_of

T = TypeVar("T")

LONGEST_EDITS = 20_000_000  # bytes of a photo's edits, with the steps that can be undone
MOST_LISTED = 12
MOST_NAMES = 2


class KeptRoutes:
    """Answers requests about the projects in a folder."""

    def __init__(self, projects: KeptProjects, photos: Photos) -> None:
        self._projects, self._photos = projects, photos

    def routes(self) -> list[Route]:
        """Return the routes below /kept."""
        return [
            Route("/kept", self.all, methods=["GET"]),
            Route("/kept", self.write, methods=["POST"]),
            Route("/kept/photos/{photo}", self.write_edits, methods=["POST"]),
            Route("/kept/{id}", self.read, methods=["GET"]),
            Route("/kept/{id}", self.write, methods=["POST"]),
            Route("/kept/{id}", self.delete, methods=["DELETE"]),
        ]

    async def all(self, request: Request) -> Response:
        """List the latest projects."""
        found = await run_in_threadpool(self._projects.all)
        return JSONResponse([self._listed(project) for project in found[:MOST_LISTED]])

    def _listed(self, project: Project) -> dict[str, object]:
        photos = [self._photos[token] for token in project.photos if token in self._photos]
        names = [PurePosixPath(photo.name).stem for photo in photos[:MOST_NAMES]]
        first = photos[0].id
        return {"id": project.id, "used": project.used_s, "count": len(photos), "names": names, "first": first}  # fmt: skip

    async def read(self, request: Request) -> Response:
        """Send a project's photos with their edits."""
        project = await _known(self._projects.__getitem__, request.path_params["id"])
        photos = await run_in_threadpool(self._projects.photos, project)
        told = [{**described(photo), "edits": edits} for photo, edits in photos]
        return JSONResponse({"photos": told, "current": project.current})

    async def write(self, request: Request) -> Response:
        """Add the photos that are open to a project, and take out those that were closed; send its id."""
        values, id = await json_of(request), request.path_params.get("id")
        opened, closed = (_tokens(values.get(name, [])) for name in ("photos", "closed"))
        if not opened and not id:
            raise HTTPException(400, "invalid photos: a new project needs one")
        current = str(values.get("current"))
        written = await _known(self._projects.write, id, opened, current, closed=closed)
        return JSONResponse({"id": written})

    async def write_edits(self, request: Request) -> Response:
        """Keep a photo's edits."""
        token = request.path_params["photo"]
        edits = await json_of(request, longest=LONGEST_EDITS)
        if token not in self._photos:
            raise HTTPException(404, "unknown photo: upload it again")
        await run_in_threadpool(self._projects.write_edits, self._photos[token], edits)
        return Response(status_code=204)

    async def delete(self, request: Request) -> Response:
        """Delete a project with its photos."""
        await _known(self._projects.delete, request.path_params["id"])
        return Response(status_code=204)


def _tokens(values: object) -> list[str]:
    if not isinstance(values, list) or len(values) > MOST_PHOTOS:
        raise HTTPException(400, f"invalid photos: expected a list of at most {MOST_PHOTOS}")
    return list(map(str, values))


async def _known(call: Callable[..., T], *values: object, **named: object) -> T:
    """Call a function in a thread. Raises HTTPException for a project that does not exist."""
    try:
        return await run_in_threadpool(partial(call, *values, **named))
    except KeyError:
        raise HTTPException(404, "unknown project: it has been deleted") from None
