"""Projects that outlive the server: open photos with their edits, in a folder of this machine's user.

    photos/TOKEN/     an uploaded picture, what is known of it, and its edits
    projects/ID.json  the photos of a project, and which one is shown
    films/KEY/        the edits of a film: see `web.kept_films`

What can be computed again is deleted when a server starts, as are projects that were not used for long.
"""

import json
import logging
import re
import secrets
import shutil
import threading
import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runtime.files import LockedError, check_folder, discard, lock, write_text
from runtime.places import shown
from web.kept_films import sweep_films
from web.options import WebOptions
from web.photos import ABOUT, MOST_PHOTOS, STEM, THUMBNAIL, Photos, UploadedPhoto

UNUSED_S = 90 * 24 * 3600  # after this time a project is deleted
LARGEST_BYTES = 10_000_000_000  # of all projects; beyond it, the least recently used are deleted
MOST_PROJECTS = 200
MOST_KEPT = 20_000  # photos of all projects
PHOTOS, PROJECTS, LOCK = "photos", "projects", ".lock"
EDITS = "edits.json"
NAME = re.compile(r"[\w-]{22}", re.ASCII)  # of a project, as `secrets.token_urlsafe(16)` makes it
REFERENCE = re.compile(r'"reference": ?"([\w-]{22})"', re.ASCII)

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Project:
    """A project's photos, by id, and the one that was shown last.

    used_s : time of the last use, in seconds since 1970
    """

    id: str
    photos: tuple[str, ...]
    current: str
    used_s: float


@contextmanager
def keeping(options: WebOptions) -> Iterator[Path | None]:
    """Hold the folder in which projects are kept; None if other machines see the page, or another server holds it.

    Raises ValueError if it cannot be written to.
    """
    folder = options.keep
    if folder is None:
        yield None
        return
    check_folder(folder, option="-web_keep")
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with ExitStack() as held:
        kept: Path | None = folder
        try:
            held.enter_context(lock(folder / LOCK))
        except LockedError:
            kept = None
            log.info("another server keeps its projects in %s: this one keeps none", shown(folder))
        yield kept


class KeptProjects:
    """The projects in a folder, and the edits of their photos."""

    def __init__(self, folder: Path, photos: Photos) -> None:
        self._folder, self._photos = folder / PROJECTS, photos
        self._folder.mkdir(exist_ok=True)
        self._writing = threading.Lock()

    def all(self) -> list[Project]:
        """List the projects that have a photo, the latest first."""
        found = [project for project in read_projects(self._folder) if self._there(project)]
        return sorted(found, key=lambda one: -one.used_s)

    def __getitem__(self, id: str) -> Project:
        """Return a project. Raises KeyError."""
        project = _read(self._path(id))
        if project is None:
            raise KeyError(id)
        return project

    def photos(self, project: Project) -> list[tuple[UploadedPhoto, Any]]:
        """Return a project's photos, each with its edits as the page kept them."""
        return [(photo, self._edits_of(photo)) for photo in self._there(project)]

    def write(
        self, id: str | None, photos: Sequence[str], current: str, *, closed: Collection[str] = ()
    ) -> str:
        """Add photos to a project, by default a new one, and take out those that were closed; return its id.

        Others stay in it: several tabs may have the project open, and each knows only its own photos. A project
        without photos is deleted. Raises KeyError for an invalid id.
        """
        token = id or secrets.token_urlsafe(16)
        path = self._path(token)
        with self._writing:
            before = _read(path)
            both = dict.fromkeys([*(before.photos if before else ()), *photos])
            kept = [one for one in both if one in self._photos and one not in closed]
            if kept:
                write_text(path, json.dumps({"photos": kept, "current": current}))
            else:
                discard(path)
        for old in self.all()[MOST_PROJECTS:]:
            self.delete(old.id)
        return token

    def write_edits(self, photo: UploadedPhoto, edits: dict[str, Any]) -> None:
        """Keep the edits of a photo."""
        write_text(photo.source.with_name(EDITS), json.dumps(edits))

    def delete(self, id: str) -> None:
        """Delete a project, and its photos that are in no other. Raises KeyError."""
        with self._writing:
            project = self[id]
            discard(self._path(id))
        others = {token for other in read_projects(self._folder) for token in other.photos}
        for photo in self._there(project):
            if photo.id not in others:
                self._photos.remove(photo.id)

    def _path(self, id: str) -> Path:
        if not NAME.fullmatch(id):
            raise KeyError(id)
        return self._folder / f"{id}.json"

    def _there(self, project: Project) -> list[UploadedPhoto]:
        return [self._photos[token] for token in project.photos if token in self._photos]

    def _edits_of(self, photo: UploadedPhoto) -> Any:
        try:
            return json.loads(photo.source.with_name(EDITS).read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError):
            return None


def read_projects(folder: Path) -> list[Project]:
    """Read the projects in a folder; files of another form are passed over."""
    return [project for path in folder.glob("*.json") if (project := _read(path))]


def _read(path: Path) -> Project | None:
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        photos = tuple(str(one) for one in values["photos"][:MOST_PHOTOS])
        used_s = path.stat().st_mtime
        return Project(path.stem, photos, str(values.get("current")), used_s)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        log.warning("%s is no project (%s): delete it", path, error)
        return None


def sweep(folder: Path) -> None:
    """Delete what can be computed again, projects that are old or beyond the limit, and photos of none."""
    uploads, projects = folder / PHOTOS, folder / PROJECTS
    for place in (uploads, projects):
        place.mkdir(exist_ok=True)
    for path in uploads.glob("*/*"):
        if path.name not in {EDITS, ABOUT, THUMBNAIL} and path.stem != STEM:
            discard(path)
    now, total, used = time.time(), 0, sweep_films(folder)
    for i, project in enumerate(sorted(read_projects(projects), key=lambda one: -one.used_s)):
        tokens = _tokens(uploads, project)
        total += sum(_bytes(uploads / token) for token in tokens - used)
        if now - project.used_s > UNUSED_S or (i and total > LARGEST_BYTES):
            log.info(
                "the project of %s is deleted", time.strftime("%x", time.localtime(project.used_s))
            )
            discard(projects / f"{project.id}.json")
        else:
            used |= tokens
    for path in uploads.iterdir():
        if path.name not in used:
            shutil.rmtree(path, ignore_errors=True)


def _tokens(uploads: Path, project: Project) -> set[str]:
    """Return a project's photos, and the references in their edits, by their folders' names."""
    found = {token for token in project.photos if NAME.fullmatch(token)}
    for token in tuple(found):
        with suppress(OSError, ValueError):
            found |= set(REFERENCE.findall((uploads / token / EDITS).read_text(encoding="utf-8")))
    return found


def _bytes(folder: Path) -> int:
    with suppress(OSError):
        return sum(path.stat().st_size for path in folder.iterdir())
    return 0
