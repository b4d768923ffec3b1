"""A film's job as its workers know it: what is done, where everything of it lies, and who colorizes in this process.

The same work is done by one process, a pool of them, and machines that share the job's folder. A worker gets the
folder and a step; all else it reads from the folder, once.
"""

import hashlib
import logging
import pickle
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial
from pathlib import Path

import cv2

from color.segment import Colorization, SegmentColorizer
from film import FilmError
from film.guidance import ShotGuidance
from film.info import Film, source_of
from film.job import HINTS, LINKED, PREDICTED, Job, JobError, Manifest, SegmentRecord
from film.options import FilmOptions
from runtime.files import discard, write_bytes
from runtime.workers import once

WORK = "work.pickle"  # in the job's folder


@dataclass(frozen=True)
class Work:
    """All that a worker must know of a film's job.

    first, last : the frames of the film that the job is of
    folder : the job's; segments count their frames from ``first``
    digest : identifies the job's work, see Manifest.digest
    guidance : of shots, by their number
    """

    film: Film
    first: int
    last: int
    folder: Path
    digest: str
    colorization: Colorization
    options: FilmOptions
    guidance: Mapping[int, ShotGuidance] = field(default_factory=dict)

    def shot(self, record: SegmentRecord) -> Path:
        """Return the segment's encoded file."""
        return self.folder / "shots" / f"{record.name}.mkv"

    def checksum(self, record: SegmentRecord) -> Path:
        """Return the file with the SHA-256 of the segment's encoded file."""
        return self.shot(record).with_suffix(".sha256")

    def label(self, record: SegmentRecord) -> str:
        """Return the comment in the header of the segment's encoded file: what it is of."""
        label = f"{self.digest} {record.index} {record.first} {record.count}"
        guidance = self.guidance.get(record.shot)
        return f"{label} {guidance.digest}" if guidance else label

    def hint_tracks(self, shot: int) -> Path:
        """Return the file of where a shot's hints are in its frames."""
        return self.folder / HINTS / f"{shot:05d}.npz"

    def forget(self, record: SegmentRecord) -> None:
        """Delete what has been made of a segment's colors."""
        made = (self.shot(record), self.checksum(record), self.output_img(record))
        for path in (*made, self.predicted_state(record), self.linked_state(record)):
            discard(path)

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

    def with_next(self, record: SegmentRecord) -> range:
        """Return the numbers of the segment's frames, and of the next one where its shot is linked and continues."""
        own = self.numbers(record)
        return range(own.start, own.stop + (self.linked(record) and not record.ends_shot))

    def colorized(self, record: SegmentRecord) -> bool:
        """Tell whether the segment gets its color from the colorizer."""
        guidance = self.guidance.get(record.shot)
        if guidance and guidance.colorize is not None:
            return guidance.colorize
        return self.options.recolor or not record.color

    def linked(self, record: SegmentRecord) -> bool:
        """Tell whether the segment's colors depend on those of others, or those of others on them."""
        alone = self.options.film_lock == "off" and record.number == 0 and record.ends_shot
        return self.colorization.whole_shots and not alone and self.colorized(record)

    def predicted_state(self, record: SegmentRecord) -> Path:
        """Return the file with what predicting a segment leaves for its link and its finish."""
        return self.folder / PREDICTED / f"{record.name}.npz"

    def linked_state(self, record: SegmentRecord) -> Path:
        """Return the file with what linking a segment leaves: what reaches it from its neighbors, and what leaves it."""
        return self.folder / LINKED / f"{record.name}.npz"


def manifest_of(path: Path, colorization: Colorization, options: FilmOptions) -> Manifest:
    """Return what a film's job is of: everything that could change a byte of its shots."""
    encoder = ("codec", "crf", "preset", "deinterlace")
    chosen = ("film_lock", "recolor", "compare", "start", "duration")
    settings = {
        **colorization.settings,
        **{name: getattr(options.encoder, name) for name in encoder},
        **{name: getattr(options, name) for name in chosen},
    }
    return Manifest(source_of(path), str(path.resolve()), settings, colorization.weights)


def work_of(
    film: Film, span: tuple[int, int], job: Job, colorization: Colorization, options: FilmOptions
) -> Work:
    """Describe a job for its workers, which may run in another folder than this process."""
    film = replace(film, path=film.path.resolve())
    return Work(film, *span, job.folder.resolve(), job.manifest.digest, colorization, options)


def write_description(work: Work) -> Callable[[], Work]:
    """Leave a job's description in its folder; return what reads it there, small enough to send often."""
    description = pickle.dumps(work)
    write_bytes(work.folder / WORK, description)
    return partial(_described, work.folder, hashlib.sha256(description).hexdigest())


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


def start_worker() -> None:
    """Set up a process of a pool: the parent decodes each frame as well, and warns of damage."""
    logging.getLogger("film").setLevel(logging.ERROR)


def build_colorizer(colorization: Colorization) -> None:
    """Build this process's colorizer ahead of its first segment."""
    colorizer_of(colorization)


def colorizer_of(colorization: Colorization) -> SegmentColorizer:
    """Return this process's colorizer, built with the first segment and kept for the next film."""
    return once(partial(_built, colorization.factory))


def _built(factory: Callable[[], SegmentColorizer]) -> SegmentColorizer:
    cv2.setNumThreads(1)  # there is a process for every core
    try:
        return factory()
    except RuntimeError as error:  # no such device, or not enough of it
        raise FilmError(f"the network cannot run here: {error}") from error
