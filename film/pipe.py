"""Colorizes a film from and to pipes: frames and packets pass through, with bounded memory, disk space and delay.

Each shot is colorized as in a job, with the same steps. The result begins before the input ends: a segment is written as
soon as those before it are, and its frames are deleted then.
"""

import logging
import os
import sys
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

from color.options import GuidanceOptions
from color.segment import Colorization
from film import FilmError
from film.encode import encoding_of, try_encoder
from film.job import Job, Manifest, SegmentRecord, read_rendered
from film.jobs import open_job
from film.options import FilmCommand, FilmOptions
from film.pipe_input import PipeInput
from film.pipe_output import MatroskaOutput, PipeOutput, Y4mOutput
from film.report import encoder_notes
from film.schedule import Schedule
from film.shots import REMEMBERED, SHORT, split
from film.source import Source
from film.spool import ENDLESS, Spool
from film.steps import taker
from film.work import Work, work_of
from photo.inputs import InputOptions
from runtime.console import counted
from runtime.files import LockedError, delete_lock, discard, lock, whole_file
from runtime.workers import Map

log = logging.getLogger(__name__)

STANDARD = "-"  # standard input or output
STARVED = SHORT + 40  # frames not yet analyzed below which the analysis may have to wait for more


@dataclass(frozen=True)
class PipeJob:
    """What is read, where it is written, and how.

    run : the workers' map
    """

    source: BinaryIO | Path
    sink: BinaryIO
    colorization: Colorization
    options: FilmOptions
    run: Map


def is_pipe(inputs: InputOptions) -> bool:
    """Return whether a command reads or writes a pipe."""
    return STANDARD in inputs.movie_in or inputs.save == STANDARD


def check_pipe(
    inputs: InputOptions, command: FilmCommand, options: FilmOptions, guidance: GuidanceOptions
) -> None:
    """Raise FilmError for what a film through a pipe cannot have."""
    if len(inputs.movie_in) != 1:
        raise FilmError("a pipe carries one film: give one input")
    film, save = inputs.movie_in[0], inputs.save
    if save is None or (save != STANDARD and Path(save).suffix.lower() != ".mkv"):
        raise FilmError("-movie_in - needs -save - or a file.mkv")
    if save != STANDARD and Path(save).exists() and not inputs.overwrite:
        raise FilmError(f"{save} exists already: add -overwrite, or choose another path")
    if film == STANDARD and sys.stdin.isatty():
        raise FilmError("standard input is a terminal: pipe a film to it")
    if save == STANDARD and sys.stdout.isatty():
        raise FilmError("standard output is a terminal: pipe it to a program, or redirect it")
    if film != STANDARD and not Path(film).is_file():
        raise FilmError(f"{film} is no file: pipes are for films in one file")
    others = (inputs.report, inputs.dry_run, command != FilmCommand())
    if any(others) or guidance != GuidanceOptions():
        raise FilmError(
            "hints, references, previews, reports, dry runs and choices of shots need a film in a file"
        )
    usual = FilmOptions()
    for name in ("start", "duration", "fps", "audio", "scheduler"):
        if getattr(options, name) != getattr(usual, name):
            raise FilmError(f"-{name} does not work with pipes: leave it out")
    if options.encoder.deinterlace:
        raise FilmError("-deinterlace does not work with pipes: put ffmpeg's bwdif before")


def encoder_for(options: FilmOptions) -> FilmOptions:
    """Return the options with the encoder of what is written."""
    if options.pipe != "y4m":
        return options
    return replace(options, encoder=replace(options.encoder, codec="ffv1", crf=None))


def color_stream(
    film: str, save: str, *, colorization: Colorization, options: FilmOptions, run: Map
) -> int:
    """Colorize a film from or to a pipe, named "-"; return the number of frames.

    run : the workers' map
    """
    # Unbuffered: a thread that waits in a buffer when the program ends would abort it.
    own = os.fdopen(os.dup(sys.stdin.fileno()), "rb", buffering=0) if film == STANDARD else None
    with own or nullcontext(), _sink(save) as sink:
        source: BinaryIO | Path = own or Path(film)
        return color_pipe(PipeJob(source, sink, colorization, encoder_for(options), run))


