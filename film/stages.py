"""What is done with one piece of a shot: split -> painted -> rendered. Idempotent: what is finished is not done again.

The same function serves one process, a pool of them, and machines that share the job's folder.
"""

import hashlib
import io
import pickle
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from film.frames import decode_gray, read_png, write_png
from film.job import AB, Piece, discard, finished_file, finished_folder, write_text
from film.plan import Painter, Painting, Plan
from film.progress import counting
from film.render import (
    chroma_table,
    comments_and_frames,
    film_matrix,
    painted_rgb,
    render_piece,
)
from film.source import FilmError

# A network is for one thread at a time; a Dask worker may have several.
_PAINTING = threading.Lock()


@dataclass(frozen=True)
class Done:
    """A finished piece, and the seconds each stage took."""

    piece: Piece
    seconds: Mapping[str, float]


def finish_piece(plan: Plan, piece: Piece) -> Done:
    """Bring one piece from wherever it stands to its finished shot, and take its frames off the disk."""
    seconds: dict[str, float] = {}
    shot = plan.shot(piece)
    if not shot.exists():
        ab = painted(plan, piece, seconds) if plan.painted(piece) else None
        first, last = plan.span(piece)
        table = None if ab is None else table_of(plan)
        with clocked(seconds, "rendered"), finished_file(shot) as part, counting(shot) as told:
            render_piece(
                plan.film,
                ab,
                part,
                first=first,
                last=last,
                table=table,
                options=plan.encoder,
                comment=plan.label(piece),
                told=told,
            )
            write_text(plan.checksum(piece), _sha256(part))
    if not plan.keep:
        discard(plan.input_img(piece))
        discard(plan.output_img(piece))
    return Done(piece, seconds)


def is_rendered(plan: Plan, piece: Piece) -> bool:
    """Tell whether the piece's shot is there, all of it, unchanged, and of this piece."""
    shot = plan.shot(piece)
    try:
        comments, frames = comments_and_frames(shot)
        whole = plan.label(piece) in comments and frames == piece.count
        return whole and plan.checksum(piece).read_text("utf-8") == _sha256(shot)
    except (OSError, ValueError):
        return False


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def painted(plan: Plan, piece: Piece, seconds: dict[str, float]) -> NDArray[np.float32]:
    """Return the piece's small ab (n, h, w, 2), painting it when that has not been done.

    It is kept as float16, and the rounded values are what is rendered: a resumed film equals an uninterrupted one.
    """
    kept = _read_ab(plan.output_img(piece) / AB, piece.count)
    if kept is None:
        with clocked(seconds, "split"):
            grays = split(plan, piece)
        with clocked(seconds, "painted"), _PAINTING:
            ab = painter_of(plan.painting).ab_frames(grays)
        with clocked(seconds, "kept"):
            kept = (_halved(ab) if plan.compare else ab).astype(np.float16)
            write_painted(plan, piece, grays, kept)
    return kept.astype(np.float32)


def _read_ab(path: Path, count: int) -> NDArray[np.float16] | None:
    """Return the colors (count, h, w, 2) that were kept for a piece, None where none can be used."""
    try:
        ab = np.load(path, mmap_mode="r")  # reserves no memory for what only a header claims
    except (FileNotFoundError, ValueError, EOFError):
        return None
    fits = ab.dtype == np.float16 and ab.ndim == 4 and (len(ab), ab.shape[3]) == (count, 2)
    return np.array(ab) if fits and ab.size and np.isfinite(ab).all() else None


def _halved(ab: NDArray[np.float32]) -> NDArray[np.float32]:
    left = np.arange(ab.shape[2]) < ab.shape[2] // 2
    return np.where(left[:, None], np.float32(0), ab)


def split(plan: Plan, piece: Piece) -> NDArray[np.uint8]:
    """Return the piece's gray frames (n, H, W), from the disk when they have been split already."""
    kept = _read_grays(plan, piece) if has_grays(plan, piece) else []
    if kept and all(gray.shape == plan.film.working_size for gray in kept):
        return np.stack(kept)
    grays = list(decode_gray(plan.film, *plan.span(piece), deinterlace=plan.encoder.deinterlace))
    write_grays(plan, piece, grays)
    return np.stack(grays)


def _read_grays(plan: Plan, piece: Piece) -> list[NDArray[np.uint8]]:
    """Read the piece's gray frames; none if one is damaged (a power cut: they are not flushed one by one)."""
    try:
        return [read_png(path) for path in _gray_paths(plan, piece)]
    except FilmError:
        return []


def has_grays(plan: Plan, piece: Piece) -> bool:
    """Tell whether the piece's gray frames are all on the disk."""
    return all(path.is_file() and path.stat().st_size for path in _gray_paths(plan, piece))


def _gray_paths(plan: Plan, piece: Piece) -> list[Path]:
    return [plan.input_img(piece) / f"{number:07d}.png" for number in range(*plan.span(piece))]


def write_grays(plan: Plan, piece: Piece, grays: Iterable[NDArray[np.uint8]]) -> None:
    """Keep a piece's gray frames as PNG files, numbered as in the film."""
    level = (
        1 if plan.keep else 0
    )  # frames in work live for seconds: storing them takes a third of the time
    with finished_folder(plan.input_img(piece)) as folder:
        for path, gray in zip(_gray_paths(plan, piece), grays, strict=True):
            write_png(folder / path.name, gray, level=level)


def write_painted(
    plan: Plan, piece: Piece, grays: NDArray[np.uint8], ab: NDArray[np.float16]
) -> None:
    """Keep a piece's colors; and, if its frames are to stay, the painted ones as PNG files to look at."""
    with finished_folder(plan.output_img(piece)) as folder:
        if plan.keep:
            for number, (gray, colors) in enumerate(
                zip(grays, ab, strict=True), plan.span(piece)[0]
            ):
                rgb = painted_rgb(gray, colors.astype(np.float32), plan.painting.lab2rgb)
                write_png(folder / f"{number:07d}.png", rgb)
        held = io.BytesIO()  # np.save on a file does not say when the disk is full
        np.save(held, ab)
        with finished_file(folder / AB) as part:
            part.write_bytes(held.getvalue())


def prepare(painting: Painting) -> None:
    """Build what this process needs ahead of its first piece."""
    painter_of(painting)


def painter_of(painting: Painting) -> Painter:
    """Return this process's painter, built at the first piece and kept for the next film."""
    return _painter(pickle.dumps(painting.factory))


@lru_cache(maxsize=1)
def _painter(factory: bytes) -> Painter:
    cv2.setNumThreads(1)  # there is a process for every core
    try:
        return pickle.loads(factory)()  # type: ignore[no-any-return]
    except RuntimeError as error:  # no such device, or not enough of it
        raise FilmError(f"the network cannot run here: {error}") from error


def table_of(plan: Plan) -> NDArray[np.float32]:
    """Return the table that turns ab into the film's chroma."""
    return chroma_table(film_matrix(plan.film.video), plan.painting.lab2rgb)


@contextmanager
def clocked(seconds: dict[str, float], stage: str) -> Iterator[None]:
    """Add the time spent inside to a stage's seconds."""
    began = time.perf_counter()
    try:
        yield
    finally:
        seconds[stage] = seconds.get(stage, 0.0) + time.perf_counter() - began
