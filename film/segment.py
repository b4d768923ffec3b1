"""One segment from gray frames to an encoded file: split -> colorized -> rendered. What is finished is not done again.

The same function serves one process, a pool of them, and machines that share the job's folder. A worker gets a job's
folder and a segment's record; all else it reads from the folder, once.
"""

import hashlib
import io
import logging
import pickle
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from film import FilmError
from film.chroma import colorized_rgb
from film.encode import comments_and_frames, render
from film.frames import decode_gray, png_name, png_of, read_png
from film.info import Film
from film.job import AB, Job, JobError, SegmentRecord
from film.options import Colorization, Colorizer, FilmOptions
from runtime.files import discard, whole_file, whole_folder, write_bytes, write_text
from runtime.workers import once

WORK = "work.pickle"  # in the job's folder
# A network is for one thread at a time; a Dask worker may have several.
_COLORIZING = threading.Lock()

Grays = NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Segment:
    """What a colorizer gets: consecutive frames of one shot.

    frames : gray (n, H, W) uint8 at working size
    numbers : of the frames, in the film
    shot, number : of the shot in the job, and of the segment in its shot, from 0
    before, after : (k, H, W), (m, H, W), run-in frames of the same shot on both sides; as many as the colorization
        asks for, none where the shot ends
    guidance : what a person wants, from the colorization
    """

    frames: Grays
    numbers: range
    shot: int
    number: int
    before: Grays
    after: Grays
    guidance: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class SegmentResult:
    """A finished segment, and the seconds each stage took."""

    record: SegmentRecord
    seconds: Mapping[str, float]


@dataclass(frozen=True)
class Work:
    """All that a worker must know of a film's job.

    first, last : the frames of the film that the job is of
    folder : the job's; segments count their frames from ``first``
    digest : identifies the job's work, see Manifest.digest
    """

    film: Film
    first: int
    last: int
    folder: Path
    digest: str
    colorization: Colorization
    options: FilmOptions

    def shot(self, record: SegmentRecord) -> Path:
        """Return the segment's encoded file."""
        return self.folder / "shots" / f"{record.name}.mkv"

    def checksum(self, record: SegmentRecord) -> Path:
        """Return the file with the SHA-256 of the segment's encoded file."""
        return self.shot(record).with_suffix(".sha256")

    def label(self, record: SegmentRecord) -> str:
        """Return the comment in the header of the segment's encoded file: what it is of."""
        return f"{self.digest} {record.index} {record.first} {record.count}"

    def input_img(self, record: SegmentRecord) -> Path:
        """Return the folder of the segment's gray frames."""
        return self.folder / "input_img" / record.name

    def output_img(self, record: SegmentRecord) -> Path:
        """Return the folder of the segment's colorized frames."""
        return self.folder / "output_img" / record.name

    def numbers(self, record: SegmentRecord) -> range:
        """Return the numbers of the segment's frames in the film."""
        first = self.first + record.first
        return range(first, first + record.count)

    def with_run_in(self, record: SegmentRecord) -> range:
        """Return the numbers of the segment's frames and of those around it in the same shot that come with it."""
        own, most = self.numbers(record), self.colorization.run_in
        before = most if record.number else 0
        after = 0 if record.ends_shot else most
        return range(own.start - before, own.stop + after)

    def colorized(self, record: SegmentRecord) -> bool:
        """Tell whether the segment gets its color from the colorizer."""
        return self.options.recolor or not record.color


def work_of(
    film: Film, span: tuple[int, int], job: Job, colorization: Colorization, options: FilmOptions
) -> Work:
    """Describe a job for its workers, who may stand in another folder than this process."""
    film = replace(film, path=film.path.resolve())
    return Work(film, *span, job.folder.resolve(), job.manifest.digest, colorization, options)


