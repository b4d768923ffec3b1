"""The photo command: checks everything first, then analyzes and colorizes the photos.

Independent of the network: `PhotoColorization` provides the colorizer and the analyzer.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Protocol

from color.arrays import Floats, Picture
from color.guidance import Guidance
from color.likely import Suggestion
from color.options import GuidanceOptions
from photo.batch import PHOTOS
from photo.candidates import candidate_files, candidate_outputs, standing_candidates
from photo.confidence import map_outputs, map_paths, write_map
from photo.formats import result_suffix
from photo.guidance import read_guidance
from photo.inputs import InputOptions, Output, Result, Task, check_outputs, plan
from photo.ledger import Ledger, checked_report
from photo.multipage import rehearsed
from photo.options import PhotoOptions, is_one
from photo.page_account import several_left
from photo.pages import read_chosen
from photo.read import mark_of, read_photo
from photo.standing import Standing, made_with, standing
from photo.suggestions import STDOUT, suggestion_line, write_suggestions
from runtime.console import one_line
from runtime.outcomes import FailureOf


class Analyzer(Protocol):
    """Analyzes a gray picture (H, W), with or without guidance: `gray2color.Colorizer`."""

    def confidence(self, gray: Picture, guidance: Guidance) -> Floats: ...

    def suggest(self, gray: Picture, n: int, guidance: Guidance) -> Sequence[Suggestion]: ...


class ColorizePhotos(Protocol):
    """Colorizes photos, in one process or several: `gray2color.colorize_photo_files`."""

    def __call__(
        self, tasks: Sequence[Task], options: PhotoOptions, *, guidance: Guidance
    ) -> Iterable[Result]: ...


@dataclass(frozen=True)
class PhotoColorization:
    """The functions that colorize photos: this package's only interface to the network.

    check : returns the settings that the colors depend on; raises OSError or ValueError for weights that are missing or
        belong to another program
    analyzer : loads the network; called once, for the first analyzed photo
    """

    check: Callable[[], Mapping[str, object]]
    analyzer: Callable[[], Analyzer]
    colorize: ColorizePhotos


@dataclass(frozen=True)
class PhotoWork:
    """The checked work of one photo command.

    planned : all photos, which are analyzed if the options request it
    ledger : what became of each input
    """

    planned: Sequence[Task]
    ledger: Ledger
    options: PhotoOptions
    guidance: Guidance
    colorization: PhotoColorization

    def results(self) -> Iterator[Result]:
        """Analyze and colorize the photos and yield each result when it is ready; a failure does not stop the others.

        Raises ValueError if the network cannot run.
        """
        options, guidance, by = self.options, self.guidance, self.colorization
        if self.ledger.dry_run:
            yield from self.ledger.rehearse(partial(rehearsed, options=options))
            return
        try:
            if options.analyzes:
                yield from analyze_photos(
                    self.planned, by.analyzer, options=options, guidance=guidance
                )
            waiting = self.ledger.waiting
            done = by.colorize(waiting, options, guidance=guidance) if waiting else ()
            yield from self.ledger.follow(done)
        except RuntimeError as error:
            raise ValueError(str(error)) from error


def plan_photos(
    inputs: InputOptions,
    options: PhotoOptions,
    guided: GuidanceOptions,
    colorization: PhotoColorization,
) -> PhotoWork:
    """Plan the command's work; raise OSError or ValueError, before any work, if it cannot be done."""
    kind = replace(PHOTOS, fallback_of=partial(result_suffix, alone=is_one(options.pages)))
    given = plan(
        inputs.img_in, kind=kind, save=inputs.save, recursive=inputs.recursive,
        beside=inputs.beside("photo"),
    )  # fmt: skip
    planned = given.tasks
    read = [*(task.source for task in planned), *guided.files]
    outputs, analyses = _color_outputs(planned, options), _analysis_outputs(planned, options)
    check_outputs(analyses, inputs=read, others=outputs, overwrite=inputs.overwrite)
    report = checked_report(inputs, read=read, others=[*outputs, *analyses])
    colors = colorization.check()
    if (guided.hint or guided.hints) and len(planned) > 1:
        raise ValueError(f"hints are for one photo, got {len(planned)}: give one input")
    first = planned[0].source if planned else None
    guidance = read_guidance(guided, first, pages=options.pages)
    if guidance.candidate and options.candidates:
        raise ValueError(f"{guided.hints} is one of the candidates: leave out -candidates")
    _check_look(guidance, colors, guided.hints)
    options = marked(options, colors, guidance)
    now = _standing(planned, inputs, options)
    if now is None and (report or inputs.dry_run):
        raise ValueError("-report and -dry_run are about colorizing: add -save, or leave them out")
    settings = _settings(colors, options, guided)
    ledger = Ledger(
        given, now, settings, report, dry_run=inputs.dry_run, files=_files_of(options.candidates)
    )
    return PhotoWork(planned, ledger, options, guidance, colorization)


