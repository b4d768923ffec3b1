"""The photo command: checks everything first, then analyzes and colorizes the photos.

Independent of the network: `PhotoColorization` provides the colorizer and the analyzer.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import Protocol

from color.arrays import Floats, Picture
from color.guidance import Guidance
from color.likely import Suggestion
from color.options import GuidanceOptions
from photo.batch import PHOTOS
from photo.candidates import candidate_files, candidate_outputs, standing_candidates
from photo.confidence import OPTION, map_mark, map_outputs, map_tasks, write_map
from photo.formats import result_suffix
from photo.guidance import read_guidance
from photo.inputs import InputOptions, Output, Plan, Result, Task, check_outputs, plan
from photo.ledger import Ledger, checked_report
from photo.multipage import rehearsed
from photo.options import PhotoOptions, is_one
from photo.page_account import several_left
from photo.pages import read_chosen
from photo.read import mark_of, read_photo
from photo.standing import Standing, judged, made_with, standing
from photo.suggestions import STDOUT, are_suggestions, suggestion_line, write_suggestions
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
    maps : how far earlier runs got with the confidence maps
    """

    planned: Sequence[Task]
    ledger: Ledger
    options: PhotoOptions
    guidance: Guidance
    colorization: PhotoColorization
    maps: Standing

    def results(self) -> Iterator[Result]:
        """Analyze and colorize the photos and yield each result when it is ready; a failure does not stop the others.

        Raises ValueError if the network cannot run.
        """
        options, guidance, by = self.options, self.guidance, self.colorization
        if self.ledger.dry_run:
            yield from self.ledger.rehearse(partial(rehearsed, options=options, guidance=guidance))
            return
        try:
            if options.analyzes:
                yield from self._analyses()
            waiting = self.ledger.waiting
            done = by.colorize(waiting, options, guidance=guidance) if waiting else ()
            yield from self.ledger.follow(done)
        except RuntimeError as error:
            raise ValueError(str(error)) from error

    def _analyses(self) -> Iterator[Result]:
        """Analyze the photos; those that fail are not colorized."""
        by = self.colorization.analyzer
        options, guidance = self.options, self.guidance
        for result in analyze_photos(
            self.planned, by, options=options, guidance=guidance, maps=self.maps
        ):
            if result.error is not None and result.task in self.planned:
                self.ledger.fail(result)
            yield result


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
    maps, unnamed = _map_tasks(given, options)
    outputs = [*_color_outputs(planned, options), *map_outputs(maps)]
    points = _point_outputs(options)
    again = inputs.overwrite or all(are_suggestions(output.path, read) for output in points)
    check_outputs(points, inputs=read, others=outputs, overwrite=again)
    report = checked_report(inputs, read=read, others=[*outputs, *points])
    colors = colorization.check()
    if (guided.hint or guided.hints) and len(planned) > 1:
        raise ValueError(f"hints are for one photo, got {len(planned)}: give one input")
    first = planned[0].source if planned else None
    guidance = read_guidance(guided, first, pages=options.pages)
    if guidance.candidate and options.candidates:
        raise ValueError(f"{guided.hints} is one of the candidates: leave out -candidates")
    _check_look(guidance, colors, guided.hints)
    options = marked(options, colors, guidance)
    maps_now = _maps_now(maps, unnamed, inputs, options)
    now = _standing(planned, inputs, options)
    if now is None and (report or inputs.dry_run):
        raise ValueError("-report and -dry_run are about colorizing: add -save, or leave them out")
    settings = _settings(colors, options, guided)
    ledger = Ledger(
        given, now, settings, report, dry_run=inputs.dry_run, files=_files_of(options.candidates)
    )
    return PhotoWork(planned, ledger, options, guidance, colorization, maps_now)


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


def _point_outputs(options: PhotoOptions) -> list[Output]:
    path = options.suggest_json
    if path is None or path == STDOUT:
        return []
    return [Output(path, path, "the JSON", "-suggest_json")]  # one for all photos


def _map_tasks(given: Plan, options: PhotoOptions) -> tuple[list[Task], list[Result]]:
    """Return the photos with the paths of their maps, and those whose map has none."""
    if options.confidence is None:
        return [], []
    return map_tasks(given.tasks, options.confidence, given.places)


def _maps_now(
    maps: Sequence[Task], unnamed: Sequence[Result], inputs: InputOptions, options: PhotoOptions
) -> Standing:
    """Tell the maps that are still to be written from the others; unnamed : photos whose map has no path."""
    kind = replace(PHOTOS, mark_of=lambda path: f"{map_mark(mark_of(path))}{options.made_with}")
    now = judged(maps, kind=kind, overwrite=inputs.overwrite, option=OPTION)
    return replace(now, failures=[*unnamed, *now.failures])


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
    maps: Standing,
) -> Iterator[Result]:
    """Write each photo's confidence map, yield its suggestions as lines, then write all of them as JSON.

    A failure does not stop the other photos.
    factory : called once, for the first photo
    maps : how far earlier runs got with them
    """
    load, found = cache(factory), dict[Path, Sequence[Suggestion]]()
    done = {task.source: str(task.target) for task in maps.done}
    waiting = {task.source: task.target for task in maps.waiting}
    refused = {failure.task.source: failure.error for failure in maps.failures}
    for task in tasks:
        source = task.source
        if source in refused:
            yield Result(task, error=refused[source])
        elif source in done and not options.suggest:
            yield Result(task, (done[source],))
        else:
            there = [done[source]] if source in done else []
            yield _analysis(task, load, options, guidance, waiting.get(source), there, found)
    if path := options.suggest_json:
        try:
            write_suggestions(path, found)
        except OSError as error:
            yield Result(Task(path, path), error=one_line(path, error))


def _analysis(
    task: Task,
    load: Callable[[], Analyzer],
    options: PhotoOptions,
    guidance: Guidance,
    new_map: Path | None,
    lines: list[str],
    found: dict[Path, Sequence[Suggestion]],
) -> Result:
    """Write a photo's map if it has none yet, and add its suggestions to those that were found."""
    source, pages = task.source, options.pages
    with FailureOf(source) as failure:
        photo = read_chosen(source, pages) if pages else read_photo(source)
    if not failure.line:
        analyzer = load()
        with failure:
            if new_map:
                mark = f"{map_mark(photo.mark)}{options.made_with}"
                write_map(new_map, analyzer.confidence(photo.gray, guidance), mark=mark)
                lines.append(str(new_map))
            if options.suggest:
                found[source] = analyzer.suggest(photo.gray, options.suggest, guidance)
                if options.suggest_json != STDOUT:
                    lines += [suggestion_line(source, one) for one in found[source]]
    if failure.line:
        return Result(task, error=failure.line)
    return Result(
        task, tuple(lines), tuple(f"{source}: {note}" for note in several_left(photo.several))
    )
