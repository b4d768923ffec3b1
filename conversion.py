"""Films to frames and back: the driver of film jobs, and a script of its own. Does not import the network.

`color_film` takes a film through split -> colorized -> rendered -> joined; the network is passed in as a function.
As a script, it splits a film into gray frames and sound under cache/; with -join it rebuilds a film from the frames.
"""

import logging
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import Any

from color.segment import Colorization
from film import FilmError
from film.command import results_of
from film.encode import encoding_of, render, try_encoder
from film.extract import extract_audio
from film.ffmpeg import use_ffmpeg
from film.finished import forget, leave, remaining, taken_back
from film.guidance import check_moments
from film.hint_tracks import guided
from film.info import Film, span
from film.job import Job, Manifest, Rendered, SegmentRecord, read_rendered
from film.jobs import open_job, remove
from film.mark import mark_of
from film.mux import Joined, join
from film.options import CACHE, EncoderOptions, FilmOptions, check_suffix
from film.picture_files import write_pictures
from film.probe import probe
from film.report import Summary, left_in_color, warnings_of
from film.schedule import Schedule
from film.segment import has_grays, painted_ab, segment_of
from film.shots import SHORT, split
from film.source import source_of
from film.steps import finished_shots, rendered, taker
from film.targets import checked_options
from film.work import Work, build_colorizer, manifest_of, start_worker, work_of
from photo.inputs import Output, Result, Task, check_outputs
from runtime.console import counted, exit_code, usage_errors
from runtime.files import discard, whole_file
from runtime.options import OneLineParser, add_options, option, options_from
from runtime.places import WORK, shown
from runtime.pool import workers
from runtime.progress import Progress, Silent, shown_work
from runtime.workers import Map, ahead, cores

ROOT = Path(__file__).resolve().parent

log = logging.getLogger(__name__)


def color_film(
    source: Path,
    target: Path,
    *,
    colorization: Colorization,
    options: FilmOptions,
    started: Callable[[], Map] | None = None,
    progress: Progress = Silent(),
) -> Summary:
    """Colorize a film, resuming an interrupted earlier run of the same job.

    started : returns workers shared with the next films, starting them if needed; with None, workers are started for this film only
    Raises OSError or ValueError (FilmError, JobError and WorkerError among them), with one-line messages.
    """
    began = time.perf_counter()
    use_ffmpeg(options.ffmpeg)
    options = checked_options(source, target, options)
    film = replace(probe(source, options), working_side=colorization.working_side)
    first, last = span(film, options)
    try_encoder(options, encoding_of(film, options.encoder))
    warnings = warnings_of(film, target, options)
    for warning in warnings:
        log.warning("%s", warning if str(film.path) in warning else f"{source}: {warning}")
    if colorization.guidance:
        check_moments(film, colorization.guidance, first=first, last=last)
    wanted = manifest_of(source, colorization, options)
    settings = {**wanted.settings, **wanted.encoding}
    summary = Summary(source, target, film, wanted.weights, settings, warnings)
    with open_job(options.cache, wanted, restart=options.restart) as job:
        work = work_of(film, (first, last), job, colorization, options)
        if options.restart:
            forget(job)
        elif not any((job.folder / "shots").iterdir()):
            taken_back(work, job)
        extract_audio(film, job.folder / "audio")
        with (
            _workers_of(last - first, started, colorization, options) as run,
            shown_work(progress, "colorizing", last - first, unit="frames"),
        ):
            work = guided(run, work, job)
            _take_steps(run, work, job, summary, progress)
        shots = finished_shots(work, job)
        with shown_work(progress, "joining", last - first, unit="frames"):
            summary.joined = _joined(work, shots, target, mark_of(source, options), progress)
        job.note(state="joined")
        for left in left_in_color(work, summary.segments):
            log.warning("%s: %s", target, left)
            summary.warnings = [*summary.warnings, left]
        if not options.keep_cache:
            if summary.joined.packets:
                leave(work, job, shots, target, summary.joined.packets)
            remove(job)
    summary.seconds = time.perf_counter() - began
    return summary


def _joined(
    work: Work, shots: Sequence[Rendered], target: Path, mark: str, progress: Progress
) -> Joined:
    """Write the result: one film, or its pictures."""
    film, first = work.film, work.first
    if not work.options.encoder.pictures:
        return join(film, shots, target, first=first, mark=mark, advance=progress.advance)
    count, size = write_pictures(
        film, shots, target, first=first, mark=mark, options=work.options.encoder,
        advance=progress.advance,
    )  # fmt: skip
    return Joined(count, {}, size)


def color_films(
    tasks: Sequence[Task],
    *,
    colorization: Colorization,
    options: FilmOptions,
    progress: Progress = Silent(),
) -> Iterator[Result]:
    """Colorize films, which share their workers; yield each result when it is ready. One film's failure does not stop the others."""
    with ExitStack() as stack:
        # Started when first needed and kept for the next films, since loading the network takes seconds.
        started = cache(lambda: stack.enter_context(workers_for(colorization, options)))

        def colored(task: Task) -> Result:
            summary = color_film(
                task.source, task.target, colorization=colorization, options=options,
                started=started, progress=progress,
            )  # fmt: skip
            log.info("%s", summary.line())
            return Result(task, output=(str(task.target),), facts=summary.facts())

        yield from results_of(tasks, colored)


def _workers_of(
    frames: int,
    started: Callable[[], Map] | None,
    colorization: Colorization,
    options: FilmOptions,
) -> AbstractContextManager[Map]:
    """Start the workers for a film; a short one is processed here, which is faster than starting processes."""
    if frames < SHORT and not options.workers and not options.scheduler:
        options, started = replace(options, workers=1), None
        ahead(partial(build_colorizer, colorization))
    return nullcontext(started()) if started else workers_for(colorization, options)