def finisher(work: Work) -> Callable[[SegmentRecord], SegmentResult]:
    """Leave a job's description in its folder; return what finishes a segment by it, small enough to send often."""
    description = pickle.dumps(work)
    write_bytes(work.folder / WORK, description)
    return partial(_finish_by, work.folder, hashlib.sha256(description).hexdigest())


def _finish_by(folder: Path, content_hash: str, record: SegmentRecord) -> SegmentResult:
    return finish(_described(folder, content_hash), record)


@lru_cache(maxsize=1)
def _described(folder: Path, content_hash: str) -> Work:
    """Read a job's description, once in each process; no other content is read than the one that was written."""
    path = folder / WORK
    description = path.read_bytes()
    if hashlib.sha256(description).hexdigest() != content_hash:
        raise JobError(
            f"{path} was changed while the job is in progress: run the same command again"
        )
    # Unpickling runs what it is given; the hash came from the driver, so this is what the driver wrote.
    work: Work = pickle.loads(description)
    return work


def finish(work: Work, record: SegmentRecord) -> SegmentResult:
    """Take one segment from wherever it stands to its encoded file, and its frames off the disk."""
    seconds: dict[str, float] = {}
    shot = work.shot(record)
    if not shot.exists():  # another worker may have been given it, too, when its own seemed lost
        ab = colors(work, record, seconds) if work.colorized(record) else None
        with _clocked(seconds, "rendered"), whole_file(shot) as part:
            render(
                work.film, ab, part, numbers=work.numbers(record),
                options=work.options.encoder, comment=work.label(record),
            )  # fmt: skip
            # Before the shot has its name: one without its checksum would have to be rendered again.
            write_text(work.checksum(record), _sha256(part))
    if not work.options.keep_cache:
        discard(work.input_img(record))
        discard(work.output_img(record))
    return SegmentResult(record, seconds)


def is_rendered(work: Work, record: SegmentRecord) -> bool:
    """Tell whether the segment's encoded file is there, all of it, unchanged, and of this segment."""
    # A checksum alone would hold for a file that was exchanged together with its checksum.
    shot = work.shot(record)
    try:
        comments, frames = comments_and_frames(shot)
        whole = work.label(record) in comments and frames == record.count
        return whole and work.checksum(record).read_text("utf-8") == _sha256(shot)
    except (OSError, ValueError):
        return False


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def colors(work: Work, record: SegmentRecord, seconds: dict[str, float]) -> NDArray[np.float32]:
    """Return the segment's small ab (n, h, w, 2), colorizing it when that has not been done.

    It is kept as float16, and the rounded values are what is rendered: a resumed film equals an uninterrupted one.
    """
    kept = _read_ab(work.output_img(record) / AB, record.count)
    if kept is None:
        with _clocked(seconds, "split"):
            segment = segment_of(work, record)
        with _clocked(seconds, "colorized"), _COLORIZING:
            ab = colorizer_of(work.colorization).colorize(segment)
        with _clocked(seconds, "kept"):
            kept = (_right_half(ab) if work.options.compare else ab).astype(np.float16)
            _write_colorized(work, record, segment.frames, kept)
    return kept.astype(np.float32)


def _read_ab(path: Path, count: int) -> NDArray[np.float16] | None:
    """Return the colors (count, h, w, 2) that were kept for a segment, None where none can be used."""
    try:
        ab = np.load(path, mmap_mode="r")  # reserves no memory for what only a header claims
    except (FileNotFoundError, ValueError, EOFError):
        return None
    fits = ab.dtype == np.float16 and ab.ndim == 4 and (len(ab), ab.shape[3]) == (count, 2)
    return np.array(ab) if fits and ab.size and np.isfinite(ab).all() else None


def _right_half(ab: NDArray[np.float32]) -> NDArray[np.float32]:
    left = np.arange(ab.shape[2]) < ab.shape[2] // 2
    return np.where(left[:, None], np.float32(0), ab)


