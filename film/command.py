"""The film command: checks everything first, then describes, previews or colorizes the films, or takes keyframes out.

Independent of the network: `FilmColorization` provides it.
"""

import json
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Protocol

from color.guidance import Guidance
from color.options import GuidanceOptions
from color.segment import Colorization, NetworkTime
from film.encode import try_encoder
from film.ffmpeg import film_stream, open_film, use_ffmpeg
from film.guidance_files import GuidanceError, read_guidance
from film.info import can_hold
from film.keyframes import known_files, write_keyframes
from film.mark import mark_in, mark_of
from film.options import FALLBACK, FilmCommand, FilmOptions, written_suffixes
from film.preview import preview
from film.probe import probe
from film.report import film_info
from film.sequence import sequence_of
from film.sequence_plan import (
    check_sequences,
    options_for,
    pictures_target,
    sequence_name,
    standing_pictures,
)
from photo.guidance import read_reference
from photo.inputs import BESIDE, InputOptions, Kind, Output, Result, Task, check_outputs, plan
from photo.ledger import Ledger, checked_report
from photo.standing import made_with, standing
from runtime.console import counted, usage_errors
from runtime.outcomes import FailureOf
from runtime.progress import Progress, Silent

log = logging.getLogger(__name__)


class ColorizeFilms(Protocol):
    """Colorizes films, which share their workers: `conversion.color_films`."""

    def __call__(
        self,
        tasks: Sequence[Task],
        *,
        colorization: Colorization,
        options: FilmOptions,
    ) -> Iterable[Result]: ...


@dataclass(frozen=True)
class FilmColorization:
    """The functions that colorize films: this package's only interface to the network.

    load : returns the colorization without guidance; raises OSError or ValueError for weights that are missing or of
        another program
    weights : the weights file if the user named one; no output may replace it
    progress : of the work that is done here, on keyframes
    """

    load: Callable[[], Colorization]
    colorize: ColorizeFilms
    weights: Path | None = None
    progress: Progress = Silent()


@dataclass(frozen=True)
class FilmWork:
    """The checked work of one film command.

    tasks : the films still to be colorized; for a description, a preview or keyframes, all films
    ledger : what became of each input
    """

    tasks: Sequence[Task]
    ledger: Ledger
    command: FilmCommand
    options: FilmOptions
    colorization: Colorization
    colorize: ColorizeFilms
    progress: Progress = Silent()

    def results(self) -> Iterator[Result]:
        """Do the work on the films and yield each result when it is ready; a failure does not stop the others.

        Raises UsageError for guidance that does not match a film.
        """
        with usage_errors((GuidanceError,)):
            yield from self._results()

    def _results(self) -> Iterator[Result]:
        command, options, colorization = self.command, self.options, self.colorization
        if command.probe:
            timer = colorization.timer
            network = timer() if timer else None
            describe = partial(_described, form=command.probe, options=options, network=network)
            return results_of(self.tasks, describe)
        if command.keyframes:
            folders = _named(self.tasks, command, command.keyframes, "")
            take = partial(
                _keyframes, folders=folders, per_shot=command.keyframes_per_shot,
                colorization=colorization, options=options, progress=self.progress,
            )  # fmt: skip
            return results_of(self.tasks, take)
        if command.preview:
            sheets = _named(self.tasks, command, command.preview, ".png")
            show = partial(_previewed, sheets=sheets, colorization=colorization, options=options)
            return results_of(self.tasks, show)
        if self.ledger.dry_run:
            return self.ledger.rehearse(lambda task: probe(task.source, options=options))
        done = self.colorize(self.tasks, colorization=colorization, options=options)
        return self.ledger.follow(done)


def plan_films(
    inputs: InputOptions,
    command: FilmCommand,
    options: FilmOptions,
    guided: GuidanceOptions,
    colorization: FilmColorization,
) -> FilmWork:
    """Plan the command's work; raise OSError or ValueError, before any work, if it cannot be done."""
    use_ffmpeg(options.ffmpeg)
    pictures = pictures_target(inputs.save)
    options = options_for(options, pictures)
    kind = film_kind(options)
    save = None if pictures else inputs.save
    given = plan(
        inputs.movie_in, kind=kind, save=save, recursive=inputs.recursive,
        beside=inputs.beside("film"),
    )  # fmt: skip
    check_sequences([task.source for task in given.tasks], pictures, options)
    if pictures:
        planned = [Task(task.source, pictures) for task in given.tasks]
    else:
        planned = _with_room(given.tasks, options, kind=kind, save=save)
    given = replace(given, tasks=planned)
    command = replace(command, several=len(planned) > 1)
    loaded = colorization.load()
    loaded = replace(loaded, guidance=_guidance(guided, command, films=len(planned)))
    options = marked(options, loaded)
    now = None
    if command.colorizes and pictures:
        now = standing_pictures(planned, options, overwrite=inputs.overwrite)
    elif command.colorizes:
        now = standing(planned, kind=film_kind(options), overwrite=inputs.overwrite)
    elif inputs.report or inputs.dry_run:
        raise ValueError("-report and -dry_run are about colorizing: leave them out here")
    tasks = now.waiting if now else planned
    read = [*(task.source for task in planned), *guided.files]
    read += [command.references] if command.references else []
    read += [colorization.weights] if colorization.weights else []
    outputs = _outputs(tasks, command)
    again = {task.target for task in now.redone} if now else set()
    new = [output for output in outputs if output.path not in again]
    check_outputs(new, inputs=read, others=outputs, overwrite=inputs.overwrite)
    report = checked_report(inputs, read=read, others=outputs)
    if command.colorizes and tasks and not inputs.dry_run:
        try_encoder(options)
    ledger = Ledger(given, now, _settings(loaded, options), report, dry_run=inputs.dry_run)
    return FilmWork(
        tasks, ledger, command, options, loaded, colorization.colorize, colorization.progress
    )


