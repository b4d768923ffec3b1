"""Gray in, color out: photographs, and segments of films; the network is loaded once.

    rgb = Colorizer()(gray)

As a script, `python gray2color.py IN OUT` colorizes one picture; `main.py` is the full command.
"""

import dataclasses
import functools
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from color.arrays import Arrays, Floats
from color.guidance import UNGUIDED, Guidance
from color.likely import LikelyColor, Suggestion
from color.segment import Segment
from image.upsample import color_field
from model.contract import Predictor
from model.decode import AbPredictor, Prediction
from model.distribution import ColorDistribution, suggestions
from model.options import (
    CONTRAST,
    GUIDANCE,
    NEUTRAL,
    SATURATION,
    STEADY,
    TEMPERATURE,
    WORKING_SIZE,
    ColorOptions,
    RunOptions,
)
from model.paddle_import import gpu_count, has_gpu_package
from model.photo_colors import PhotoColors, recolored
from model.program import Device, Precision, Program
from model.program_cache import prepare, program_for
from model.shot_colors import ShotColors
from model.weights_file import RELEASED, weights_sha256
from photo.compose import Composition
from photo.inputs import Result, Task
from photo.options import PhotoOptions
from prior.lab import gray2lightness
from prior.qspace import read_bins
from runtime.progress import progress_for
from runtime.workers import cores


