"""The photo command: checks everything first, then analyzes and colorizes the photos.

Independent of the network: `PhotoColorization` provides the colorizer and the analyzer.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from color.arrays import Floats, Picture
from color.guidance import Guidance
from color.likely import Suggestion
from color.options import GuidanceOptions
from photo.batch import PHOTOS
from photo.candidates import candidate_outputs, unfinished_candidates
from photo.confidence import map_outputs, map_paths, write_map
from photo.guidance import read_guidance
from photo.inputs import InputOptions, Output, Result, Task, check_outputs, plan, unfinished
from photo.options import PhotoOptions
from photo.read import read_photo
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

    check : raises OSError or ValueError for weights that are missing or belong to another program
    analyzer : loads the network; called once, for the first analyzed photo
    """

    check: Callable[[], object]
    analyzer: Callable[[], Analyzer]
    colorize: ColorizePhotos


@dataclass(frozen=True)
class PhotoWork:
    """The checked work of one photo command.

    planned : all photos, which are analyzed if the options request it
    waiting : photos that are still to be colorized
    failures : a line for each input without photos and each photo whose output path is occupied
    """

    planned: Sequence[Task]
    waiting: Sequence[Task]
    failures: list[str]
    options: PhotoOptions
    guidance: Guidance
    colorization: PhotoColorization

    def results(self) -> Iterator[Result]:
        """Analyze and colorize the photos and yield each result when it is ready; a failure does not stop the others.

        Raises ValueError if the network cannot run.
        """
        options, guidance, by = self.options, self.guidance, self.colorization
        try:
            if options.analyzes:
                yield from analyze_photos(
                    self.planned, by.analyzer, options=options, guidance=guidance
                )
            if self.waiting:
                yield from by.colorize(self.waiting, options, guidance=guidance)
        except RuntimeError as error:
            raise ValueError(str(error)) from error


def plan_photos(
    inputs: InputOptions,
    options: PhotoOptions,
    guided: GuidanceOptions,
    colorization: PhotoColorization,
) -> PhotoWork:
    """Plan the command's work; raise OSError or ValueError, before any work, if it cannot be done."""
    planned, failures = plan(
        inputs.img_in, kind=PHOTOS, save=inputs.save, recursive=inputs.recursive
    )
    check_outputs(
        _analysis_outputs(planned, options),
        inputs=[task.source for task in planned],
        others=_color_outputs(planned, options),
        overwrite=inputs.overwrite,
    )
    waiting, taken = _waiting(planned, inputs, options)
    colorization.check()
    if (guided.hint or guided.hints) and len(planned) > 1:
        raise ValueError(f"hints are for one photo, got {len(planned)}: give one input")
    guidance = read_guidance(guided, planned[0].source if planned else None)
    return PhotoWork(planned, waiting, failures + taken, options, guidance, colorization)


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


def _waiting(
    planned: Sequence[Task], inputs: InputOptions, options: PhotoOptions
) -> tuple[list[Task], list[str]]:
    """Return the photos that are still to be colorized, and a line for each whose output path is occupied."""
    overwrite = inputs.overwrite
    if options.candidates:
        return unfinished_candidates(planned, options.candidates, kind=PHOTOS, overwrite=overwrite)
    if options.analyzes and inputs.save is None:
        return [], []
    return unfinished(planned, kind=PHOTOS, overwrite=overwrite)


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
            gray = read_photo(task.source).gray
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
        yield Result(task, output=tuple(lines) if not failure.line else (), error=failure.line)
    if path := options.suggest_json:
        try:
            write_suggestions(path, found)
        except OSError as error:
            yield Result(Task(path, path), error=one_line(path, error))