def _write_colorized(
    work: Work, record: SegmentRecord, grays: Grays, ab: NDArray[np.float16]
) -> None:
    """Keep a segment's colors; and, if its frames are to stay, the colorized ones as PNG files to look at."""
    with whole_folder(work.output_img(record)) as folder:
        if work.options.keep_cache:
            for number, gray, color in zip(work.numbers(record), grays, ab, strict=True):
                rgb = colorized_rgb(gray, color.astype(np.float32))
                (folder / png_name(number)).write_bytes(png_of(rgb))
        content = io.BytesIO()  # np.save on a file does not say when the disk is full
        np.save(content, ab)
        write_bytes(folder / AB, content.getvalue())


def segment_of(work: Work, record: SegmentRecord) -> Segment:
    """Return a segment with its gray frames and its run-in, from the disk when they have been split already."""
    own, every = work.numbers(record), work.with_run_in(record)
    grays = np.stack(_kept_grays(work, record) or list(_split(work, record)))
    first, last = own.start - every.start, own.stop - every.start
    return Segment(
        grays[first:last], own, record.shot, record.number,
        before=grays[:first], after=grays[last:], guidance=work.colorization.guidance,
    )  # fmt: skip


def _kept_grays(work: Work, record: SegmentRecord) -> list[Grays]:
    """Read the segment's gray frames; none if one is damaged (a power cut: they are not flushed one by one)."""
    if not has_grays(work, record):
        return []
    try:
        grays = [read_png(path) for path in _gray_paths(work, record)]
    except FilmError:
        return []
    return grays if all(gray.shape == work.film.working_size for gray in grays) else []


def _split(work: Work, record: SegmentRecord) -> list[Grays]:
    """Decode the segment's gray frames, in one go with its neighbors', and keep them."""
    every, deinterlace = work.with_run_in(record), work.options.encoder.deinterlace
    grays = list(decode_gray(work.film, every.start, every.stop, deinterlace=deinterlace))
    write_grays(work, record, grays)
    return grays


def has_grays(work: Work, record: SegmentRecord) -> bool:
    """Tell whether the segment's gray frames are all on the disk."""
    return all(path.is_file() and path.stat().st_size for path in _gray_paths(work, record))


def write_grays(work: Work, record: SegmentRecord, grays: Iterable[Grays]) -> None:
    """Keep the gray frames of a segment and of its run-in as PNG files, numbered as in the film.

    The run-in's are there twice, once for each segment that needs them: either may be finished, and its frames
    deleted, while the other waits.
    """
    level = 1 if work.options.keep_cache else 0  # frames in progress live for seconds
    with whole_folder(work.input_img(record)) as folder:
        for path, gray in zip(_gray_paths(work, record), grays, strict=True):
            (folder / path.name).write_bytes(png_of(gray, level=level))


def _gray_paths(work: Work, record: SegmentRecord) -> list[Path]:
    folder = work.input_img(record)
    return [folder / png_name(number) for number in work.with_run_in(record)]


def start_worker() -> None:
    """Set up a process of a pool: the parent decodes each frame, too, and warns of what is damaged."""
    logging.getLogger("film").setLevel(logging.ERROR)


def prepare(colorization: Colorization) -> None:
    """Build what this process needs ahead of its first segment."""
    colorizer_of(colorization)


def colorizer_of(colorization: Colorization) -> Colorizer:
    """Return this process's colorizer, built with the first segment and kept for the next film."""
    return once(partial(_built, colorization.factory))


def _built(factory: Callable[[], Colorizer]) -> Colorizer:
    cv2.setNumThreads(1)  # there is a process for every core
    try:
        return factory()
    except RuntimeError as error:  # no such device, or not enough of it
        raise FilmError(f"the network cannot run here: {error}") from error


@contextmanager
def _clocked(seconds: dict[str, float], stage: str) -> Iterator[None]:
    """Add the time spent inside to a stage's seconds."""
    began = time.perf_counter()
    try:
        yield
    finally:
        seconds[stage] = seconds.get(stage, 0.0) + time.perf_counter() - began