class Colorizer:
    """Colorizes gray pictures and segments of films; keeps the network between them.

    device : "auto" takes a GPU when this Paddle and machine have one.
    precision : "auto" takes bf16 where the processor is faster in it, else fp32; "fastest" takes int8, too, for films.
    threads : processor cores to use; all by default.
    temperature : of the annealed mean: 1 the mean color, below it purer and bolder.
    saturation : times the chroma.
    working_size : short side of the network's input, in pixels.
    steady : 0 colorizes each frame of a film by itself, 1 makes colors as steady as can be.
    smoothing : smooth colors where the network is undecided, so that plain walls stay plain.
    contrast, neutral : how much colors differ within a picture, and how faint ones become gray, where there are no
        hints: see `model.decode`; 1 and 0 leave the prediction as it is.
    palette, mood, guidance : what all colors keep or lean to, and how much that counts, references included.
    predictor : an open network, instead of the weights' program on a device.

    Raises FileNotFoundError or ValueError for weights that are missing or foreign, RuntimeError
    when a GPU is asked for and there is none.
    """

    def __init__(
        self,
        weights: Path = RELEASED,
        *,
        device: Device = "auto",
        precision: Precision = "auto",
        threads: int | None = None,
        temperature: float = TEMPERATURE,
        saturation: float = SATURATION,
        working_size: int = WORKING_SIZE,
        steady: float = STEADY,
        smoothing: bool = True,
        contrast: float = CONTRAST,
        neutral: float = NEUTRAL,
        palette: Sequence[str] = (),
        mood: str | None = None,
        guidance: float = GUIDANCE,
        predictor: Predictor | None = None,
    ) -> None:
        self.threads = threads or cores()
        if predictor is None:
            weights_sha256(weights)  # names a bad file before the seconds that opening takes
            folder = functools.partial(program_for, weights)
            predictor = Program(
                folder, device=device, precision=precision,
                threads=self.threads, temperature=temperature,
            )  # fmt: skip
        plain = AbPredictor(
            predictor, read_bins(), temperature, saturation, working_size,
            smoothing=smoothing, contrast=contrast, neutral=neutral,
        )  # fmt: skip
        wanted = Guidance(palette=tuple(palette), mood=mood, strength=guidance)
        self._predict = recolored(plain, wanted)
        self._photos = PhotoColors(self._predict)
        self._shots = ShotColors(self._predict, steady, self._photos.palette_of)

    def with_options(self, color: ColorOptions) -> "Colorizer":
        """Return a colorizer with other settings around the same network."""
        chosen = {name: value for name, value in vars(color).items() if value is not None}
        return Colorizer(
            predictor=self._predict.network,
            threads=self.threads,
            steady=self._shots.steadiness,
            smoothing=self._predict.smoothing,
            contrast=self._predict.contrast,
            neutral=self._predict.neutral,
            **chosen,
        )

    def __call__(self, gray: NDArray[Any], guidance: Guidance = UNGUIDED) -> NDArray[Any]:
        """Colorize gray (H, W) uint8 or uint16; rgb (H, W, 3) of its dtype and its lightness.

        guidance : what a person wants of the picture; a palette, mood and strength take the place of the Colorizer's own
        """
        return self.composition(gray, guidance).whole()

    def composition(self, gray: NDArray[Any], guidance: Guidance = UNGUIDED) -> Composition:
        """Colorize as a call does, but compose the picture later, all of it or band by band."""
        return self._composed(self.ab(gray, guidance), gray)

    def ab(self, gray: NDArray[Any], guidance: Guidance = UNGUIDED) -> Floats:
        """Predict small ab (h, w, 2) for gray (H, W) uint8 or uint16; guided as above."""
        return self._photos.ab(gray, guidance)

    def candidates(
        self, gray: NDArray[Any], n: int = 5, guidance: Guidance = UNGUIDED
    ) -> list[NDArray[Any]]:
        """Colorize gray (H, W) in up to n plausible, visibly different ways; guided as a call is.

        Returns rgb (H, W, 3) each, the first as a call does; fewer than n where no others differ visibly.
        """
        return [one.whole() for one in self.candidate_compositions(gray, n, guidance)]

    def candidate_compositions(
        self, gray: NDArray[Any], n: int = 5, guidance: Guidance = UNGUIDED
    ) -> list[Composition]:
        """Colorize as `candidates` does, but compose the pictures later."""
        return [self._composed(ab, gray) for ab in self._photos.candidates(gray, n, guidance)]

    def confidence(self, gray: NDArray[Any], guidance: Guidance = UNGUIDED) -> Floats:
        """Tell how sure the network is of each pixel of gray (H, W): (H, W), 1 sure, 0 any color is as likely."""
        return self.distribution(gray, guidance).confidence(gray.shape)

    def suggest(
        self, gray: NDArray[Any], n: int = 5, guidance: Guidance = UNGUIDED
    ) -> list[Suggestion]:
        """Suggest up to n places of gray (H, W) where a hint would help most, each with its likely colors."""
        return suggestions(self.distribution(gray, guidance), n, picture=gray.shape)

    def likely_colors(
        self, gray: NDArray[Any], x: float, y: float, guidance: Guidance = UNGUIDED
    ) -> list[LikelyColor]:
        """Give the likely colors at a place of gray (H, W), in its pixels, the likeliest first.

        For several places, take `distribution` once, and its `likely_colors_at`.
        """
        return self.distribution(gray, guidance).likely_colors_at(x, y, picture=gray.shape)

    def distribution(self, gray: NDArray[Any], guidance: Guidance = UNGUIDED) -> ColorDistribution:
        """Predict how likely each color is at each place of gray (H, W)."""
        return self._photos.distribution(gray, guidance)

    def _composed(self, ab: Floats, gray: NDArray[Any]) -> Composition:
        field = color_field(ab, gray, to_lightness=gray2lightness)
        return Composition(gray, field, self.threads)

    def colorize(self, segment: Segment) -> Floats:
        """Predict small ab (n, h, w, 2) for a segment's frames, consistent in time.

        The network sees the keyframes; their colors pass along the motion of this segment and are averaged.
        """
        if not self._shots.steadiness:
            return self._shots.frames(segment)
        return self._shots.finish(self._shots.predict(segment))

    def predict_segment(self, segment: Segment) -> Arrays:
        """Predict a segment's keyframes and motion, as `film.options.ShotColorizer` has it; so below."""
        return self._shots.predict(segment)

    def link_segment(self, predicted: Arrays, entering: Arrays | None, *, backward: bool) -> Arrays:
        """Link a segment to the next, or backward to the one before: what enters it -> what leaves it."""
        return self._shots.link(predicted, entering, backward=backward)

    def finish_segment(
        self, predicted: Arrays, *, before: Arrays | None, after: Arrays | None
    ) -> Floats:
        """Average a segment's colors with those that enter from before and after: ab (n, h, w, 2)."""
        return self._shots.finish(predicted, before=before, after=after)

    def predict(
        self,
        lightness: Floats,
        *,
        hints: Floats | None = None,
        palette: Floats | None = None,
    ) -> Prediction:
        """Predict small ab for L (n, H, W) 0..100 at the working size: see `AbPredictor`."""
        return self._predict(lightness, hints=hints, palette=palette)


