"""Reads request bodies of limited size: a file, written directly to disk, or a JSON object."""

import json
import shutil
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request

LONGEST_JSON = 2_000_000  # bytes
# Bytes of JSON: the edits of all photos, with the steps that can be undone.
LONGEST_PROJECT = 100_000_000
LARGEST_PHOTO = 4_000_000_000  # bytes: limit of TIFF and JPEG
FREE_BYTES = 1_000_000_000  # disk space that uploads leave free


async def json_of(request: Request, *, longest: int = LONGEST_JSON) -> dict[str, Any]:
    """Read a request's JSON object of at most so many bytes. Raises HTTPException for anything else."""
    body = b"".join([part async for part in _limited(request, longest, _too_long)])
    try:
        value = json.loads(body or b"{}")
    except (ValueError, RecursionError):
        raise HTTPException(400, "invalid request: expected JSON") from None
    if not isinstance(value, dict):
        raise HTTPException(400, "invalid request: expected a JSON object")
    return value


def place_of(request: Request) -> tuple[float, float]:
    """Read a place as shares of a picture's sides, 0 to 1. Raises ValueError."""
    x, y = (float(request.query_params.get(name, "")) for name in ("x", "y"))
    if not (0 <= x <= 1 and 0 <= y <= 1):
        raise ValueError(f"invalid place {x:g},{y:g}: expected shares of the sides, 0 to 1")
    return x, y


def colors_of(request: Request) -> list[str]:
    """Return the colors of a request, as written."""
    return request.query_params.getlist("color")


async def write_upload(request: Request, path: Path, *, largest: int | None = None) -> None:
    """Write a request's body to a file. Raises HTTPException if it is empty or too large.

    largest : limit in bytes, besides that of the free disk space
    """
    room = shutil.disk_usage(path.parent).free - FREE_BYTES
    limit = max(min(room, largest or room), 0)
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > limit:
        raise _too_large(int(announced), limit)
    with path.open("wb") as file:
        async for part in _limited(request, limit, _too_large):
            file.write(part)
    if not path.stat().st_size:
        raise HTTPException(400, "the file is empty")


async def _limited(
    request: Request, limit: int, refusal: Callable[[int, int], HTTPException]
) -> AsyncIterator[bytes]:
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > limit:
            raise refusal(size, limit)
        yield part


def _too_long(size: int, limit: int) -> HTTPException:
    return HTTPException(
        413, f"the request has more than {limit / 1e6:g} MB: send fewer photos or strokes at once"
    )


def _too_large(size: int, limit: int) -> HTTPException:
    return HTTPException(
        413, f"the file is too large: {size / 1e9:.1f} GB, with room for {limit / 1e9:.1f}"
    )
