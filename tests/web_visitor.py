"""A visitor of the page, as far as the server sees one, and the server in a thread."""

import http.client
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import uvicorn
from helpers import wait_for

from film.options import FilmOptions
from model.options import ColorOptions, RunOptions
from photo.options import PhotoOptions
from web.app import application
from web.options import Settings, WebOptions
from web.server import listening, password_for

COLOR = ColorOptions(working_size=64)
Json = dict[str, Any]


class Visitor:
    """A browser, as far as the server sees it."""

    def __init__(self, port: int) -> None:
        self.port = port

    def ask(
        self, method: str, path: str, body: bytes = b"", *, timeout: float = 60, **headers: str
    ) -> tuple[int, dict[str, str], bytes]:
        host = f"127.0.0.1:{self.port}"
        sent = {"Host": host, "Origin": f"http://{host}"}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        for name, value in {"Content-Length": str(len(body)), **sent}.items():
            if value:
                connection.putheader(name, value)
        connection.endheaders(body or None)
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        return answer.status, {k.lower(): v for k, v in answer.getheaders()}, content

    def get(self, path: str, *, timeout: float = 60) -> bytes:
        status, _, content = self.ask("GET", path, timeout=timeout)
        assert status == 200, content
        return content

    def post(self, path: str, value: Any = None) -> bytes:
        status, _, content = self.ask("POST", path, json.dumps(value or {}).encode())
        assert status == 200, content
        return content

    def post_nothing(self, path: str, value: Any) -> None:
        """Send a value that is answered without content."""
        status, _, content = self.ask("POST", path, json.dumps(value).encode())
        assert status == 204, content

    def upload(self, file: Path, *, to: str = "/photos", name: str = "") -> Json:
        path = f"{to}?name={quote(name or file.name)}"
        status, _, content = self.ask("POST", path, file.read_bytes())
        assert status == 200, content
        answer: Json = json.loads(content)
        return answer


@contextmanager
def served(
    folder: Path, settings: Settings, *, keeps: bool = False, **options: Any
) -> Iterator[Visitor]:
    """Serve the page in a thread, with its uploads in a folder, beside which projects are kept if asked for."""
    wanted = WebOptions(web=True, web_port=0, **options)
    uploads = folder / "uploads"
    uploads.mkdir(exist_ok=True)
    kept = folder / "kept" if keeps else None
    if kept:
        kept.mkdir(exist_ok=True)
    app = application(uploads, wanted, settings, password=password_for(wanted), kept=kept)
    listener = listening(wanted)
    config = uvicorn.Config(app, log_level="error", lifespan="on", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    wait_for(lambda: server.started)
    try:
        yield Visitor(listener.getsockname()[1])
    finally:
        server.should_exit = True
        thread.join(30)
        listener.close()


def opened(visitor: Visitor, path: Path) -> Json:
    """Open a film; return its description when its shots are known."""
    token = json.loads(visitor.post("/films/open", {"path": str(path)}))["id"]
    return when(visitor, token, lambda film: film["analysis"]["state"] == "done")


def when(visitor: Visitor, token: str, condition: Callable[[Json], bool]) -> Json:
    found: Json = {}

    def asked() -> bool:
        found.update(json.loads(visitor.get(f"/films/{token}")))
        return condition(found)

    wait_for(asked)
    return found


def _no_films(color: ColorOptions) -> Any:
    raise AssertionError("no film here")


def settings_of(run: RunOptions, folder: Path) -> Settings:
    return Settings(run, COLOR, PhotoOptions(), FilmOptions(cache=folder / "cache"), _no_films)
