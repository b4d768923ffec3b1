"""Films' edits that outlive the server: what was chosen of a film on this machine, and its keyframes' pictures.

    films/KEY/edits.json      the film's path, its edits and how it is written, as the page sent them
    films/KEY/TOKEN/NAME      the picture of a keyframe

Uploaded films are deleted with the server, and so are their edits.
"""

import hashlib
import json
import logging
import os
import re
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from color.guidance import ColoredFrame
from runtime.files import discard, whole_file, write_text
from web.films import OpenFilm, guide, plan_film

FILMS, EDITS = "films", "edits.json"
UNUSED_S = 90 * 24 * 3600  # after this time the edits of a film are deleted
MOST_FILMS = 200
MOST_LISTED = 12
TOKEN = re.compile(
    r'"([\w-]{22})"', re.ASCII
)  # of a picture, as `secrets.token_urlsafe(16)` makes it

log = logging.getLogger(__name__)


class RecentFilm(NamedTuple):
    """A film on this machine whose edits are kept."""

    name: str
    path: str


class KeptFilms:
    """The edits of films in a folder."""

    def __init__(self, kept: Path) -> None:
        self._folder = kept / FILMS
        self._folder.mkdir(exist_ok=True)

    def write(self, opened: OpenFilm) -> None:
        """Keep the edits of an open film and its keyframes' pictures."""
        if opened.folder is not None:
            return
        place = self._place(opened)
        place.mkdir(exist_ok=True)
        used = _tokens(json.dumps(dict(opened.edits.values)))
        frames = {token: one for token, one in opened.keyframes.items() if token in used}
        for token, keyframe in frames.items():
            _copy(keyframe.path, place / token / keyframe.path.name)
        values = {
            "path": os.fspath(opened.film.path.resolve()),
            "size": opened.film.size_bytes,
            "guidance": dict(opened.edits.values),
            "plan": dict(opened.plan.values),
            "keyframes": {token: [one.at, one.path.name] for token, one in frames.items()},
        }
        write_text(place / EDITS, json.dumps(values))
        for folder in place.iterdir():
            # Not one that was just taken off: undoing brings it back.
            if folder.is_dir() and folder.name not in opened.keyframes:
                shutil.rmtree(folder, ignore_errors=True)

    def restore(self, opened: OpenFilm, references: Mapping[str, Path]) -> None:
        """Give a film that was just opened the edits that an earlier server kept; pass over what is no longer valid."""
        place = self._place(opened)
        values = _read(place / EDITS)
        if values is None or values.get("size") != opened.film.size_bytes:
            return
        with suppress(ValueError, OSError, TypeError, AttributeError, KeyError, RecursionError):
            for token, (at, name) in values["keyframes"].items():
                picture = place / str(token) / Path(str(name)).name
                if TOKEN.fullmatch(f'"{token}"') and picture.is_file():
                    digest = hashlib.sha256(picture.read_bytes()).hexdigest()
                    opened.keyframes[token] = ColoredFrame(str(at), picture, digest)
            there = {"keyframes": opened.keyframes, "references": references}
            guide(opened, _with_pictures(values["guidance"], there), references)
        with suppress(ValueError, OSError, TypeError, AttributeError):
            plan_film(opened, values["plan"])

    def recent(self) -> list[RecentFilm]:
        """List the films that are still where they were, the latest first."""
        paths = sorted(self._folder.glob(f"*/{EDITS}"), key=lambda path: -path.stat().st_mtime)
        found = (Path(str(values["path"])) for path in paths if (values := _read(path)))
        there = (path for path in found if path.is_file())
        return [RecentFilm(path.name, os.fspath(path)) for path in islice(there, MOST_LISTED)]

    def _place(self, opened: OpenFilm) -> Path:
        path = os.fsencode(opened.film.path.resolve())
        return self._folder / hashlib.sha256(path).hexdigest()[:32]


def _with_pictures(
    values: Mapping[str, Any], there: Mapping[str, Mapping[str, object]]
) -> dict[str, Any]:
    """Leave out the pictures of edits, and of the page's own record of them, that are no longer there."""
    found = dict(values)
    for kind, known in there.items():
        chosen = values.get(kind, {})
        found[kind] = {
            where: one
            for where, one in chosen.items()
            if (one["id"] if isinstance(one, dict) else one) in known
        }
    if "edits" in values:
        found["edits"] = _with_pictures(values["edits"], there)
    return found


def sweep_films(kept: Path) -> set[str]:
    """Delete the edits of films that were not used for long; return the pictures that the others use, by token."""
    texts = dict(_texts(kept / FILMS))
    latest = sorted(texts, key=lambda folder: -(folder / EDITS).stat().st_mtime)
    for i, folder in enumerate(latest):
        if i >= MOST_FILMS or time.time() - (folder / EDITS).stat().st_mtime > UNUSED_S:
            shutil.rmtree(folder, ignore_errors=True)
            del texts[folder]
    return set().union(*map(_tokens, texts.values()))


def _texts(films: Path) -> Iterator[tuple[Path, str]]:
    for path in films.glob(f"*/{EDITS}"):
        with suppress(OSError, ValueError):
            yield path.parent, path.read_text(encoding="utf-8")


def _tokens(text: str) -> set[str]:
    return set(TOKEN.findall(text))


def _copy(source: Path, target: Path) -> None:
    if target.exists():
        return
    target.parent.mkdir(exist_ok=True)
    try:
        with whole_file(target) as part:
            shutil.copyfile(source, part)
    except OSError:
        discard(target.parent)
        raise


def _read(path: Path) -> dict[str, Any] | None:
    try:
        values: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        missing = {"path", "guidance", "plan", "keyframes"} - values.keys()
        if missing:
            raise ValueError(f"without {', '.join(sorted(missing))}")
    except FileNotFoundError:
        return None
    except (OSError, ValueError, AttributeError, RecursionError) as error:
        log.warning("%s has no edits of a film (%s): delete it", path, error)
        return None
    return values