def workers_for(colorization: Colorization, options: FilmOptions) -> AbstractContextManager[Map]:
    """Start the workers chosen by the options, for one or more films."""
    return workers(
        worker_count(options), scheduler=options.scheduler,
        start=start_worker, prepare=partial(build_colorizer, colorization),
    )  # fmt: skip


def worker_count(options: FilmOptions) -> int:
    """Return the number of workers that share a film's steps; 0 for a cluster, where it varies."""
    return 0 if options.scheduler else options.workers or cores()


def _take_steps(run: Map, work: Work, job: Job, summary: Summary, progress: Progress) -> None:
    """Process every segment of a film, except those that an earlier run has finished."""

    found: set[int] = set()

    def rendered_earlier(record: SegmentRecord) -> bool:
        if record.index in found:
            return True
        if rendered(work, record):
            found.add(record.index)
            summary.segments.append(record)
            progress.advance(record.count, earlier=True)
            return True
        if work.shot(record).exists():
            log.warning("%s is damaged or from another job: rendering again", work.shot(record))
            discard(work.shot(record))
        return False

    records: Iterable[SegmentRecord] = split(work, job)
    left = None
    if job.manifest.complete:
        records = remaining(work, list(records), rendered_earlier)
        left = sum(record.count for record in records)
    schedule = Schedule(
        work, records, is_rendered=rendered_earlier, workers=worker_count(work.options), left=left
    )
    take = taker(work)
    predicted: dict[int, int] = {}  # segment -> frames already counted, half of its frames
    for step, seconds in run(take, schedule.steps(), advance=progress.advance):
        schedule.taken(step)
        summary.worker_seconds.update(seconds)
        for record in step.records:
            if step.stage == "predict":
                predicted[record.index] = record.count // 2
                progress.advance(record.count // 2)
            elif step.stage == "finish":
                summary.segments.append(record)
                progress.advance(record.count - predicted.pop(record.index, 0))
        progress.note(f"shot {record.shot + 1} of {job.shots}")


def to_frames(source: Path, *, cache: Path, restart: bool = False) -> Path:
    """Split a film into gray frames and sound under ``cache``; return their folder."""
    film = probe(source)
    with open_job(cache, _script_manifest(film), restart=restart) as job:
        work = _script_work(film, job)
        extract_audio(film, job.folder / "audio")
        for record in split(work, job):
            if not has_grays(work, record):  # deleted, or lost in a power cut
                segment_of(work, record)
        return job.folder


def from_frames(source: Path, target: Path, *, cache: Path, overwrite: bool = False) -> int:
    """Rebuild a film from the frames that `to_frames` wrote; return the number of frames.

    Color comes from pictures of the same names under output_img/, however they were made; frames without one stay
    gray. Lightness, sound and everything else come from the source.
    """
    _check_join(source, target, overwrite=overwrite)
    film = probe(source)
    with open_job(cache, _script_manifest(film)) as job:
        if not job.manifest.complete:
            raise FilmError(f"{job.folder} has no complete frames yet; run without -join first")
        work = _script_work(film, job)
        small = (max(1, film.working_size[0] // 4), max(1, film.working_size[1] // 4))
        for record in job.manifest.segments:
            ab = painted_ab(work.output_img(record), work.numbers(record), size=small)
            with whole_file(work.shot(record)) as part:
                render(film, ab, part, numbers=work.numbers(record), options=work.options.encoder)
        shots = [read_rendered(work.shot(record)) for record in job.manifest.segments]
        return join(film, shots, target).frames


def _check_join(source: Path, target: Path, *, overwrite: bool) -> None:
    check_suffix(target, EncoderOptions().codec)
    output = Output(target, source, option="-join")
    check_outputs([output], inputs=[source], overwrite=overwrite)


def _script_manifest(film: Film) -> Manifest:
    made_by = {"made_by": "conversion.py"}
    return Manifest(source_of(film.path), str(film.path.resolve()), made_by, weights="")


def _script_work(film: Film, job: Job) -> Work:
    encoder = EncoderOptions(threads=cores())
    options = FilmOptions(encoder=encoder, recolor=True, keep_cache=True)
    return work_of(film, (0, film.frames), job, Colorization(_no_colorizer), options)


def _no_colorizer() -> Any:
    raise AssertionError("this script does not colorize")


@dataclass(frozen=True)
class ScriptOptions:
    """The script's options."""

    film: Path = option(
        WORK / "movie" / "input.mp4", "the film", shown="movie/input.mp4", positional=True
    )
    join: Path | None = option(None, "build the film OUT from the frames", metavar="OUT")
    cache: Path = option(CACHE, "folder for frames and sound", shown=shown(CACHE), metavar="DIR")
    restart: bool = option(False, "discard an earlier run's work and start again")
    overwrite: bool = option(False, "replace an existing OUT")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the script and return its exit code."""
    parser = OneLineParser(
        prog="conversion.py", description="Split a film into gray frames and sound, or rebuild it."
    )
    add_options(parser, ScriptOptions)
    options = options_from(parser.parse_args(argv), ScriptOptions)

    def work() -> int:
        if options.join:
            with usage_errors():
                _check_join(options.film, options.join, overwrite=options.overwrite)
            frames = from_frames(
                options.film, options.join, cache=options.cache, overwrite=options.overwrite
            )
            print(counted(frames, "frame"), "in", options.join)
        else:
            print(to_frames(options.film, cache=options.cache, restart=options.restart))
        return 0

    return exit_code("conversion.py", work)


if __name__ == "__main__":
    sys.exit(main())