def _files_of(candidates: int | None) -> Callable[[Task], Sequence[Path]]:
    """Return the function that lists the files of a task's result, the main one first."""
    return partial(candidate_files, number=candidates) if candidates else lambda task: [task.target]


def _check_look(guidance: Guidance, colors: Mapping[str, object], path: Path | None) -> None:
    """Raise ValueError if a file of hints and the command both have a mood or a palette."""
    for name, own in (("mood", guidance.mood), ("palette", guidance.palette)):
        if own and colors.get(name):
            raise ValueError(f"{path} has a {name} of its own: leave out -{name}")


def marked(options: PhotoOptions, colors: Mapping[str, object], guidance: Guidance) -> PhotoOptions:
    """Return options whose results' marks name all settings that the results depend on."""
    names = ("quality", "compare", "candidates", "recolor")
    chosen = {name: getattr(options, name) for name in names} | _pages(options)
    return replace(options, made_with=made_with({**colors, **chosen}, guidance))


def _settings(
    colors: Mapping[str, object], options: PhotoOptions, guided: GuidanceOptions
) -> Mapping[str, object]:
    """Return all settings that a result depends on, as JSON values."""
    chosen = {name: str(value) for name, value in vars(guided).items() if value}
    named = {**colors, "quality": options.quality, "compare": options.compare, **_pages(options)}
    named |= chosen
    unset = ("None", "False", "[]")  # as text, because 0 equals False
    return {name: value for name, value in named.items() if str(value) not in unset}


def _pages(options: PhotoOptions) -> dict[str, str]:
    """Return the chosen pages as a setting, none if all are chosen."""
    return {"pages": " ".join(map(str, options.pages))} if options.pages else {}


def _color_outputs(planned: Sequence[Task], options: PhotoOptions) -> list[Output]:
    if options.candidates:
        return candidate_outputs(planned, options.candidates)
    return [Output(task.target, task.source) for task in planned]


def _analysis_outputs(planned: Sequence[Task], options: PhotoOptions) -> list[Output]:
    maps = map_paths(planned, options.confidence) if options.confidence else {}
    outputs = map_outputs(maps)
    path = options.suggest_json
    if path and path != STDOUT:  # one for all photos
        outputs.append(Output(path, path, "the JSON", "-suggest_json"))
    return outputs


def _standing(
    planned: Sequence[Task], inputs: InputOptions, options: PhotoOptions
) -> Standing | None:
    """Tell the photos that are still to be colorized from the others; None if no photo is to be."""
    overwrite = inputs.overwrite
    kind = replace(PHOTOS, mark_of=lambda path: f"{mark_of(path)}{options.made_with}")
    if options.candidates:
        return standing_candidates(planned, options.candidates, kind=kind, overwrite=overwrite)
    if options.analyzes and inputs.save is None:
        return None
    return standing(planned, kind=kind, overwrite=overwrite)


def analyze_photos(
    tasks: Sequence[Task],
    factory: Callable[[], Analyzer],
    *,
    options: PhotoOptions,
    guidance: Guidance,
) -> Iterator[Result]:
    """Write each photo's confidence map, yield its suggestions as lines, then write all of them as JSON.

    A failure does not stop the other photos.
    factory : called once, for the first photo
    """
    analyzer: Analyzer | None = None
    maps = map_paths(tasks, options.confidence) if options.confidence else {}
    found: dict[Path, Sequence[Suggestion]] = {}
    for task in tasks:
        lines: list[str] = []
        with FailureOf(task.source) as failure:
            pages = options.pages
            photo = read_chosen(task.source, pages) if pages else read_photo(task.source)
            gray, notes = photo.gray, several_left(photo.several)
        if not failure.line:
            analyzer = analyzer or factory()
            with failure:
                if task in maps:
                    write_map(maps[task], analyzer.confidence(gray, guidance))
                    lines.append(str(maps[task]))
                if options.suggest:
                    found[task.source] = analyzer.suggest(gray, options.suggest, guidance)
                    if options.suggest_json != STDOUT:
                        lines += [suggestion_line(task.source, one) for one in found[task.source]]
        if failure.line:
            yield Result(task, error=failure.line)
        else:
            yield Result(task, tuple(lines), tuple(f"{task.source}: {note}" for note in notes))
    if path := options.suggest_json:
        try:
            write_suggestions(path, found)
        except OSError as error:
            yield Result(Task(path, path), error=one_line(path, error))
