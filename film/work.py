"""A film's job from a worker's view: its description, its files, and this process's colorizer.

One process, a pool of processes, and machines that share the job's folder all do the same work. A worker receives the
folder and a step; it reads everything else from the folder, once.
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
from film.codecs import CODECS
from film.guidance import ShotGuidance
from film.info import Film
from film.job import (
    CARRIED,
    HINTS,
    KEYFRAMES,
    LINKED,
    PREDICTED,
    Job,
    JobError,
    Manifest,
    SegmentRecord,
)
from film.options import EncoderOptions, FilmOptions
from film.source import source_of
from runtime.files import discard, write_bytes
from runtime.memory import keep_freed_memory
from runtime.workers import once

SIDES = ("forward", "backward")  # directions in which keyframes' colors are carried
WORK = "work.pickle"  # in the job's folder


@dataclass(frozen=True)
class Work:
    """Everything that a worker needs to know of a film's job.

    first, last : the job's frames [first, last) in the film; segments count their frames from ``first``
    folder : the job's folder
    digest : identifies the job, see Manifest.digest
    guidance : guidance of shots, by shot number
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

    def label(self, record: SegmentRecord, guidance: str | None = None) -> str:
        """Return the comment in the header of the segment's encoded file, which identifies its content.

        guidance : the digest of its shot's guidance, if not of the present one; "" for none
        """
        encoding = " ".join(map(str, encoding_settings(self.options.encoder).values()))
        label = f"{self.digest} {encoding} {record.index} {record.first} {record.count}"
        if guidance is None:
            own = self.guidance.get(record.shot)
            guidance = own.digest if own else ""
        return f"{label} {guidance}" if guidance else label

    def hint_tracks(self, shot: int) -> Path:
        """Return the file with the positions of a shot's hints in its frames."""
        return self.folder / HINTS / f"{shot:05d}.npz"

    def forget(self, record: SegmentRecord) -> None:
        """Delete all results that depend on a segment's colors."""
        made = (self.shot(record), self.checksum(record), self.output_img(record))
        states = (self.predicted_state(record), self.linked_state(record))
        carried = (self.carried_state(record, side) for side in SIDES)
        for path in (*made, *states, *carried):
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
        """Return the numbers of the segment's frames, plus the next one if its shot is linked and continues."""
        own = self.numbers(record)
        return range(own.start, own.stop + (self.linked(record) and not record.ends_shot))

    def colorized(self, record: SegmentRecord) -> bool:
        """Tell whether the segment is colorized."""
        guidance = self.guidance.get(record.shot)
        if guidance and guidance.colorize is not None:
            return guidance.colorize
        return self.options.recolor or not record.color

    def has_keyframes(self, record: SegmentRecord) -> bool:
        """Return whether the segment's colors are carried from keyframes of its shot."""
        guidance = self.guidance.get(record.shot)
        return self.colorized(record) and guidance is not None and bool(guidance.own_keyframes)

    def linked(self, record: SegmentRecord) -> bool:
        """Tell whether the segment's colors depend on other segments, or other segments on them."""
        alone = self.options.film_lock == "off" and record.number == 0 and record.ends_shot
        return self.colorization.whole_shots and not alone and self.colorized(record)

    def predicted_state(self, record: SegmentRecord) -> Path:
        """Return the file with a segment's prediction, an input of linking and finishing."""
        return self.folder / PREDICTED / f"{record.name}.npz"

    def keyframe(self, frame: int) -> Path:
        """Return the file with the colors of a keyframe."""
        return self.folder / KEYFRAMES / f"{frame:07d}.npz"

    def carried_state(self, record: SegmentRecord, side: str) -> Path:
        """Return the file with what keyframes' colors enter a segment from a side, one of `SIDES`."""
        return self.folder / CARRIED / f"{record.name}.{side}.npz"

    def linked_state(self, record: SegmentRecord) -> Path:
        """Return the file with a segment's links: the states from its neighbors and its outgoing state."""
        return self.folder / LINKED / f"{record.name}.npz"


def checksum_of(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def manifest_of(path: Path, colorization: Colorization, options: FilmOptions) -> Manifest:
    """Return the manifest of a film's job: everything that could change a byte of its shots."""
    chosen = ("film_lock", "recolor", "compare", "start", "duration")
    settings = {
        **colorization.settings,
        **{name: getattr(options, name) for name in chosen},
        "deinterlace": options.encoder.deinterlace,
    }
    if options.fps:
        settings |= {"fps": str(options.fps)}
    if options.audio:
        settings |= {"audio": source_of(options.audio).digest}
    return Manifest(
        source_of(path), str(path.resolve()), settings, colorization.weights,
        encoding=encoding_settings(options.encoder),
    )  # fmt: skip


def encoding_settings(encoder: EncoderOptions) -> dict[str, object]:
    """Return the settings that change a shot's encoded bytes but not its colors, defaults resolved."""
    codec = CODECS[encoder.codec]
    crf = codec.crf if encoder.crf is None else encoder.crf
    preset = encoder.preset if codec.presets else None
    pictures = {"pictures": True} if encoder.pictures else {}
    return {"codec": encoder.codec, "crf": crf, "preset": preset, **pictures}


def work_of(
    film: Film, span: tuple[int, int], job: Job, colorization: Colorization, options: FilmOptions
) -> Work:
    """Describe a job for its workers, whose current folder may differ from this process's."""
    film = replace(film, path=film.path.resolve())
    return Work(film, *span, job.folder.resolve(), job.manifest.digest, colorization, options)


def write_description(work: Work) -> Callable[[], Work]:
    """Write a job's description to its folder; return a function that reads it, small enough to send often."""
    description = pickle.dumps(work)
    write_bytes(work.folder / WORK, description)
    return partial(_described, work.folder, hashlib.sha256(description).hexdigest())


@lru_cache(maxsize=1)
def _described(folder: Path, content_hash: str) -> Work:
    """Read a job's description, once in each process; raise JobError if it is not the one that was written."""
    path = folder / WORK
    description = path.read_bytes()
    if hashlib.sha256(description).hexdigest() != content_hash:
        raise JobError(
            f"{path} was changed while the job was in progress: run the same command again"
        )
    # Unpickling can execute code; the hash from the driver ensures that the driver wrote this content.
    work: Work = pickle.loads(description)
    return work


def start_worker() -> None:
    """Set up a pool process; silence its warnings, as the parent also decodes each frame and warns of damage."""
    keep_freed_memory()
    logging.getLogger("film").setLevel(logging.ERROR)


def build_colorizer(colorization: Colorization) -> None:
    """Build this process's colorizer ahead of its first segment."""
    colorizer_of(colorization)


def colorizer_of(colorization: Colorization) -> SegmentColorizer:
    """Return this process's colorizer, built with the first segment and kept for the next film."""
    return once(partial(_built, colorization.factory))


def _built(factory: Callable[[], SegmentColorizer]) -> SegmentColorizer:
    cv2.setNumThreads(1)  # every core already has a process
    try:
        return factory()
    except RuntimeError as error:  # missing device, or not enough memory on it
        raise FilmError(f"the network cannot run here: {error}") from error
