"""Answers the requests about photos."""

import secrets
from collections import OrderedDict
from functools import partial
from pathlib import Path

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from web.analysis import candidates, likely, overlay, suggestions
from web.archive import Chosen, compact, project, results, zipped
from web.detail import Colorized, gray_part, part_from
from web.edits import Edits, edits_from
from web.network import Network, Queue
from web.options import Settings
from web.photos import (
    MOST_PHOTOS,
    Photos,
    UploadedPhoto,
    jpeg,
    printable_name,
    shown_colors,
    write_result,
)
from web.projects import open_project
from web.requests import (
    LARGEST_PHOTO,
    LONGEST_PROJECT,
    colors_of,
    json_of,
    place_of,
    write_upload,
)

ARCHIVE, SAVED = "colorized.zip", "project.colorizer.zip"
MOST_ARCHIVES = 20  # that can still be downloaded
LARGEST_PROJECT = 20_000_000_000  # bytes


class PhotoRoutes:
    """Answers requests about photos and reference pictures, with one network behind one queue."""

    def __init__(self, photos: Photos, network: Network, queue: Queue, settings: Settings) -> None:
        self._photos = photos
        self._network, self._queue, self._settings = network, queue, settings
        self._reading = Queue("reading")  # one photo at a time, as large ones fill the memory
        self._colorized = Colorized(network)
        self._archives: OrderedDict[str, tuple[str, list[Chosen]]] = OrderedDict()

    def routes(self) -> list[Route]:
        """Return the routes below /photos and /references."""
        return [
            Route("/photos", self.upload, methods=["POST"]),
            Route("/references", self.upload_reference, methods=["POST"]),
            Route("/photos/{id}", self.describe, methods=["GET"]),
            Route("/photos/{id}", self.remove, methods=["DELETE"]),
            Route("/photos/{id}/gray", self.gray, methods=["GET"]),
            Route("/photos/{id}/color", self.color, methods=["POST"]),
            Route("/photos/{id}/thumbnail", self.thumbnail, methods=["GET"]),
            Route("/photos/{id}/likely", self.likely, methods=["GET"]),
            Route("/photos/{id}/shown", self.shown, methods=["GET"]),
            Route("/photos/{id}/suggestions", self.suggest, methods=["POST"]),
            Route("/photos/{id}/overlay", self.overlay, methods=["POST"]),
            Route("/photos/{id}/candidates", self.candidates, methods=["POST"]),
            Route("/photos/{id}/file", self.write, methods=["POST"]),
            Route("/photos/{id}/file", self.download, methods=["GET"]),
            Route("/archives", partial(self.choose, name=ARCHIVE), methods=["POST"]),
            Route("/projects/saved", partial(self.choose, name=SAVED), methods=["POST"]),
            Route("/projects", self.open_project, methods=["POST"]),
            Route("/archives/{id}", self.archive, methods=["GET"]),
        ]

    def close(self) -> None:
        """Drop photos that wait to be read."""
        self._reading.close()

    async def upload(self, request: Request) -> Response:
        """Store a photo; send its id and size."""
        name = printable_name(request.query_params.get("name", ""))
        token, source = self._photos.place_for(name)
        await self._write(request, source)
        return JSONResponse(
            described(await self._reading.run(self._photos.add, token, name, source))
        )

    async def upload_reference(self, request: Request) -> Response:
        """Store a reference picture; send its id."""
        name = printable_name(request.query_params.get("name", ""))
        token, source = self._photos.place_for(name)
        await self._write(request, source)
        await self._reading.run(self._photos.add_reference, token, name, source)
        return JSONResponse({"id": token})

    async def _write(self, request: Request, source: Path) -> None:
        whole = False
        try:
            await write_upload(request, source, largest=LARGEST_PHOTO)
            whole = True
        finally:  # also if the visitor disconnects during the upload
            if not whole:
                self._photos.discard(source)

    async def describe(self, request: Request) -> Response:
        """Send a photo's id, name, size and number of pages."""
        return JSONResponse(described(self._photo(request)))

    async def remove(self, request: Request) -> Response:
        """Delete a photo."""
        self._photos.remove(self._photo(request).id)
        return Response(status_code=204)

    async def gray(self, request: Request) -> Response:
        """Send the gray picture at screen size, or a part of it as large as it is shown."""
        photo = self._photo(request)
        if not request.query_params:
            return Response(jpeg(photo.shown), media_type="image/jpeg")
        part = part_from(dict(request.query_params))
        return Response(await run_in_threadpool(gray_part, photo, part), media_type="image/jpeg")

    async def color(self, request: Request) -> Response:
        """Send the colorized picture at screen size, or a part of it as large as it is shown."""
        photo, edits = self._photo(request), await self._edits(request)
        if request.query_params:
            part = part_from(dict(request.query_params))
            data = await self._queue.run(self._colorized.part, photo, edits, part)
        else:
            data = await self._queue.run(self._colorized.whole, photo, edits)
        return Response(data, media_type="image/jpeg")

    async def thumbnail(self, request: Request) -> Response:
        """Send a small picture with the colors that were shown last."""
        photo = self._photo(request)
        data = await run_in_threadpool(lambda: photo.thumbnail)
        return Response(data, media_type="image/jpeg")

    async def likely(self, request: Request) -> Response:
        """Send the likely colors at a place."""
        photo, (x, y) = self._photo(request), place_of(request)
        return JSONResponse(await self._queue.run(likely, photo.shown, x, y, self._network))

    async def shown(self, request: Request) -> Response:
        """Send what colors become at the lightness of a place."""
        photo, (x, y) = self._photo(request), place_of(request)
        return JSONResponse(shown_colors(photo.shown, x, y, colors_of(request)))

    async def suggest(self, request: Request) -> Response:
        """Send the places where a hint would help most."""
        photo, edits = self._photo(request), await self._edits(request)
        return JSONResponse(await self._queue.run(suggestions, photo, edits, self._network))

    async def overlay(self, request: Request) -> Response:
        """Send a picture that marks where the network is uncertain."""
        photo, edits = self._photo(request), await self._edits(request)
        data = await self._queue.run(overlay, photo, edits, self._network)
        return Response(data, media_type="image/png")

    async def candidates(self, request: Request) -> Response:
        """Send small pictures of the candidates."""
        photo, edits = self._photo(request), await self._edits(request)
        return JSONResponse(await self._queue.run(candidates, photo, edits, self._network))

    async def write(self, request: Request) -> Response:
        """Write the full-size file; send its address."""
        photo, edits = self._photo(request), await self._edits(request)
        await self._queue.run(write_result, photo, edits, self._network, self._settings)
        return JSONResponse({"href": f"/photos/{photo.id}/file", "name": photo.result_name})

    async def download(self, request: Request) -> Response:
        """Send the file that was written last."""
        photo = self._photo(request)
        if not photo.target.exists():
            raise HTTPException(404, "no result yet: colorize this photo first")
        return FileResponse(photo.target, filename=photo.result_name)

    async def choose(self, request: Request, *, name: str) -> Response:
        """Note several photos with their edits; send the address of the zip of their results, or of the project."""
        values = (await json_of(request, longest=LONGEST_PROJECT)).get("photos")
        if not isinstance(values, list) or not 0 < len(values) <= MOST_PHOTOS:
            raise HTTPException(400, f"invalid photos: expected a list of 1 to {MOST_PHOTOS}")
        if not all(isinstance(one, dict) for one in values):
            raise HTTPException(400, "invalid photos: expected an id and edits for each")
        chosen = [
            Chosen(
                self._known(one.get("id")),
                self._read(one.get("edits")),
                compact(one.get("kept")),
            )
            for one in values
        ]
        token = secrets.token_urlsafe(16)
        self._archives[token] = (name, chosen)
        while len(self._archives) > MOST_ARCHIVES:
            self._archives.popitem(last=False)
        return JSONResponse({"href": f"/archives/{token}", "name": name})

    async def archive(self, request: Request) -> Response:
        """Send the zip of noted photos, each file as soon as it is written."""
        noted = self._archives.get(request.path_params["id"])
        if noted is None:
            raise HTTPException(404, "unknown archive: download all again")
        name, chosen = noted

        async def write(photo: UploadedPhoto, edits: Edits) -> Path:
            return await self._queue.run(write_result, photo, edits, self._network, self._settings)

        entries = project(chosen) if name == SAVED else results(chosen, write)
        headers = {"Content-Disposition": f'attachment; filename="{name}"'}
        return StreamingResponse(zipped(entries), media_type="application/zip", headers=headers)

    async def open_project(self, request: Request) -> Response:
        """Add the photos of an uploaded project; send them with their edits."""
        _, path = self._photos.place_for("")
        try:
            await write_upload(request, path, largest=LARGEST_PROJECT)
            opened = await self._reading.run(open_project, path, self._photos)
        finally:
            self._photos.discard(path)
        photos = [{**described(photo), "edits": kept} for photo, kept in opened.photos]
        return JSONResponse({"photos": photos, "failed": opened.failed})

    def _photo(self, request: Request) -> UploadedPhoto:
        return self._known(request.path_params["id"])

    def _known(self, id: object) -> UploadedPhoto:
        try:
            return self._photos[str(id)]
        except KeyError:
            raise HTTPException(404, "unknown photo: upload it again") from None

    async def _edits(self, request: Request) -> Edits:
        return self._read(await json_of(request))

    def _read(self, values: object) -> Edits:
        if not isinstance(values, dict):
            raise HTTPException(400, "invalid edits: expected a JSON object")
        references = self._photos.references
        return edits_from(values, released=self._settings.color, references=references)


def described(photo: UploadedPhoto) -> dict[str, object]:
    """Return what the page knows of a photo."""
    height, width = photo.size
    size = {"width": width, "height": height, "pages": photo.pages}
    return {"id": photo.id, "name": photo.name, **size}