def marked(options: FilmOptions, loaded: Colorization) -> FilmOptions:
    """Return options whose results' marks name all settings and the guidance that the results depend on."""
    return replace(options, made_with=made_with(_settings(loaded, options), loaded.guidance))


def _settings(loaded: Colorization, options: FilmOptions) -> Mapping[str, object]:
    """Return all settings that a result depends on, as JSON values."""
    encoder = {name: value for name, value in vars(options.encoder).items() if name != "threads"}
    chosen = ("start", "duration", "recolor", "film_lock", "compare")
    part = {name: getattr(options, name) for name in chosen}
    sequence = {name: str(value) for name in ("fps", "audio") if (value := getattr(options, name))}
    return {**loaded.settings, **encoder, **part, **sequence, "weights_sha256": loaded.weights}


def _with_room(
    tasks: Sequence[Task], options: FilmOptions, *, kind: Kind, save: str | None
) -> list[Task]:
    """Return tasks whose results, where the program chose the container, have room for all of the film's streams."""
    taken = {task.target for task in tasks}
    found = []
    for task in tasks:
        roomier = _roomier(task, options, kind=kind, save=save)
        found.append(task if roomier.target in taken else roomier)
    return found


def _roomier(task: Task, options: FilmOptions, *, kind: Kind, save: str | None) -> Task:
    if task.source.suffix.lower() in kind.written or (save and task.target == Path(save)):
        return task
    names = sorted((s.lstrip(".") for s in kind.written), key=kind.fallback.lstrip(".").__ne__)
    sequence = sequence_of(task.source) is not None
    with FailureOf(task.source) as failure:
        if sequence and not options.audio:
            return task
        name = _roomiest(options.audio or task.source if sequence else task.source, names)
    return task if failure.line else Task(task.source, task.target.with_suffix(f".{name}"))


def _roomiest(path: Path, containers: Sequence[str]) -> str:
    """Return the container that can hold most of a film's streams, the first one of equals."""
    with open_film(path) as source:
        film = film_stream(source)
        # Timecodes and names of chapters are written anew.
        others = [s for s in source.streams if s is not film and s.type != "data"]
        held = [sum(can_hold(name, stream) for stream in others) for name in containers]
    return containers[held.index(max(held))]


def film_kind(options: FilmOptions) -> Kind:
    """Describe films as inputs: how they are found, and how their results are named and recognized."""
    return Kind(
        "film",
        "film",
        written_suffixes(options.encoder.codec),
        FALLBACK,
        mark_of=partial(mark_of, options=options),
        mark_in=mark_in,
        written_by=f"-codec {options.encoder.codec}",
        in_folder=BESIDE,
        as_one=sequence_name,
    )


def results_of(tasks: Iterable[Task], work: Callable[[Task], Result]) -> Iterator[Result]:
    """Yield the result of some work on each film; one film's failure does not stop the others.

    Raises GuidanceError for guidance that does not match a film.
    """
    for task in tasks:
        with FailureOf(task.source, passing=(GuidanceError,)) as failure:
            result = work(task)
        yield Result(task, error=failure.line) if failure.line else result


def _outputs(tasks: Sequence[Task], command: FilmCommand) -> list[Output]:
    """List all files that a command will write."""
    if command.probe:
        return []
    if command.preview:
        sheets = _named(tasks, command, command.preview, ".png")
        return [Output(path, task.source, "a preview", "-preview") for task, path in sheets.items()]
    if command.keyframes:
        folders = _named(tasks, command, command.keyframes, "")
        return [
            output
            for task, folder in folders.items()
            for output in known_files(folder, task.source)
        ]
    return [Output(task.target, task.source) for task in tasks]


def _named(
    tasks: Sequence[Task], command: FilmCommand, path: Path, suffix: str
) -> dict[Task, Path]:
    return {task: command.named(task.source, path, suffix) for task in tasks}


def _guidance(guided: GuidanceOptions, command: FilmCommand, *, films: int) -> Guidance:
    guidance = read_guidance(guided, command, read=read_reference)
    if guidance and command.several:
        raise ValueError(f"hints and references are for one film, got {films}: give one input")
    return guidance


def _described(
    task: Task, *, form: str, options: FilmOptions, network: NetworkTime | None
) -> Result:
    """Describe a film and the planned work, as text or as JSON."""
    text, values = film_info(task.source, task.target, options=options, network=network)
    shown = text if form == "text" else json.dumps(values, indent=1, ensure_ascii=False)
    return Result(task, output=tuple(shown.split("\n")))


def _previewed(
    task: Task, *, sheets: Mapping[Task, Path], colorization: Colorization, options: FilmOptions
) -> Result:
    """Write a film's preview."""
    sheet = sheets[task]
    shots = preview(task.source, sheet, colorization=colorization, options=options)
    log.info("%s: %s", task.source, counted(shots, "shot"))
    return Result(task, output=(str(sheet),))


def _keyframes(
    task: Task,
    *,
    folders: Mapping[Task, Path],
    per_shot: int | None,
    colorization: Colorization,
    options: FilmOptions,
    progress: Progress,
) -> Result:
    """Write a film's keyframes."""
    folder = folders[task]
    counts = write_keyframes(
        task.source, folder, per_shot=per_shot, colorization=colorization, options=options,
        progress=progress,
    )  # fmt: skip
    log.info("%s: %s", task.source, counts)
    return Result(task, output=(str(folder),))
