"""What of a film can be watched while it is colorized: the finished parts of its started job."""

from pathlib import Path
from typing import TypedDict

from film import FilmError
from film.parts import FilmPart, finished_parts, write_part
from web.films import OpenFilm, StartedJob

MOST_PARTS = 16  # files kept


class PartJson(TypedDict):
    """A part in JSON: its number, first frame and count of frames, and the time of its first frame in seconds."""

    part: int
    first: int
    frames: int
    begins_s: float


def listed_parts(opened: OpenFilm) -> list[PartJson]:
    """List the finished parts of a film's job; none once the film itself is finished."""
    job, film = opened.started, opened.film
    if job is None:
        return []
    base = film.video.time_base
    return [
        {
            "part": part.number,
            "first": (first := job.span[0] + part.first),
            "frames": part.frames,
            "begins_s": float((film.pts[first] - film.pts[0]) * base),
        }
        for part in finished_parts(job.folder)
    ]


def part_file(opened: OpenFilm, number: int, folder: Path) -> Path | None:
    """Return a finished part as a file that browsers play, kept in a folder with the latest others.

    None for a part that is not there, or no more, because the film has just been finished. Raises FilmError or OSError.
    """
    job = opened.started
    part = _part(job, number) if job else None
    if job is None or part is None:
        return None
    try:
        return _written(opened, job, part, folder)
    except (OSError, FilmError):
        if _part(job, number):
            raise
        return None  # deleted meanwhile


def _part(job: StartedJob, number: int) -> FilmPart | None:
    return next((one for one in finished_parts(job.folder) if one.number == number), None)


def _written(opened: OpenFilm, job: StartedJob, part: FilmPart, folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    # Its segments are made again after another edit.
    made_ns = max(path.stat().st_mtime_ns for path in part.segments(job.folder))
    path = folder / f"{job.folder.name}.{part.number}.{made_ns}.mp4"
    if not path.exists():
        encoder = job.options.encoder
        write_part(opened.film, job.folder, part, path, first=job.span[0], encoder=encoder)
        for old in sorted(folder.glob("*.mp4"), key=lambda one: one.stat().st_mtime)[:-MOST_PARTS]:
            old.unlink(missing_ok=True)
    return path
