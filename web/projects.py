"""Opens a project that the page saved: its photos and references are uploaded again, with what the page kept of them.

The file comes from a visitor: nothing in it is trusted, no name in it becomes a path, and no part of it may fill the disk.
"""

import json
import lzma
import shutil
import zipfile
import zlib
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from web.archive import PROJECT
from web.photos import MOST_PHOTOS, Photos, UploadedPhoto, printable_name
from web.requests import FREE_BYTES, LARGEST_PHOTO, LONGEST_PROJECT

MOST_REFERENCES = 100
# Of a damaged file; RuntimeError of one that is encrypted or packed in an unknown way.
DAMAGED = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, RuntimeError)


@dataclass
class Opened:
    """What was in a project.

    photos : each with its edits, as the page kept them
    failed : a line for each photo or reference that cannot be read
    """

    photos: list[tuple[UploadedPhoto, Any]] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)


def open_project(path: Path, photos: Photos) -> Opened:
    """Add the photos of a project file. Raises ValueError for another file."""
    try:
        with zipfile.ZipFile(path) as archive:
            return _opened(archive, _told(archive), photos)
    except DAMAGED as error:
        raise ValueError(f"the file is no project of this program ({error})") from None


def _told(archive: zipfile.ZipFile) -> dict[str, Any]:
    """Return what the page kept."""
    try:
        about = archive.getinfo(PROJECT)
        if about.file_size > LONGEST_PROJECT:
            raise ValueError("it is too large")
        values = json.loads(archive.read(about))
        if not isinstance(values["photos"], list) or not isinstance(values["references"], dict):
            raise ValueError("it lists no photos")
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise ValueError(f"the file is no project of this program ({error})") from None
    if len(values["photos"]) > MOST_PHOTOS or len(values["references"]) > MOST_REFERENCES:
        raise ValueError(
            f"the project has more than {MOST_PHOTOS} photos or {MOST_REFERENCES} references"
        )
    return dict(values)


def _opened(archive: zipfile.ZipFile, told: dict[str, Any], photos: Photos) -> Opened:
    opened, tokens = Opened(), dict[str, str]()
    for old, member in told["references"].items():
        place = _placed(archive, str(member), str(member), photos, opened.failed)
        if not place:
            continue
        try:
            photos.add_reference(place[0], PurePosixPath(str(member)).name, place[1])
        except ValueError as error:
            opened.failed.append(str(error))
        else:
            tokens[str(old)] = place[0]
    for one in told["photos"]:
        values = one if isinstance(one, dict) else {}
        name = printable_name(str(values.get("name", "")))
        place = _placed(archive, str(values.get("file", "")), name, photos, opened.failed)
        if not place:
            continue
        token, source = place
        try:
            photo = photos.add(token, name, source)
        except ValueError as error:
            opened.failed.append(str(error))
        else:
            opened.photos.append((photo, _with_tokens(values.get("edits"), tokens)))
    return opened


def _placed(
    archive: zipfile.ZipFile, member: str, name: str, photos: Photos, failed: list[str]
) -> tuple[str, Path] | None:
    """Extract a file to a place of its own: its token and path; or tell why not."""
    token, source = photos.place_for(name)
    try:
        _extract(archive, member, source)
    except (KeyError, OSError, ValueError, *DAMAGED) as error:
        photos.discard(source)
        failed.append(f"{name}: {error}")
        return None
    return token, source


def _extract(archive: zipfile.ZipFile, member: str, path: Path) -> None:
    """Write a file of an archive, at most as much as it declares. Raises as `zipfile` does, and ValueError."""
    about = archive.getinfo(member)
    room = shutil.disk_usage(path.parent).free - FREE_BYTES
    if about.file_size > min(LARGEST_PHOTO, max(room, 0)):
        raise ValueError(f"{PurePosixPath(member).name} is too large")
    with (
        archive.open(about) as packed,
        path.open("wb") as file,
    ):  # zipfile stops at the declared size
        shutil.copyfileobj(packed, file)


def _with_tokens(kept: Any, tokens: dict[str, str]) -> Any:
    """Return kept edits with the new tokens of their references."""
    if isinstance(kept, list):
        return [_with_tokens(one, tokens) for one in kept]
    if not isinstance(kept, dict):
        return kept
    values = {name: _with_tokens(value, tokens) for name, value in kept.items()}
    if isinstance(values.get("reference"), str):
        values["reference"] = tokens.get(values["reference"])
    return values
