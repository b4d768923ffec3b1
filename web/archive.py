"""All of a visitor's results as one zip, written while it is sent: a file a photo, each as the command writes it."""

import time
import zipfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from pathlib import Path, PurePosixPath

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from web.edits import Edits
from web.photos import UploadedPhoto

CHUNK = 1 << 20  # bytes
FAILED = "failed.txt"

Chosen = tuple[UploadedPhoto, Edits]


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


async def zipped(
    chosen: Iterable[Chosen], write: Callable[[UploadedPhoto, Edits], Awaitable[Path]]
) -> AsyncIterator[bytes]:
    """Yield a zip of the photos' results, uncompressed, as they are compressed already.

    write : writes a photo's result and returns its path
    Photos that fail are listed in a text file at its end, each with the reason.
    """
    sent, failed, taken = _Sent(), [], set[str]()
    with zipfile.ZipFile(sent, "w") as archive:  # type: ignore[call-overload]
        for photo, edits in chosen:
            try:
                path = await write(photo, edits)
            except (OSError, ValueError, RuntimeError, MemoryError, HTTPException) as error:
                failed.append(f"{photo.name}: {getattr(error, 'detail', error)}\n")
                continue
            about = zipfile.ZipInfo(_own_name(photo.result_name, taken), time.localtime()[:6])
            with archive.open(about, "w", force_zip64=True) as entry, path.open("rb") as file:
                while data := await run_in_threadpool(file.read, CHUNK):
                    entry.write(data)
                    yield sent.taken()
            yield sent.taken()
        if failed:
            archive.writestr(FAILED, "".join(failed))
    yield sent.taken()


def _own_name(name: str, taken: set[str]) -> str:
    """Return a name that no other file has, told apart by a number, and add it to those that are taken."""
    path, number, own = PurePosixPath(name), 1, name
    while own.lower() in taken:  # many systems do not tell capitals apart
        number += 1
        own = f"{path.stem} ({number}){path.suffix}"
    taken.add(own.lower())
    return own