def colorizer_factory(
    color: ColorOptions,
    run: RunOptions,
    *,
    threads: int | None,
    steady: float = STEADY,
    films: bool = False,
) -> Callable[[], Colorizer]:
    """Return a picklable function that loads the network with the options chosen.

    films : thousands of frames are worth an engine that takes longer to open; a photo has the same colors alone and among many
    """
    precision = "fastest" if films and run.precision == "auto" else run.precision
    options = {**dataclasses.asdict(color), "weights": run.weights}
    chosen: Any = {name: value for name, value in options.items() if value is not None}
    return functools.partial(
        Colorizer,
        device=run.device,
        precision=precision,
        threads=threads,
        steady=steady,
        **chosen,
    )


def colorize_photo_files(
    tasks: Sequence[Task],
    options: PhotoOptions,
    *,
    color: ColorOptions,
    run: RunOptions,
    guidance: Guidance,
) -> Iterator[Result]:
    """Colorize photos in processes of one thread each, or all in this one: for a GPU, or when they are few."""
    from photo.batch import FEW, colorize_photos

    alone = len(tasks) <= FEW or run.device == "gpu" or uses_gpu(run.device)
    processes = 1 if alone else run.threads or cores()
    load = colorizer_factory(color, run, threads=run.threads if processes == 1 else 1)
    factory = functools.partial(guided, load, guidance, candidates=options.candidates)
    if processes > 1:
        refers, recolors = guidance.reference is not None, bool(color.palette or color.mood)
        distributes = bool(refers or recolors or options.candidates)
        prepare(run, color, distributes=distributes, refers=refers)
    progress = progress_for(quiet=run.quiet)
    return colorize_photos(tasks, factory, options=options, processes=processes, progress=progress)


def guided(
    factory: Callable[[], Colorizer],
    guidance: Guidance = UNGUIDED,
    *,
    candidates: int | None = None,
) -> Callable[[NDArray[Any]], Composition | list[Composition]]:
    """Make a colorizer that guides every picture alike, perhaps to several candidates."""
    colorizer = factory()
    if candidates:
        return functools.partial(colorizer.candidate_compositions, n=candidates, guidance=guidance)
    return functools.partial(colorizer.composition, guidance=guidance)


def check_weights(weights: Path | None = None) -> str:
    """Return the sha256 that a weights file carries, by default the released one, without importing Paddle.

    Raises FileNotFoundError or ValueError for weights that are missing or foreign.
    """
    return weights_sha256(weights or RELEASED)


def uses_gpu(device: Device) -> bool:
    """Tell whether `device` means a GPU here: one process, and so one network, then does all the work.

    Paddle's CPU package has none, and that is known without the seconds that its import takes.
    """
    return device != "cpu" and has_gpu_package() and gpu_count() > 0


def main(argv: Sequence[str] | None = None) -> int:
    """Colorize one picture: python gray2color.py IN OUT. What is there already is never replaced."""
    from photo.batch import PHOTOS, colorize_photos
    from photo.inputs import plan

    words = sys.argv[1:] if argv is None else list(argv)
    if len(words) != 2 or words[0].startswith("-"):
        print("usage: python gray2color.py IN OUT    (more options: main.py)", file=sys.stderr)
        return 2
    try:
        tasks, problems = plan(words[:1], kind=PHOTOS, save=words[1])
        taken = dict.fromkeys(task.target for task in tasks if os.path.lexists(task.target))
        problems += [f"{path} is there already: remove it or name another" for path in taken]
        if free := [task for task in tasks if task.target not in taken]:
            results = colorize_photos(free, Colorizer)
            problems += [result.error for result in results if result.error]
    except (OSError, ValueError, RuntimeError) as error:
        problems = [str(error)]
    for line in problems:
        print(f"gray2color.py: {line}", file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