@contextmanager
def _sink(save: str) -> Iterator[BinaryIO]:
    """Yield standard output, or a file that gets its name when it is complete."""
    if save != STANDARD:
        Path(save).parent.mkdir(parents=True, exist_ok=True)
        with whole_file(Path(save), use="result") as part, part.open("wb") as file:
            yield file
        return
    with os.fdopen(os.dup(sys.stdout.fileno()), "wb", buffering=0) as raw:
        # Nothing else may reach it, not even what a library prints.
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
        yield raw


def color_pipe(job: PipeJob) -> int:
    """Colorize a film from one pipe to another; return the number of frames. A closed pipe raises BrokenPipeError."""
    began = time.perf_counter()
    with own_folder(job.options.cache) as folder:
        (folder / "frames").mkdir()
        source = PipeInput(job.source, Spool(folder / "frames"))
        film = replace(source.film, working_side=job.colorization.working_side)
        encoder = job.options.encoder
        try_encoder(job.options, encoding_of(film, encoder))
        for note in encoder_notes(film, encoder):
            log.warning("%s", note)
        wanted = Manifest(Source("pipe", 0, uuid4().hex), str(film.path), {}, weights="")
        with open_job(folder, wanted) as opened:
            work = work_of(film, (0, ENDLESS), opened, job.colorization, job.options)
            sink: PipeOutput = (
                Y4mOutput(job.sink, source, encoding_of(film, encoder))
                if job.options.pipe == "y4m"
                else MatroskaOutput(job.sink, source)
            )
            source.start()
            try:
                frames = _take_steps(job.run, work, opened, source, sink)
            finally:
                source.close()
            source.check()
            sink.close()
    seconds = time.perf_counter() - began
    log.info("%s in %.1f s (%.1f fps)", counted(frames, "frame"), seconds, frames / seconds)
    return frames


def _take_steps(run: Map, work: Work, job: Job, source: PipeInput, sink: PipeOutput) -> int:
    """Process every segment as it is found, and write them in order; return the number of frames."""
    spool, found = source.spool, _Found(split(work, job))
    schedule = Schedule(
        work, found, is_rendered=lambda record: False,
        waits=lambda: spool.full and spool.written - found.frames < STARVED,
    )  # fmt: skip
    queue = _Queue(work, spool, sink)
    for step, _ in run(taker(work), schedule.steps()):
        schedule.taken(step)
        if step.stage == "finish":
            queue.add(step.records)
    return spool.released


class _Found:
    """The segments found so far, which counts their frames."""

    def __init__(self, records: Iterator[SegmentRecord]) -> None:
        self._records, self.frames = records, 0

    def __iter__(self) -> Iterator[SegmentRecord]:
        for record in self._records:
            self.frames += record.count
            yield record


class _Queue:
    """Writes finished segments in order, and deletes what no other needs any more."""

    def __init__(self, work: Work, spool: Spool, sink: PipeOutput) -> None:
        self._work, self._spool, self._sink = work, spool, sink
        self._finished: dict[int, SegmentRecord] = {}
        self._next = 0
        self._states: deque[SegmentRecord] = deque()

    def add(self, records: tuple[SegmentRecord, ...]) -> None:
        """Take finished segments."""
        self._finished |= {record.index: record for record in records}
        while record := self._finished.pop(self._next, None):
            self._sink.write(read_rendered(self._work.shot(record)))
            self._spool.release(record.count)
            self._work.shot(record).unlink()
            self._work.checksum(record).unlink()
            self._states.append(record)
            # A later shot may return to the scene of one of the last shots.
            while self._states[0].shot < record.shot - REMEMBERED:
                discard(self._work.linked_state(self._states.popleft()))
            self._next += 1


@contextmanager
def own_folder(cache: Path) -> Iterator[Path]:
    """Yield a folder of this process in the cache; delete it at the end, and those that killed processes left."""
    for path in cache.glob("pipe-*/in_use"):
        with suppress(LockedError), lock(path):
            _emptied(path.parent)
    folder = cache / f"pipe-{uuid4().hex[:12]}"
    with lock(folder / "in_use"):
        try:
            yield folder
        finally:
            _emptied(folder)


def _emptied(folder: Path) -> None:
    for path in folder.iterdir():
        if path.name != "in_use":
            discard(path)
    delete_lock(folder / "in_use")
    with suppress(OSError):
        folder.rmdir()
