"""The web application: serves the page's files, and answers requests about photos and films."""

import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from color.guidance import MOODS
from runtime.places import shown
from web.edits import released_values
from web.film_frame_routes import FrameRoutes
from web.film_jobs import FilmJobs
from web.film_plan import film_choices
from web.film_routes import FilmRoutes
from web.guard import Guard
from web.kept import MOST_KEPT, PHOTOS, KeptProjects, sweep
from web.kept_films import KeptFilms
from web.kept_routes import KeptRoutes
from web.messages import message
from web.network import Network, Queue
from web.options import Settings, WebOptions
from web.photo_routes import PhotoRoutes
from web.photos import Photos

PAGE = Path(__file__).resolve().parent / "page"
KINDS = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".json": "application/json",
         ".svg": "image/svg+xml"}  # fmt: skip

log = logging.getLogger(__name__)


def application(
    folder: Path,
    options: WebOptions,
    settings: Settings,
    *,
    password: str,
    kept: Path | None = None,
) -> ASGIApp:
    """Build the application.

    folder : an empty folder for uploads
    password : required from visitors; "" for none
    kept : a folder in which photos outlive the server; None keeps them in the folder for uploads
    """
    network, queue = Network(settings.color, settings.run), Queue()
    photos = Photos(folder)
    kept_routes: list[Route] = []
    kept_films = None
    if kept:
        kept_films = KeptFilms(kept)
        sweep(kept)
        photos = Photos(kept / PHOTOS, most=MOST_KEPT)
        photos.restore()
        kept_routes = KeptRoutes(KeptProjects(kept, photos), photos).routes()
    photo_routes = PhotoRoutes(photos, network, queue, settings)
    films = FilmJobs()
    film_routes = FilmRoutes(folder, settings, photos, films, roots=options.roots, kept=kept_films)
    frame_routes = FrameRoutes(network, queue, films)

    async def released(request: Request) -> Response:
        return JSONResponse(
            {
                "released": released_values(settings.color),
                "moods": MOODS,
                "opens": options.roots != (),
                "keeps": shown(kept) if kept else "",
                "films": film_choices(),
            }
        )

    async def waiting(request: Request) -> Response:
        return JSONResponse({"length": queue.length})

    @asynccontextmanager
    async def closing(app: Starlette) -> AsyncIterator[None]:
        queue.begin(network.load)
        try:
            yield
        finally:
            queue.close()
            photo_routes.close()
            films.close()

    def named(text: str) -> str:
        return message(photos.told(text), folder)

    refused = partial(_refused, named)
    app = Starlette(
        routes=[
            *page_routes(), *kept_routes, *photo_routes.routes(), *film_routes.routes(), *frame_routes.routes(),
            Route("/queue", waiting), Route("/settings", released),
        ],
        lifespan=closing,
        exception_handlers={
            HTTPException: refused, ValueError: refused, OSError: refused, RuntimeError: refused,
            MemoryError: refused, Exception: _failed,
        },
    )  # fmt: skip
    login = (PAGE / "login.html").read_text(encoding="utf-8")
    return Guard(app, options, password=password, login=login)


def page_routes() -> list[Route]:
    """Return a route for each of the page's files; requests can reach no other path."""
    routes = [Route("/", partial(_page, PAGE / "index.html"))]
    for path in sorted(PAGE.rglob("*.*")):
        if path.name not in {"index.html", "login.html"}:
            routes.append(Route(f"/{path.relative_to(PAGE).as_posix()}", partial(_page, path)))
    return routes


async def _page(path: Path, request: Request) -> Response:
    return Response(path.read_bytes(), media_type=KINDS[path.suffix])


async def _refused(named: Callable[[str], str], request: Request, error: Exception) -> Response:
    """Answer an error in one line."""
    if isinstance(error, HTTPException):
        return JSONResponse({"error": error.detail}, error.status_code)
    log.debug("%s", request.url.path, exc_info=error)
    text = "not enough memory" if isinstance(error, MemoryError) else named(str(error))
    return JSONResponse({"error": text}, 400)


async def _failed(request: Request, error: Exception) -> Response:
    return JSONResponse({"error": f"{type(error).__name__}: see the log in the terminal"}, 500)
