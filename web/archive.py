"""Zips written while they are sent: of a visitor's results, and of a project, which can be opened again anywhere."""

import json
import time
import zipfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any, TypeAlias

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from photo.candidate_file import written_guidance
from runtime.places import VERSION
from web.edits import Edits
from web.photos import UploadedPhoto

CHUNK = 1 << 20  # bytes
FAILED = "failed.txt"
PROJECT = "project.json"

Entry: TypeAlias = tuple[str, Path | str]  # the name of a file, and the file itself or its text


@dataclass(frozen=True)
class Chosen:
    """A photo to be put into a zip.

    kept : its edits as the page keeps them, with the steps that can be undone, as JSON, which takes a tenth of the memory
    """

    photo: UploadedPhoto
    edits: Edits
    kept: str = "null"


class _Sent:
    """A file that only collects what is written to it, and cannot be positioned, as a network connection."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def write(self, data: bytes) -> int:
        self._parts.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        """Do nothing."""

    def taken(self) -> bytes:
        """Return what was written since the last call."""
        data = b"".join(self._parts)
        self._parts.clear()
        return data


async def zipped(entries: AsyncIterator[Entry]) -> AsyncIterator[bytes]:
    """Yield a zip of files, uncompressed, as pictures are compressed already; files of one name are told apart."""
    sent, taken = _Sent(), set[str]()
    with zipfile.ZipFile(sent, "w") as archive:  # type: ignore[call-overload]
        async for name, content in entries:
            about = zipfile.ZipInfo(_own_name(name, taken), time.localtime()[:6])
            if isinstance(content, str):
                archive.writestr(about, content)
                continue
            with archive.open(about, "w", force_zip64=True) as entry, content.open("rb") as file:
                while data := await run_in_threadpool(file.read, CHUNK):
                    entry.write(data)
                    yield sent.taken()
            yield sent.taken()
    yield sent.taken()


async def results(
    chosen: Iterable[Chosen], write: Callable[[UploadedPhoto, Edits], Awaitable[Path]]
) -> AsyncIterator[Entry]:
    """Yield each photo's result, then a list of those that failed, if any, each with the reason.

    write : writes a photo's result and returns its path
    """
    failed = []
    for one in chosen:
        try:
            path = await write(one.photo, one.edits)
        except (OSError, ValueError, RuntimeError, MemoryError, HTTPException) as error:
            failed.append(f"{one.photo.name}: {getattr(error, 'detail', error)}\n")
            continue
        yield one.photo.result_name, path
    if failed:
        yield FAILED, "".join(failed)


async def project(chosen: Sequence[Chosen]) -> AsyncIterator[Entry]:
    """Yield the photos, what guides each as the command reads it, references, and last what the page keeps of them."""
    told, references = [], dict[str, str]()
    for number, one in enumerate(chosen, 1):
        photo, place = one.photo, f"photos/{number}"
        yield f"{place}/{photo.name}", photo.source
        if hints := command_hints(one):
            yield f"{place}/hints.json", hints
        reference = one.edits.reference
        if reference and reference.parent.name not in references:
            name = f"references/{len(references) + 1}{reference.suffix}"
            references[reference.parent.name] = name
            yield name, reference
        told.append(
            {"file": f"{place}/{photo.name}", "name": photo.name, "edits": json.loads(one.kept)}
        )
    values = {"colorizer": VERSION, "photos": told, "references": references}
    yield PROJECT, compact(values)


def compact(values: Any) -> str:
    """Return JSON without spaces, as the page sends it: what can be saved is short enough to be opened again."""
    return json.dumps(values, ensure_ascii=False, separators=(",", ":"))


def command_hints(one: Chosen) -> str:
    """Return a photo's hints, strokes, and chosen look or candidate as JSON that `-hints` reads; "" for none."""
    color, guidance = one.edits.color, one.edits.for_file(one.photo.source, one.photo.size)
    guidance = replace(guidance, mood=color.mood, palette=color.palette, strength=color.guidance)
    values = written_guidance(guidance)
    return json.dumps(values, ensure_ascii=False) if values else ""


def _own_name(name: str, taken: set[str]) -> str:
    """Return a name that no other file has, told apart by a number, and add it to those that are taken."""
    path, number, own = PurePosixPath(name), 1, name
    while own.lower() in taken:  # many systems do not tell capitals apart
        number += 1
        own = str(path.with_name(f"{path.stem} ({number}){path.suffix}"))
    taken.add(own.lower())
    return own
